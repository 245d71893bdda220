import { asFault, brokerTopic, noticeOf, type Envelope, type Fault, type Message } from "../core/index.js";
import type { Box } from "./box.js";
import type { Entry } from "./entry.js";
import { digestOf, receiptOf, saysReceipt, senderOf, sizeOf, whyFull, type Sender } from "./incoming.js";
import type { MailContext } from "./mail-context.js";
import type { MailRow } from "./mail-row.js";

const priorities = { HIGH: 0, NORMAL: 1, LOW: 2 } as const;
/** A repeat is recognised for this long, milliseconds. */
const repeatMs = 86_400_000;
/** Of messages of one sender with one id so many are told apart, the last ones: more would take long to look at. */
const sameIdMax = 32;
/** What came to such an end may be sent again. */
const isLost = ({ state }: MailRow): boolean => state === "expired" || state === "dead";

/** What comes into one box, which is read: it is taken, known already, or refused. */
export class Intake {
  readonly #box: Box;
  readonly #context: MailContext;

  constructor(box: Box, context: MailContext) {
    this.#box = box;
    this.#context = context;
  }

  /** Takes a message, now that the box is read. @throws Fault full */
  take(message: Message, envelope: Envelope, isHere: boolean): "kept" | "repeated" {
    const { journal, totals, limits } = this.#context;
    const sender = senderOf(message, envelope);
    const digest = digestOf(envelope);
    const repeated = this.#repeated(sender, envelope, digest);
    if (repeated !== undefined) {
      void this.#tellRepeat({ ...repeated, receipt: receiptOf(envelope) });
      return "repeated";
    }
    const body = message.keep().stampedPayload;
    const full = whyFull(this.#box, sender, sizeOf(body), { totals, limits, isHere });
    if (full !== undefined) throw saysReceipt(full, envelope);
    const row = this.#rowOf(message, envelope, { sender, digest, bytes: sizeOf(body) });
    const entry = this.#box.add(row, !isHere || this.#box.size > 0);
    journal.arrived({ box: this.#box, entry, row, message }, body);
    return "kept";
  }

  /** A message that waited until the box was read, and counts as stored. Never throws. @returns why it is refused */
  takeLate(message: Message, isHere: boolean): Fault | undefined {
    const { envelope } = message;
    if (envelope === undefined) return undefined;
    try {
      if (this.take(message, envelope, isHere) === "kept") return undefined;
      this.#context.ledger.messages.stored -= 1;
      this.#context.ledger.refuse("mailbox-repeated");
      return undefined;
    } catch (thrown) {
      const fault = asFault(thrown);
      this.takeBack(envelope, fault);
      return fault;
    }
  }

  /** It could not be kept: it has never been here, unless it is settled, which its sender has heard. */
  failed(entry: Entry, row: MailRow, fault: Fault): void {
    if (entry.state === "settled") {
      this.#box.rows -= 1;
      return;
    }
    this.#box.remove(entry, row);
    this.takeBack({ ...row, message_id: row.messageId }, fault);
  }

  /** It was counted as stored, and is not: its sender is told. */
  takeBack(said: Pick<Envelope, "from" | "type" | "message_id"> | undefined, fault: Fault): void {
    const { ledger, tell } = this.#context;
    ledger.messages.stored -= 1;
    ledger.refuse(`mailbox-${fault.code}`);
    if (said === undefined || said.type === "response" || said.from === brokerTopic) return;
    tell(said.from, noticeOf(fault, { message_id: said.message_id, to: this.#box.name }));
  }

  /** The sender has said the same again: it hears where the first one stands, once that is on the disk. */
  async #tellRepeat(row: MailRow): Promise<void> {
    const { journal, receipts, store } = this.#context;
    if (row.receipt === 0) return;
    journal.touched(this.#box);
    try {
      await (
        await journal.written()
      ).kept;
    } catch {
      return; // whoever said it first is told
    }
    const now = store.row(row.box, row.seq);
    if (now !== undefined) receipts.repeated({ ...now, receipt: row.receipt });
  }

  #repeated({ key }: Sender, { message_id: id }: Envelope, digest: string): MailRow | undefined {
    const since = this.#context.clock.now() - repeatMs;
    for (const row of this.#context.store.said(key, id, { box: this.#box.id, max: sameIdMax })) {
      const isSame = row.digest === digest && row.storedAt >= since;
      if (isSame && !isLost(row)) return row;
    }
    return undefined;
  }

  #rowOf(
    { trust }: Message,
    envelope: Envelope,
    { sender, digest, bytes }: { readonly sender: Sender; readonly digest: string; readonly bytes: number },
  ): MailRow {
    const now = this.#context.clock.now();
    const expires = envelope.expires_at === undefined ? NaN : Date.parse(envelope.expires_at);
    const until = now + this.#box.settings.keepMs;
    return {
      box: this.#box.id,
      seq: this.#box.nextSeq(),
      secret: this.#context.secrets.next(),
      sender: sender.key,
      from: envelope.from,
      messageId: envelope.message_id,
      type: envelope.type,
      priority: priorities[envelope.priority],
      trust,
      storedAt: now,
      until: Number.isNaN(expires) ? until : Math.min(until, expires),
      bytes,
      digest,
      receipt: receiptOf(envelope),
      state: "waiting",
      attempts: 0,
    };
  }
}
