import { dataOf, peekedIn, type MailCursor, type MailboxStatus } from "./mail-answers.js";
import type { AskBroker } from "./settlements.js";

/** Messages that are looked at together. */
const pageMax = 100;

/** What {@link takeBack} works with. */
export interface TakeBackParts {
  /** Whose mailbox it is. */
  readonly name: string;
  readonly ask: AskBroker;
  /** Gives this delivery back, unless this agent has it. */
  readonly giveBack: (deliveryId: string) => Promise<unknown>;
}

/** How the broker is asked. */
type Asking = Parameters<AskBroker>[2];

/**
 * Looks at what is leased to this name, and gives back what this agent does not have: a program of this name was killed,
 * or an answer was lost with its line. It need not wait until the leases end. `leased`: so many are, if that is known.
 * @throws Fault
 */
export async function takeBack(parts: TakeBackParts, leased?: number, asking?: Asking): Promise<void> {
  const { name, ask, giveBack } = parts;
  const status = leased === undefined ? dataOf(await ask("mailbox.status", {}, asking)) : { leased };
  let { leased: left } = status as unknown as Pick<MailboxStatus, "leased">; // our broker's answer
  let after: MailCursor | undefined;
  while (left > 0) {
    const page = peekedIn(await ask("mailbox.peek", { ...(after && { after }), max: pageMax }, asking), name);
    if (page.messages.length === 0) return;
    const ids = page.messages.flatMap(({ state, message: { $broker } }) =>
      state === "leased" && $broker?.delivery_id !== undefined ? [$broker.delivery_id] : [],
    );
    await Promise.all(ids.map((id) => giveBack(id)));
    left -= ids.length;
    after = page.next;
  }
}
