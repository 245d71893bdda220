import { hash } from "node:crypto";
import { brokerTopic, Fault, type Envelope, type Limits, type Message } from "../core/index.js";
import type { Box } from "./box.js";
import type { MailTotals } from "./mail-context.js";
import type { MailRow } from "./mail-row.js";
import { receiptBits } from "./receipts.js";

/** Whose share a message counts against, and by whom its repeats are known. */
export interface Sender {
  readonly key: string;
  readonly isClaimed: boolean;
}

/** What a row and its indices take beside the body. */
const rowBytes = 300;
/** When a full box is to be tried again, milliseconds: its owner is here, or away. */
const retryMs = { here: 1_000, away: 60_000 };

/** The sender of a message. Its proof where there is one: a name may belong to somebody else some day. */
export function senderOf({ trust, speaker }: Message, { from }: Envelope): Sender {
  if (from === brokerTopic) return { key: brokerTopic, isClaimed: false };
  if (trust !== "proved") return { key: `name:${from}`, isClaimed: true };
  return { key: speaker?.proof ?? `name:${from}`, isClaimed: false };
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
 * True if a message does not go into the box: it would be late, or is for those who are here only (protocols §9, what
 * goes in). `isHere`: the owner is connected.
 */
export function passes({ from, type, content, ephemeral, in_reply_to: about }: Envelope, isHere: boolean): boolean {
  if (ephemeral === true || content.kind === "partial") return true;
  // Whether a request is still open is not known of those that passed as bytes: any answer to who is here passes.
  if (type === "response") return isHere || from === brokerTopic;
  if (from !== brokerTopic) return false;
  if (content.kind === "room.invited") return false;
  if (content.kind === "receipt") return isHere;
  return isHere || content.kind !== "fault" || about === undefined || !isFull(content.data);
}

function isFull(data: unknown): boolean {
  return typeof data === "object" && data !== null && "code" in data && data.code === "full";
}

/**
 * Lets one more message into the box.
 * @throws Fault full: the box, its share of this sender or of senders that prove nothing, or all boxes together
 */
export function mustHaveRoom(
  box: Box,
  sender: Sender,
  bytes: number,
  { totals, limits, isHere }: { readonly totals: MailTotals; readonly limits: Limits; readonly isHere: boolean },
): void {
  const { name, counts, settings, shares } = box;
  const count = counts.waiting + counts.leased;
  const refuse = (what: string, remedy: string): never => {
    throw new Fault("full", `${what}; ${remedy}`, {
      detail: { reason: "mailbox-full" },
      retryAfterMs: isHere ? retryMs.here : retryMs.away,
    });
  };
  const later = "send again when its owner has taken some of them";
  if (count + 1 > settings.max || counts.bytes + bytes > settings.maxBytes)
    refuse(`the mailbox of ${name} is full (${String(count)} messages wait)`, later);
  const part = sender.key === brokerTopic ? 10 : 4;
  const own = shares.of(sender.key, sender.isClaimed);
  if (own.count + 1 > Math.max(settings.max / part, 1) || own.bytes + bytes > settings.maxBytes / part) {
    shares.tidy(own);
    refuse(
      `${String(own.count)} of your messages wait in the mailbox of ${name}, which is as much as one sender may have there`,
      later,
    );
  }
  const { claimedCount, claimedBytes } = shares;
  if (
    sender.isClaimed &&
    (claimedCount + 1 > Math.max(settings.max / 2, 1) || claimedBytes + bytes > settings.maxBytes / 2)
  )
    refuse(
      `the mailbox of ${name} holds as many messages of senders without a token as it may`,
      `${later}, or connect with a token (broker token NAME)`,
    );
  if (settings.trust !== "proved" && totals.claimedBytes + bytes > limits.mailClaimedMaxBytes)
    refuse(
      `the mailboxes of agents without a token are full together`,
      `send again later, or give ${name} a token (broker token ${name})`,
    );
  if (totals.bytes + bytes > limits.mailTotalMaxBytes)
    refuse("all mailboxes of the broker are full together", "send again later");
}
