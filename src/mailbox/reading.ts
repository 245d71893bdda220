import { Message, type Envelope, type Principal } from "../core/index.js";
import type { Box } from "./box.js";
import { deliveryId } from "./delivery-id.js";
import type { MailRow, MailState } from "./mail-row.js";
import type { MailStore } from "./mail-store.js";

/** Up to where somebody has read; of another epoch it means nothing. */
export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

/** A message as it is looked at: nothing of it changes by that. */
export interface Peeked {
  readonly state: MailState;
  readonly reason: string | undefined;
  readonly attempts: number;
  readonly until: number;
  readonly envelope: Envelope;
}

/** Messages of a box, and the cursor behind them; `gap`: the cursor that was given is of another epoch, and they begin with the first. */
export interface Page {
  readonly messages: readonly Peeked[];
  readonly next: Cursor;
  readonly gap: boolean;
}

/** Which messages of a box are looked at. */
export interface Look {
  readonly after: Cursor | undefined;
  readonly max: number;
  readonly maxBytes: number;
  /** Dead ones, instead of those that wait or are leased. */
  readonly dead: boolean;
}

/**
 * Looks at messages of a box that is loaded, in order of arrival, without taking them (protocols §9). Only what is wanted
 * is read: thousands of settled rows may lie between.
 */
export function peek(store: MailStore, box: Box, look: Look): Page {
  const { after, max, maxBytes, dead } = look;
  const { epoch } = store;
  const gap = after !== undefined && after.epoch !== epoch;
  const messages: Peeked[] = [];
  let seq = gap ? 0 : (after?.seq ?? 0);
  let bytes = 0;
  for (const wanted of dead ? box.deadAfter(seq) : box.after(seq)) {
    const row = store.row(box.id, wanted.seq);
    if (row === undefined) continue;
    if (messages.length >= max || (messages.length > 0 && bytes + row.bytes > maxBytes))
      return { messages, next: { epoch, seq }, gap };
    const peeked = peekedOf(store, box.name, row);
    if (peeked !== undefined) {
      messages.push(peeked);
      bytes += row.bytes;
    }
    seq = row.seq;
  }
  return { messages, next: { epoch, seq: Math.max(seq, box.settings.nextSeq - 1) }, gap };
}

function peekedOf(store: MailStore, name: string, row: MailRow): Peeked | undefined {
  const body = store.body(row.box, row.seq);
  if (body === undefined) return undefined;
  const { envelope } = Message.kept(
    body,
    { topic: name, receivedAt: row.storedAt, trust: row.trust, origin: undefined },
    { stored_at: new Date(row.storedAt).toISOString(), delivery_id: deliveryId(row) },
  );
  const { state, reason, attempts, until } = row;
  return envelope && { state, reason, attempts, until, envelope };
}

/** Of messages with one id so many are told of: ids can repeat, and each costs a look at the disk. */
const saidMax = 200;

/** The stored messages of one sender by their id, in whichever boxes; the last ones, if there are many. */
export function saidBy(
  store: MailStore,
  name: string,
  principal: Principal | undefined,
  messageId: string,
): readonly MailRow[] {
  const proofs = principal?.trust === "proved" ? [principal.proof ?? `proved:${name}`] : [];
  const keys = [`name:${name}`, ...proofs];
  return keys.flatMap((key) => [...store.said(key, messageId, { max: saidMax })]).slice(-saidMax);
}
