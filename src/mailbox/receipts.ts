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
  /** Characters of them. */
  length: number;
}

/** Receipts gather for this long, milliseconds, and so many go together, of so many characters. */
const gatherMs = 50;
const idsMax = 500;
const idsMaxLength = 16 * 1024;
/** Until when something is delivered is told to the second: what comes together is told together. */
const toldMs = 1_000;

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
  #phase: "open" | "closed" = "open";

  constructor(exchange: Pick<Exchange, "announce">, clock: Clock) {
    this.#exchange = exchange;
    this.#clock = clock;
  }

  /** A message is kept. */
  stored(row: MailRow): void {
    if ((row.receipt & receiptBits.stored) !== 0)
      this.#gather(row, "stored", undefined, new Date(Math.floor(row.until / toldMs) * toldMs).toISOString());
  }

  /** The state of a message is kept. */
  settled(row: MailRow): void {
    if (row.state !== "waiting" && row.state !== "leased" && wantsSettled(row))
      this.#gather(row, row.state, row.reason, undefined);
  }

  /** The same sender has said the same again: it hears where the first one stands, which is on the disk. */
  repeated(row: MailRow): void {
    if (row.state === "waiting" || row.state === "leased" || !wantsSettled(row)) this.stored(row);
    else this.settled(row);
  }

  /** Nothing more is told. */
  close(): void {
    this.#phase = "closed";
    this.#cancel?.();
    this.#cancel = undefined;
    this.#gathered.clear();
  }

  /** Tells what has gathered. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const gathered = this.#gathered;
    this.#gathered = new Map();
    for (const told of gathered.values()) this.#tell(told);
  }

  #tell({ to, state, reason, until, ids }: Told): void {
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

  #gather(
    { from, messageId }: MailRow,
    state: ReceiptState,
    reason: string | undefined,
    until: string | undefined,
  ): void {
    if (from === brokerTopic || this.#phase === "closed") return;
    const key = JSON.stringify([from, state, reason, until]);
    let told = this.#gathered.get(key);
    if (told !== undefined && told.length + messageId.length > idsMaxLength) {
      this.#gathered.delete(key);
      this.#tell(told);
      told = undefined;
    }
    if (told === undefined) this.#gathered.set(key, (told = { to: from, state, reason, until, ids: [], length: 0 }));
    told.ids.push(messageId);
    told.length += messageId.length;
    if (told.ids.length >= idsMax) {
      this.#gathered.delete(key);
      this.#tell(told);
    } else
      this.#cancel ??= this.#clock.after(gatherMs, () => {
        this.flush();
      });
  }
}
