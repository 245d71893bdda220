import type { Clock } from "../../../src/core/clock.js";
import { renewalMs } from "../shared/token-end.js";
import { viewerError, type ViewerError } from "./error.js";

/** A token, or what brings one: called at each connect, and before the token ends. */
export type Token = string | (() => string | Promise<string>);

/** Characters of a token at most. */
const tokenMax = 8_192;

/** Brings tokens, and the next one before the present one ends (Visualisation §1.8). */
export class Tokens {
  readonly #source: Token;
  readonly #clock: Clock;
  #cancel: () => void = () => undefined;
  /** Which connection it is that a renewal is for. */
  #turn = 0;

  constructor(source: Token, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** True if a fresh token can be had. */
  get isRenewable(): boolean {
    return typeof this.#source === "function";
  }

  /** A token of now. @throws ViewerError AUTH_FAILED */
  async fetch(): Promise<string> {
    if (typeof this.#source === "string") return this.#source;
    let token: unknown;
    try {
      token = await this.#source();
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw viewerError("AUTH_FAILED", `the function that is token has failed: ${why}`);
    }
    if (typeof token !== "string" || token === "" || token.length > tokenMax)
      throw viewerError("AUTH_FAILED", "the function that is token has to bring a token, a text");
    return token;
  }

  /** Renews the token of a connection before it ends. @param failed the function has failed; it is asked again */
  keep(token: string, refresh: (token: string) => void, failed: (error: ViewerError) => void): void {
    this.stop();
    const turn = this.#turn;
    let present = token;
    const later = (): void => {
      const ms = this.isRenewable ? renewalMs(present, this.#clock.now()) : undefined;
      if (ms !== undefined) this.#cancel = this.#clock.after(ms, renew);
    };
    const renew = (): void => {
      this.fetch().then(
        (next) => {
          if (turn !== this.#turn) return;
          if (next !== present) refresh(next);
          present = next;
          later();
        },
        (error: unknown) => {
          if (turn !== this.#turn) return;
          failed(error as ViewerError); // fetch throws no other
          later();
        },
      );
    };
    later();
  }

  stop(): void {
    this.#turn += 1;
    this.#cancel();
  }
}
