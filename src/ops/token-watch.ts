import type { Clock, Lifecycle } from "../core/index.js";
import type { TokenEnd } from "../identity/index.js";

/** How often all tokens are checked. */
const roundMs = 500;

/** A part of the broker with connections that may have logged in by a token. */
export interface TokenConnections {
  /** Cuts those whose token has ended, or whose proof was given until now. */
  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void;
}

/**
 * Cuts connections whose token was revoked or has expired, within a second. It checks all of them each time instead of
 * being told about single tokens: so it also finds a connection that was being let in when its token ended.
 */
export class TokenWatch implements Lifecycle {
  readonly #clock: Clock;
  readonly #endOf: (tokenId: string) => TokenEnd | undefined;
  readonly #tokenConnections: () => readonly TokenConnections[];
  #cancel: (() => void) | undefined;

  constructor(
    clock: Clock,
    endOf: (tokenId: string) => TokenEnd | undefined,
    tokenConnections: () => readonly TokenConnections[],
  ) {
    this.#clock = clock;
    this.#endOf = endOf;
    this.#tokenConnections = tokenConnections;
  }

  start(): Promise<void> {
    this.#roundLater();
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#cancel?.();
    return Promise.resolve();
  }

  #roundLater(): void {
    this.#cancel = this.#clock.after(roundMs, () => {
      for (const connections of this.#tokenConnections()) connections.endTokens(this.#endOf);
      this.#roundLater();
    });
  }
}
