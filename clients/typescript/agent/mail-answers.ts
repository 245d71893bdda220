import { randomUUID } from "node:crypto";
import {
  Fault,
  readEnvelope,
  readMarks,
  type Envelope,
  type ReceiptWord,
  type Trust,
} from "../../../src/core/index.js";

/** Where a message of a mailbox stands (protocols §9.8). */
export type MailState = "waiting" | "leased" | "done" | "answered" | "refused" | "expired" | "dead";

/** A mailbox as its broker shows it. */
export interface MailboxStatus {
  readonly agent: string;
  readonly mode: "push" | "take";
  readonly trust: Trust;
  readonly rooms: boolean;
  readonly keep_s: number;
  readonly max: number;
  readonly max_bytes: number;
  readonly opened_at: string;
  readonly here: boolean;
  readonly away_since?: string;
  readonly unproved?: true;
  readonly waiting: number;
  readonly leased: number;
  readonly bytes: number;
  /** Ever: the sum of waiting, leased, done, answered, refused, expired and dead. */
  readonly stored: number;
  readonly done: number;
  readonly answered: number;
  readonly refused: number;
  readonly expired: number;
  readonly dead: number;
  readonly epoch: string;
}

/** Up to where somebody has looked. */
export interface MailCursor {
  readonly epoch: string;
  readonly seq: number;
}

/** A message as `peek` shows it. */
export interface Peeked {
  readonly state: MailState;
  readonly reason?: string;
  readonly attempts: number;
  /** It is delivered until then. */
  readonly until: string;
  readonly message: Envelope;
}

/**
 * What `peek` shows: `next` is the `after` of the next look; `gap`: the cursor means nothing any more, so these are from
 * the beginning.
 */
export interface PeekedPage {
  readonly messages: readonly Peeked[];
  readonly next: MailCursor;
  readonly gap?: true;
}

/** Where a message of this agent's stands, in one of the mailboxes in which it lies. */
export interface Delivery {
  readonly to: string;
  readonly state: MailState;
  readonly reason?: string;
  readonly stored_at: string;
  readonly until: string;
  readonly away_since?: string;
}

/** What a sender is told of its message. */
export interface Receipt {
  readonly id: string;
  readonly state: "stored" | Exclude<MailState, "waiting" | "leased">;
  readonly reason?: string;
  /** It is delivered until then. */
  readonly until?: string;
}

/** One message that was taken. */
export interface TakenMail {
  readonly deliveryId: string;
  readonly attempt: number;
  readonly envelope: Envelope;
}

/** The fields of an answer. */
export function dataOf({ content: { data } }: Envelope): Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null ? { ...data } : {};
}

/** A list in an answer. @throws Fault malformed */
export function listIn(answer: Envelope, key: string): readonly Readonly<Record<string, unknown>>[] {
  const list = dataOf(answer)[key];
  if (!Array.isArray(list)) throw new Fault("malformed", `the broker's answer has no ${key}`);
  return list.map((item: unknown) => (typeof item === "object" && item !== null ? { ...item } : {}));
}

/** A message in an answer, as it would be heard; undefined if it cannot be read. `self`: who hears it. */
export function messageIn(json: unknown, self: string): Envelope | undefined {
  const fields: Readonly<Record<string, unknown>> = typeof json === "object" && json !== null ? { ...json } : {};
  const { trust, $broker } = fields;
  const reading = readEnvelope(json, {
    topic: self,
    receivedAt: Date.now(),
    fallbackId: randomUUID(),
    trust: trust === "proved" || trust === "shared" ? trust : "claimed",
    marks: readMarks($broker),
  });
  return "envelope" in reading ? reading.envelope : undefined;
}

/** The messages of a `mailbox.take` answer; those that cannot be settled later are left out. */
export function takenIn(answer: Envelope, self: string): readonly TakenMail[] {
  return listIn(answer, "messages").flatMap((json) => {
    const envelope = messageIn(json, self);
    const { delivery_id: deliveryId, attempt = 1 } = envelope?.$broker ?? {};
    return envelope === undefined || deliveryId === undefined ? [] : [{ deliveryId, attempt, envelope }];
  });
}

/** A page of a `mailbox.peek` answer. @throws Fault malformed */
export function peekedIn(answer: Envelope, self: string): PeekedPage {
  const messages = listIn(answer, "messages").flatMap(({ message: json, ...rest }) => {
    const message = messageIn(json, self);
    return message === undefined ? [] : [{ ...(rest as unknown as Omit<Peeked, "message">), message }];
  });
  const { next, gap } = dataOf(answer);
  return { messages, next: next as MailCursor, ...(gap === true && { gap }) }; // our broker's answer
}

/** The receipts in an inform of kind `receipt`; undefined if the message is none. */
export function receiptsIn(
  envelope: Envelope,
): { readonly ids: readonly string[]; readonly rest: Omit<Receipt, "id"> } | undefined {
  if (envelope.from !== "$broker" || envelope.type !== "inform" || envelope.content.kind !== "receipt")
    return undefined;
  const { ids, ...rest } = dataOf(envelope);
  if (!Array.isArray(ids) || typeof rest["state"] !== "string") return undefined;
  return { ids: ids.filter((id) => typeof id === "string"), rest: rest as unknown as Omit<Receipt, "id"> };
}

/** Which promise a state keeps. */
export function wordOf({ state }: Pick<Receipt, "state">): ReceiptWord {
  return state === "stored" ? "stored" : "settled";
}
