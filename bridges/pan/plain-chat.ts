import type { z } from "zod";
import type { chat } from "./schema.js";

/** A `chat` as it is nearly always spelt. */
type Chat = z.infer<typeof chat>;

/** What makes a frame unusual: escapes, and control characters, which JSON does not allow between quotes. */
const unusual = /[\\\u0000-\u001f]/;

const brace = 0x7b;
const closingBrace = 0x7d;
const quote = 0x22;
const colon = 0x3a;
const comma = 0x2c;
const space = 0x20;

const idMax = 256;
const addresseeMax = 512;

/**
 * Reads a `chat` of nothing but plain texts: no escapes, no key twice, no space but one after a colon or a comma. It
 * only ever accepts: whatever it does not accept, undefined is returned for, and the schema has the word. Half the cost
 * of parsing and checking (0.9 against 1.8 µs for 250 characters).
 */
export function plainChat(frame: string): Chat | undefined {
  if (frame.charCodeAt(0) !== brace || unusual.test(frame)) return undefined;
  let isChat = false;
  let to: string | undefined;
  let text: string | undefined;
  let messageId: string | undefined;
  let intent: Chat["intent"];
  let replyTo: string | undefined;
  let at = 1;
  for (;;) {
    if (frame.charCodeAt(at) !== quote) return undefined;
    const key = at + 1;
    const keyEnd = frame.indexOf('"', key);
    if (keyEnd === -1 || frame.charCodeAt(keyEnd + 1) !== colon) return undefined;
    const open = frame.charCodeAt(keyEnd + 2) === space ? keyEnd + 3 : keyEnd + 2;
    const end = frame.charCodeAt(open) === quote ? frame.indexOf('"', open + 1) : -1;
    if (end === -1) return undefined;
    const length = end - open - 1;
    switch (keyEnd - key) {
      case 2:
        if (to !== undefined || !frame.startsWith("to", key) || length === 0 || length > addresseeMax) return undefined;
        to = copied(frame.slice(open + 1, end));
        break;
      case 4:
        if (frame.startsWith("text", key) && text === undefined) text = frame.slice(open + 1, end);
        else if (frame.startsWith("type", key) && !isChat && length === 4 && frame.startsWith("chat", open + 1))
          isChat = true;
        else return undefined;
        break;
      case 6:
        if (intent !== undefined || !frame.startsWith("intent", key)) return undefined;
        intent = intentOf(frame.slice(open + 1, end));
        if (intent === undefined) return undefined;
        break;
      case 7:
        if (replyTo !== undefined || !frame.startsWith("replyTo", key) || length === 0 || length > idMax)
          return undefined;
        replyTo = copied(frame.slice(open + 1, end));
        break;
      case 9:
        if (messageId !== undefined || !frame.startsWith("messageId", key) || length === 0 || length > idMax)
          return undefined;
        messageId = copied(frame.slice(open + 1, end));
        break;
      default:
        return undefined;
    }
    const next = frame.charCodeAt(end + 1);
    if (next === closingBrace) {
      if (end + 2 !== frame.length || !isChat || to === undefined || text === undefined) return undefined;
      break;
    }
    if (next !== comma) return undefined;
    at = frame.charCodeAt(end + 2) === space ? end + 3 : end + 2;
  }
  const chat: Chat = { type: "chat", to, text };
  if (messageId !== undefined) chat.messageId = messageId;
  if (intent !== undefined) chat.intent = intent;
  if (replyTo !== undefined) chat.replyTo = replyTo;
  return chat;
}

function intentOf(word: string): Chat["intent"] {
  return word === "request" || word === "response" || word === "inform" ? word : undefined;
}

/**
 * The same text with characters of its own (0.04 µs): a part of the frame's would keep all of the frame in memory, as long
 * as an open request or a pair of speakers keeps that part.
 */
function copied(part: string): string {
  return ` ${part}`.slice(1);
}
