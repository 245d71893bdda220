import { Fault, type Limits } from "../core/index.js";
import type { Opener } from "./box-owner.js";

/** How many boxes of names that are not proved each connection has opened: no one takes all that there may be. */
export class OpenerShares {
  // bound: mailboxesMax · evicts: with the last box of the connection · owner: OpenerShares
  readonly #opened = new Map<string, number>();
  readonly #limits: Pick<Limits, "mailboxesPerConnectionMax">;

  constructor(limits: Pick<Limits, "mailboxesPerConnectionMax">) {
    this.#limits = limits;
  }

  /** Lets a connection open one more. @throws Fault full */
  mustHavePlace({ trust, connection }: Opener): void {
    const opened = connection === undefined ? 0 : (this.#opened.get(connection) ?? 0);
    if (trust === "proved" || opened < this.#limits.mailboxesPerConnectionMax) return;
    throw new Fault(
      "full",
      `this connection has opened ${String(opened)} mailboxes, which is as many as it can ` +
        "(mailboxesPerConnectionMax); prove the name by a token (broker token NAME)",
    );
  }

  /** A connection has one box more, or less. */
  count(connection: string | undefined, more: 1 | -1): void {
    if (connection === undefined) return;
    const opened = (this.#opened.get(connection) ?? 0) + more;
    if (opened > 0) this.#opened.set(connection, opened);
    else this.#opened.delete(connection);
  }
}
