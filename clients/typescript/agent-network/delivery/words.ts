import type { Item } from "./lane.js";
import type { Verdict } from "./refusals.js";
import { triesMax } from "./retry.js";
import type { End } from "./settled.js";

/** The end of a message whose time is over. */
export function expired({ kept: { recipientId } }: Item): End {
  const message = `the message to ${recipientId} was not delivered before its end; say it again if it still matters`;
  return { state: "failed", reason: "expired", message };
}

/** The end of a message that was said as often as it may be. */
export function noReceipt({ kept: { recipientId } }: Item): End {
  return {
    state: "failed",
    reason: "no-receipt",
    message: `${recipientId} has not confirmed the message after ${triesMax} tries; it may have processed it: ask before saying it again`,
  };
}

/** The end of a message that the broker has refused for good. */
export function ended({ reason, message }: Verdict & { readonly is: "failed" }): End {
  return { state: "failed", reason, message };
}

/** What a message waits for whose recipient is absent. */
export function absentWords(peer: string): string {
  return `${peer} is not connected; this is sent when it comes`;
}

/** What a message waits for whose conversation has no key. */
export function keyWords(peer: string): string {
  return `waits for the handshake with ${peer}`;
}

/** What an error says. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
