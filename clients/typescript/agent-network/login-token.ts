import type { Clock } from "../../../src/core/clock.js";
import { renewalMs } from "../shared/token-end.js";
import { networkError, type NetworkError } from "./error.js";

/** A token, or what brings one: called at each connect, and before the token ends. */
export type AuthToken = string | (() => string | Promise<string>);

/** Characters of a token at most (Agent Network §2.2). */
const tokenMax = 8_192;

/** What a login needs. */
export interface LoginPorts {
  readonly authToken: AuthToken;
  readonly agentId: string;
  readonly clock: Clock;
  /** The function that brings tokens has failed; it is asked again. */
  failed(error: NetworkError): void;
}

/** Says who the agent is, at each connect and before its token ends (Agent Network §2.2, §2.6). */
export class Login {
  readonly #ports: LoginPorts;
  #token = "";
  #cancel: () => void = () => undefined;
  /** Which line it is that a renewal is for: an answer for an earlier one is nobody's. */
  #turn = 0;

  constructor(ports: LoginPorts) {
    this.#ports = ports;
  }

  /** True if a fresh token can be had. */
  get isRenewable(): boolean {
    return typeof this.#ports.authToken === "function";
  }

  /** The AUTH frame, with a token of now. @throws NetworkError AUTHENTICATION_ERROR */
  async frame(): Promise<string> {
    this.#token = await this.#fetched();
    return this.#written();
  }

  /** Renews the token before it ends, as long as the line is there. */
  keep(send: (text: string) => void): void {
    this.stop();
    const turn = this.#turn;
    const later = (ms: number | undefined): void => {
      if (ms !== undefined && this.isRenewable) this.#cancel = this.#ports.clock.after(ms, renew);
    };
    const renew = (): void => {
      const before = this.#token;
      this.#fetched().then(
        (token) => {
          if (turn !== this.#turn) return;
          this.#token = token;
          if (token !== before) send(this.#written());
          later(renewalMs(token, this.#ports.clock.now()));
        },
        (error: unknown) => {
          if (turn !== this.#turn) return;
          this.#ports.failed(error as NetworkError);
          later(renewalMs(before, this.#ports.clock.now()));
        },
      );
    };
    later(renewalMs(this.#token, this.#ports.clock.now()));
  }

  stop(): void {
    this.#turn += 1;
    this.#cancel();
  }

  #written(): string {
    return JSON.stringify({ type: "AUTH", token: this.#token, agentId: this.#ports.agentId });
  }

  async #fetched(): Promise<string> {
    const { authToken } = this.#ports;
    if (typeof authToken === "string") return authToken;
    let token: unknown;
    try {
      token = await authToken();
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw networkError("AUTHENTICATION_ERROR", `the function that is authToken has failed: ${why}`);
    }
    if (typeof token !== "string" || token === "" || token.length > tokenMax)
      throw networkError("AUTHENTICATION_ERROR", "the function that is authToken has to bring a token, a text");
    return token;
  }
}
