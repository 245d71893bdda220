import type { Clock, Lifecycle } from "../core/index.js";
import type { TokenEnd } from "../identity/index.js";

/** Tokens are looked after this often. */
const roundMs = 500;

/** Connections of which some may speak by a token. */
export interface TokenHolders {
  /** Cuts those whose token has ended. */
  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void;
}

/**
 * Has whoever speaks by a token that was revoked or has expired cut, within a second. It asks for all of them each time
 * rather than waiting to be
 * told: a connection that was just being let in when its token went is found, too.
 */
export class TokenWatch implements Lifecycle {
  readonly #clock: Clock;
  readonly #endOf: (tokenId: string) => TokenEnd | undefined;
  readonly #holders: () => readonly TokenHolders[];
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, endOf: (tokenId: string) => TokenEnd | undefined, holders: () => readonly TokenHolders[]) {
    this.#clock = clock;
    this.#endOf = endOf;
    this.#holders = holders;
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
      for (const holders of this.#holders()) holders.endTokens(this.#endOf);
      this.#roundLater();
    });
  }
}
