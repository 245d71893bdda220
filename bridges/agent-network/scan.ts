/**
 * Finds the fields of a frame between agents without reading what they say to each other (Agent Network §1.4). The frame
 * is handed on as it came, so whoever reads it must see what is seen here: outside of texts it is JSON to the letter,
 * and a text ends where every reader sees its end. What stands inside the texts of `content` is not looked at; a reader
 * that takes the frame at all finds the same eight fields with the same values.
 */

/** The eight fields of every frame (Agent Network §1.1), and `type`, which only `AUTH` has. */
export const frameKeys = [
  "messageId",
  "conversationId",
  "senderId",
  "recipientId",
  "messageType",
  "content",
  "timestamp",
  "metadata",
  "type",
] as const;

/** One of {@link frameKeys}. */
export type FrameKey = (typeof frameKeys)[number];

/** Deepest nesting that is passed on: as deep as the broker reads JSON itself. */
export const depthMax = 64;

/** Most fields at the outermost level: our own, and what others may add. */
export const outerKeysMax = 64;

/** Where the values of a frame's fields stand. */
export class Scanned {
  readonly text: string;
  /** Start and end of each value by its place in {@link frameKeys}; an end of 0: there is none. */
  readonly #spans = new Array<number>(2 * frameKeys.length).fill(0);

  constructor(text: string) {
    this.text = text;
  }

  /** @returns false if there is one already */
  set(key: number, start: number, end: number): boolean {
    if (this.#spans[2 * key + 1] !== 0) return false;
    this.#spans[2 * key] = start;
    this.#spans[2 * key + 1] = end;
    return true;
  }

  /** The JSON text of a field; undefined if the frame has none of this name. */
  json(key: FrameKey): string | undefined {
    const at = 2 * frameKeys.indexOf(key);
    const end = this.#spans[at + 1] ?? 0;
    return end === 0 ? undefined : this.text.slice(this.#spans[at], end);
  }
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const braceOpen = 0x7b;
const braceClose = 0x7d;
const bracketOpen = 0x5b;
const bracketClose = 0x5d;

/** Instead of the end of a value. */
const invalid = -1;
const tooDeep = -2;

const unknownKey = -1;

const noJson = "not valid JSON (RFC 8259; NaN and Infinity are not part of it)";

/** The fields of a frame, or why it is refused, in words for its sender. */
export function scanFrame(text: string): Scanned | string {
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== braceOpen) return isJson(text, at) ? "a frame is a JSON object" : noJson;
  const scanned = new Scanned(text);
  at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) === braceClose) return isAtEnd(text, at + 1) ? scanned : noJson;
  let key: number | string = unknownKey;
  for (let keys = 1; ; keys += 1) {
    if (keys > outerKeysMax) return `a frame has at most ${String(outerKeysMax)} fields; put more into content`;
    if (text.charCodeAt(at) !== quote) return noJson;
    const keyEnd = textEnd(text, at);
    if (keyEnd < 0) return noJson;
    key = keyAt(text, at + 1, keyEnd - 1, key + 1);
    if (typeof key === "string") return key;
    at = skipSpace(text, keyEnd);
    if (text.charCodeAt(at) !== colon) return noJson;
    const start = skipSpace(text, at + 1);
    const end = valueEnd(text, start, 1);
    if (end === tooDeep) return `nested deeper than ${String(depthMax)} levels`;
    if (end < 0) return noJson;
    if (key !== unknownKey && !scanned.set(key, start, end))
      return `${String(frameKeys[key])} stands twice in the frame`;
    at = skipSpace(text, end);
    const next = text.charCodeAt(at);
    if (next === braceClose) return isAtEnd(text, at + 1) ? scanned : noJson;
    if (next !== comma) return noJson;
    at = skipSpace(text, at + 1);
  }
}

const folded: readonly string[] = frameKeys.map((key) => key.toLowerCase());

/**
 * The place of a key in {@link frameKeys}, `unknownKey`, or why the frame is refused: a reader that knows no case, or
 * resolves escapes where we do not, must not find another sender in it. `likely`: the place that is tried first, since
 * most frames have their fields in this order.
 */
function keyAt(text: string, start: number, end: number, likely: number): number | string {
  const guess = frameKeys[likely];
  if (guess?.length === end - start && text.startsWith(guess, start)) return likely;
  const exact = frameKeys.findIndex((key) => key.length === end - start && text.startsWith(key, start));
  if (exact !== -1) return exact;
  const key = unescaped(text.slice(start - 1, end + 1));
  if (key === undefined) return noJson;
  const known = frameKeys.indexOf(key as FrameKey);
  if (known !== -1) return known;
  // Upper case first: some letters, such as the long s, have no lower case but that of another letter. And the capital I
  // with a dot is an i to readers that compare letter by letter, or as in Turkish.
  const like = folded.indexOf(key.toUpperCase().replaceAll("İ", "I").toLowerCase());
  return like === -1
    ? unknownKey
    : `the field ${String(frameKeys[like])} is spelt in another case: ${key.slice(0, 40)}`;
}

/** What needs JSON.parse: escapes, and control characters, which it refuses. */
const unusual = /[\\\u0000-\u001f]/;

/** The text that a JSON string says; undefined if it is none. */
export function unescaped(json: string): string | undefined {
  if (!unusual.test(json)) return json.slice(1, -1);
  try {
    return JSON.parse(json) as string; // it begins and ends with a quote
  } catch {
    return undefined;
  }
}

function isAtEnd(text: string, at: number): boolean {
  return skipSpace(text, at) === text.length;
}

function isJson(text: string, at: number): boolean {
  const end = valueEnd(text, at, 0);
  return end >= 0 && isAtEnd(text, end);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

/**
 * Behind the closing quote of the text that opens at `open`: the next quote after an even number of backslashes; -1 if
 * there is none.
 */
export function textEnd(text: string, open: number): number {
  let end = open;
  for (;;) {
    end = text.indexOf('"', end + 1); // native: base64 of 32 KB costs its bytes
    if (end === -1) return invalid;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/**
 * Behind the value that begins at `at`; below 0 if there is none that is passed on.
 * @param depth objects and lists around it
 */
export function valueEnd(text: string, at: number, depth: number): number {
  switch (text.charCodeAt(at)) {
    case quote:
      return textEnd(text, at);
    case braceOpen:
      return depth >= depthMax ? tooDeep : objectEnd(text, at, depth + 1);
    case bracketOpen:
      return depth >= depthMax ? tooDeep : listEnd(text, at, depth + 1);
    case 0x74:
      return text.startsWith("true", at) ? at + 4 : invalid;
    case 0x66:
      return text.startsWith("false", at) ? at + 5 : invalid;
    case 0x6e:
      return text.startsWith("null", at) ? at + 4 : invalid;
    default:
      return numberEnd(text, at);
  }
}

/** Without a regular expression, of which V8 would keep the frame: see `last-match.ts`. */
function numberEnd(text: string, from: number): number {
  const start = text.charCodeAt(from) === 0x2d ? from + 1 : from;
  let end = text.charCodeAt(start) === 0x30 ? start + 1 : digitsEnd(text, start);
  if (end === start) return invalid;
  if (text.charCodeAt(end) === 0x2e) {
    const fraction = digitsEnd(text, end + 1);
    if (fraction > end + 1) end = fraction;
  }
  const mark = text.charCodeAt(end);
  if (mark === 0x65 || mark === 0x45) {
    const sign = text.charCodeAt(end + 1);
    const digits = sign === 0x2b || sign === 0x2d ? end + 2 : end + 1;
    const exponent = digitsEnd(text, digits);
    if (exponent > digits) end = exponent;
  }
  return end;
}

function digitsEnd(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) >= 0x30 && text.charCodeAt(at) <= 0x39) at += 1;
  return at;
}

function objectEnd(text: string, open: number, depth: number): number {
  let at = skipSpace(text, open + 1);
  if (text.charCodeAt(at) === braceClose) return at + 1;
  for (;;) {
    if (text.charCodeAt(at) !== quote) return invalid;
    at = textEnd(text, at);
    if (at < 0) return at;
    at = skipSpace(text, at);
    if (text.charCodeAt(at) !== colon) return invalid;
    at = valueEnd(text, skipSpace(text, at + 1), depth);
    if (at < 0) return at;
    at = skipSpace(text, at);
    const next = text.charCodeAt(at);
    if (next === braceClose) return at + 1;
    if (next !== comma) return invalid;
    at = skipSpace(text, at + 1);
  }
}

function listEnd(text: string, open: number, depth: number): number {
  let at = skipSpace(text, open + 1);
  if (text.charCodeAt(at) === bracketClose) return at + 1;
  for (;;) {
    at = valueEnd(text, at, depth);
    if (at < 0) return at;
    at = skipSpace(text, at);
    const next = text.charCodeAt(at);
    if (next === bracketClose) return at + 1;
    if (next !== comma) return invalid;
    at = skipSpace(text, at + 1);
  }
}
