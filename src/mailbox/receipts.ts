import { brokerTopic, type Clock, type Exchange } from "../core/index.js";
import { isUnanswered } from "./asked-requests.js";
import type { MailRow, MailState } from "./mail-row.js";

/** What a sender is told of its message. */
export type ReceiptState = "stored" | Exclude<MailState, "waiting" | "leased">;

/** Receipts that say the same to the same sender. */
interface Told {
  readonly to: string;
  readonly state: ReceiptState;
  readonly reason: string | undefined;
  readonly until: string | undefined;
  readonly ids: string[];
}

/** Receipts gather for this long, milliseconds, and so many go together. */
const gatherMs = 50;
const idsMax = 500;

/** The bits of {@link MailRow.receipt}. */
export const receiptBits = { stored: 1, settled: 2 } as const;

/** True if the sender of this message has asked to be told that it is settled, and it is. */
function wantsSettled(row: MailRow): boolean {
  return (row.receipt & receiptBits.settled) !== 0 && !isUnanswered(row);
}

/**
 * Tells senders what they asked to be told, by informs of kind `receipt` (protocols §9): gathered, never summed up. What
 * is told is on the disk.
 */
export class Receipts {
  readonly #exchange: Pick<Exchange, "announce">;
  readonly #clock: Clock;
  // bound: what is settled within 50 ms · evicts: all of it goes out then · owner: Receipts
  #gathered = new Map<string, Told>();
  #cancel: (() => void) | undefined;

  constructor(exchange: Pick<Exchange, "announce">, clock: Clock) {
    this.#exchange = exchange;
    this.#clock = clock;
  }

  /** A message is kept. */
  stored(row: MailRow): void {
    if ((row.receipt & receiptBits.stored) !== 0)
      this.#gather(row, "stored", undefined, new Date(row.until).toISOString());
  }

  /** The state of a message is kept. */
  settled(row: MailRow): void {
    if (row.state !== "waiting" && row.state !== "leased" && wantsSettled(row))
      this.#gather(row, row.state, row.reason, undefined);
  }

  /** The same sender has said the same again: it hears where the first one stands. */
  repeated(row: MailRow): void {
    if (row.state === "waiting" || row.state === "leased" || !wantsSettled(row)) this.stored(row);
    else this.settled(row);
  }

  /** Tells what has gathered. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const gathered = this.#gathered;
    this.#gathered = new Map();
    for (const { to, state, reason, until, ids } of gathered.values()) {
      const count = ids.length === 1 ? "your message is" : `${String(ids.length)} of your messages are`;
      const message = `${count} ${state}${reason === undefined ? "" : ` (${reason})`}`;
      this.#exchange.announce(to, {
        type: "inform",
        content: {
          kind: "receipt",
          message,
          data: { ids, state, ...(reason !== undefined && { reason }), ...(until !== undefined && { until }) },
        },
      });
    }
  }

  #gather(
    { from, messageId }: MailRow,
    state: ReceiptState,
    reason: string | undefined,
    until: string | undefined,
  ): void {
    if (from === brokerTopic) return;
    const key = JSON.stringify([from, state, reason, until]);
    const told = this.#gathered.get(key);
    if (told === undefined) this.#gathered.set(key, { to: from, state, reason, until, ids: [messageId] });
    else told.ids.push(messageId);
    if (told !== undefined && told.ids.length >= idsMax) this.flush();
    else
      this.#cancel ??= this.#clock.after(gatherMs, () => {
        this.flush();
      });
  }
}
