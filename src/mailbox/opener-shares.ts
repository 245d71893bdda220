import { Allotment, Fault, isIssued, isOfThisMachine, type Limits } from "../core/index.js";
import type { OpenedBy, Opener } from "./box-owner.js";
import type { BoxRow } from "./mail-row.js";

type OpenerLimits = Pick<Limits, "mailboxesMax" | "mailboxesPerConnectionMax">;

/** Boxes that each network can have opened in any case. */
const assured = 10;

/**
 * Whose boxes there are of names that have cost nothing: claimed, or proved by a key of which anybody makes as many as it
 * likes. Together they are half of what there may be, so that a token always finds a place; of that half no connection
 * and, but for this machine, no network takes all.
 */
export class OpenerShares {
  // bound: twice mailboxesMax · evicts: with the last box of the connection, or network · owner: OpenerShares
  readonly #opened = new Map<string, number>();
  readonly #free: Allotment;
  readonly #limits: OpenerLimits;

  constructor(limits: OpenerLimits) {
    this.#limits = limits;
    this.#free = new Allotment(() => limits.mailboxesMax / 2, assured);
  }

  /** Lets somebody open one more, beside `all` that there are, or will be in a moment. @throws Fault full */
  mustHavePlace(opener: Opener, all: number): void {
    const { mailboxesMax, mailboxesPerConnectionMax } = this.#limits;
    if (all >= mailboxesMax)
      throw new Fault("full", `there are ${String(mailboxesMax)} mailboxes (mailboxesMax); close one first`);
    if (isIssued(opener) || opener.isOperator === true) return;
    const orToken = "prove the name by a token (broker token NAME)";
    const [ofConnection = 0, ofNetwork = 0] = [connectionKey(opener), networkKey(opener)].map((key) =>
      key === undefined ? 0 : (this.#opened.get(key) ?? 0),
    );
    if (ofConnection >= mailboxesPerConnectionMax)
      throw new Fault(
        "full",
        `this connection has opened ${String(ofConnection)} mailboxes, which is as many as it can ` +
          `(mailboxesPerConnectionMax); ${orToken}`,
      );
    if (this.#free.used + 1 > mailboxesMax / 2)
      throw new Fault(
        "full",
        `agents without a token have ${String(this.#free.used)} mailboxes, which is as many as they can together ` +
          `(half of mailboxesMax); close one first, or ${orToken}`,
      );
    if (!this.#free.allows(ofNetwork))
      throw new Fault(
        "full",
        `${String(ofNetwork)} mailboxes were opened from this address without a token, as many as are left for all ` +
          `others; close one first, or ${orToken}`,
      );
  }

  /** What has to be remembered of who opens a box: nothing, if it has a token. */
  static openedBy(opener: Opener): OpenedBy | undefined {
    const { connection, network } = opener;
    return isIssued(opener) || (connection ?? network) === undefined ? undefined : { connection, network };
  }

  /** There is one box more, or less. Of those from before the start it is not known who opened them. */
  count(box: Pick<BoxRow, "trust"> & { readonly proof?: string | undefined } & OpenedBy, more: 1 | -1): void {
    if (isIssued(box)) return;
    this.#free.used += more;
    for (const key of [connectionKey(box), networkKey(box)]) {
      if (key === undefined) continue;
      const opened = (this.#opened.get(key) ?? 0) + more;
      if (opened > 0) this.#opened.set(key, opened);
      else this.#opened.delete(key);
    }
  }
}

function connectionKey({ connection }: OpenedBy): string | undefined {
  return connection === undefined ? undefined : `connection ${connection}`;
}

/** Programs of this machine could do more harm in other ways. */
function networkKey({ network }: OpenedBy): string | undefined {
  const isElsewhere = network !== undefined && !isOfThisMachine({ network, name: "" });
  return isElsewhere ? `network ${network}` : undefined;
}
