import { jsonText } from "#dialect";
import { metadataJson } from "./metadata.js";
import { valueEnd } from "./scan.js";
import { idMax, type Header } from "./schema.js";

/** Where the parts of a frame stand whose header is known but for two fields. */
export interface TemplateMatch {
  readonly header: Header;
  /** Start and end of `content`. */
  readonly contentAt: number;
  readonly contentEnd: number;
}

const opening = '{"messageId":"';
const clock = ',"timestamp":';

/** Longer headers are not remembered, characters. */
const partMax = 1_024;
/** A double holds so many digits exactly. */
const digitsMax = 15;
/** A template that matches nothing is made anew after so many frames at most. */
const pauseMax = 64;

const quote = 0x22;
const backslash = 0x5c;
const braceOpen = 0x7b;
const zero = 0x30;

/**
 * The frame that a session says again and again: spelt as JSON.stringify does it, with its fields in the order of the
 * document (Agent Network §1.1), and with another `messageId`, `content` and `timestamp` each time. Everything else is
 * compared with what was read before, in two comparisons, instead of being read: 0.3 µs instead of 1.7 for a sealed frame
 * of 500 bytes. What differs anywhere is no match, and is read as if there were no template.
 *
 * The `messageId` of a match is a part of the frame's text, which stays in memory as long as the id is kept; the other
 * texts of its header are the template's own.
 */
export class FrameTemplate {
  #header: Header | undefined;
  /** From behind the `messageId` up to the `content`, and from behind the `timestamp` to the end. */
  #middle = "";
  #end = "";
  /** Frames that were no match since the template was made, and after how many of them it is made anew. */
  #missed = 0;
  #pause = 0;

  /** Reads a frame. Undefined: it is no match, which says nothing about it. */
  match(text: string): TemplateMatch | undefined {
    const known = this.#header;
    if (known === undefined) return undefined;
    const found = this.#find(text, known);
    if (found !== undefined) this.#pause = this.#missed = 0;
    return found;
  }

  /**
   * Remembers how a frame is spelt that has been read and that was no match. A session whose frames are never alike does
   * not do so each time.
   */
  learn(text: string, header: Header): void {
    this.#missed += 1;
    if (this.#missed <= this.#pause) return;
    this.#missed = 0;
    this.#pause = Math.min(pauseMax, 2 * this.#pause + 1);
    const { conversationId, senderId, recipientId, messageType, metadata } = header;
    this.#middle =
      `","conversationId":${jsonText(conversationId)},"senderId":${jsonText(senderId)},` +
      `"recipientId":${jsonText(recipientId)},"messageType":${jsonText(messageType)},"content":`;
    this.#end = `,"metadata":${metadataJson(metadata)}}`;
    const isSmall = this.#middle.length <= partMax && this.#end.length <= partMax;
    this.#header = isSmall && this.#find(text, header) !== undefined ? header : undefined;
  }

  #find(text: string, known: Header): TemplateMatch | undefined {
    if (!text.startsWith(opening)) return undefined;
    const idEnd = plainEnd(text, opening.length);
    const contentAt = idEnd + this.#middle.length;
    // Native, and of parts of a text much faster than `startsWith`: 0.02 µs.
    if (idEnd < 0 || text.slice(idEnd, contentAt) !== this.#middle) return undefined;
    if (text.charCodeAt(contentAt) !== braceOpen) return undefined;
    const contentEnd = valueEnd(text, contentAt, 1);
    if (contentEnd < 0 || !text.startsWith(clock, contentEnd)) return undefined;
    const timeEnd = text.length - this.#end.length;
    const timestamp = wholeNumber(text, contentEnd + clock.length, timeEnd);
    if (timestamp === undefined || text.slice(timeEnd) !== this.#end) return undefined;
    const { conversationId, senderId, recipientId, messageType, metadata } = known;
    const messageId = text.slice(opening.length, idEnd);
    const header = { messageId, conversationId, senderId, recipientId, messageType, timestamp, metadata };
    return { header, contentAt, contentEnd };
  }
}

/**
 * The quote behind an id of printable ASCII without escapes that begins at `from`; -1 if there is none, or if it is
 * empty or too long.
 */
function plainEnd(text: string, from: number): number {
  for (let at = from; at <= from + idMax; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) return at === from ? -1 : at;
    if (!(code >= 0x20 && code < 0x7f) || code === backslash) return -1;
  }
  return -1;
}

/** The number that stands exactly between the two places in digits; undefined if there is none. */
function wholeNumber(text: string, from: number, end: number): number | undefined {
  const digits = end - from;
  if (digits < 1 || digits > digitsMax) return undefined;
  if (text.charCodeAt(from) === zero && digits > 1) return undefined;
  let value = 0;
  for (let at = from; at < end; at += 1) {
    const digit = text.charCodeAt(at) - zero;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    value = 10 * value + digit;
  }
  return value;
}
