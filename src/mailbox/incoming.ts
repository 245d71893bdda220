import { hash } from "node:crypto";
import { brokerTopic, Fault, isIssued, type Envelope, type Limits, type Message } from "../core/index.js";
import type { Box } from "./box.js";
import type { MailTotals } from "./mail-context.js";
import type { MailRow } from "./mail-row.js";
import { receiptBits } from "./receipts.js";
import { isFree } from "./sender-shares.js";
import { messagesWait } from "./words.js";

/** Whose share a message counts against, and by whom its repeats are known. */
export interface Sender {
  readonly key: string;
  /** Its name has cost nothing. */
  readonly isFree: boolean;
}

/** What a row and its indices take beside the body. */
const rowBytes = 300;
/** When a full box is to be tried again, milliseconds: its owner is here, or away. */
const retryMs = { here: 1_000, away: 60_000 };

/** What the broker says about messages of the owner's, and what else it says: each has a share of its own. */
export const noticesKey = brokerTopic;
const brokerKey = `${brokerTopic} itself`;

/**
 * The sender of a message. Its proof where there is one: a name may belong to somebody else some day. An agent in the
 * broker's own process is proved without a proof.
 */
export function senderOf({ trust, speaker }: Message, { from, content }: Envelope): Sender {
  if (from === brokerTopic)
    return { key: content.kind === "receipt" || content.kind === "fault" ? noticesKey : brokerKey, isFree: false };
  const sender = trust === "proved" ? (speaker?.proof ?? `proved:${from}`) : `name:${from}`;
  return { key: sender, isFree: isFree({ sender, trust }) };
}

/** What a message takes of the bounds. */
export function sizeOf(body: Uint8Array): number {
  return body.length + rowBytes;
}

/** Tells a repeat from another message of the same id: its type and what it says. */
export function digestOf({ type, content }: Envelope): string {
  return hash("sha256", `${type}\n${JSON.stringify(content)}`, "base64url").slice(0, 22);
}

/** What the sender asked to be told. */
export function receiptOf({ receipt }: Envelope): MailRow["receipt"] {
  const stored = receipt?.includes("stored") === true ? receiptBits.stored : 0;
  const settled = receipt?.includes("settled") === true ? receiptBits.settled : 0;
  return (stored | settled) as MailRow["receipt"]; // of two bits
}

/**
 * True if a message does not go into the box: it would be late, is for those who are here only, or belongs to a room
 * (protocols §9, what goes in). `isHere`: the owner is connected.
 */
export function passes(
  { from, type, content, ephemeral, replay, in_reply_to: about }: Envelope,
  isHere: boolean,
): boolean {
  if (ephemeral === true || content.kind === "partial" || replay === true) return true;
  // Whether a request is still open is not known of those that passed as bytes: any answer to who is here passes.
  if (type === "response") return isHere || from === brokerTopic;
  if (from !== brokerTopic) return false;
  if (content.kind === "receipt") return isHere;
  if (content.kind === "fault") return isHere || about === undefined || !isFullOfReceipt(content.data);
  return false;
}

/** A fault `full` of a message whose sender asked for a receipt: it says so. */
function isFullOfReceipt(data: unknown): boolean {
  return typeof data === "object" && data !== null && "code" in data && data.code === "full" && "receipt" in data;
}

/** A full box is told to whoever asked for a receipt, also later: the fault says that it did. */
export function saysReceipt(fault: Fault, { receipt }: Envelope): Fault {
  if (fault.code !== "full" || receipt === undefined || receipt.length === 0) return fault;
  const { code, message, detail, retryAfterMs } = fault;
  return new Fault(code, message, {
    detail: { ...detail, receipt: true },
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/**
 * Why one more message finds no room; undefined if it does: Fault full of the box, its share of this sender or of
 * senders whose names cost nothing, or all boxes together.
 */
export function whyFull(
  box: Box,
  sender: Sender,
  bytes: number,
  { totals, limits, isHere }: { readonly totals: MailTotals; readonly limits: Limits; readonly isHere: boolean },
): Fault | undefined {
  const { name, counts, settings, shares } = box;
  const count = counts.waiting + counts.leased;
  const full = (what: string, remedy: string): Fault =>
    new Fault("full", `${what}; ${remedy}`, {
      detail: { reason: "mailbox-full" },
      retryAfterMs: isHere ? retryMs.here : retryMs.away,
    });
  const later = "send again when its owner has taken some of them";
  if (count + 1 > settings.max || counts.bytes + bytes > settings.maxBytes)
    return full(`the mailbox of ${name} is full (${messagesWait(count)})`, later);
  const part = sender.key === noticesKey ? 10 : 4;
  const own = shares.known(sender.key) ?? { count: 0, bytes: 0 };
  // Of everybody one message finds room, however small the box.
  if (own.count > 0 && (own.count + 1 > settings.max / part || own.bytes + bytes > settings.maxBytes / part))
    return full(
      `${String(own.count)} of your messages ${own.count === 1 ? "waits" : "wait"} in the mailbox of ${name}, ` +
        "which is as much as one sender may have there",
      later,
    );
  const { freeCount, freeBytes } = shares;
  const isOverHalf = freeCount + 1 > settings.max / 2 || freeBytes + bytes > settings.maxBytes / 2;
  if (sender.isFree && freeCount > 0 && isOverHalf)
    return full(
      `the mailbox of ${name} holds as many messages of senders without a token as it may`,
      `${later}, or connect with a token (broker token NAME)`,
    );
  // What all boxes share is half for senders who were issued a token: the others make names as they like.
  const half = sender.isFree ? 2 : 1;
  const orToken = sender.isFree ? ", or connect with a token (broker token NAME)" : "";
  if (!isIssued(settings) && totals.freeBytes + bytes > limits.mailClaimedMaxBytes / half)
    return full(
      `the mailboxes of agents without a token are full together`,
      `send again later, or give ${name} a token (broker token ${name})`,
    );
  if (totals.bytes + bytes > limits.mailTotalMaxBytes / half)
    return full("all mailboxes of the broker are full together", `send again later${orToken}`);
  return undefined;
}
