import { repairSurrogates } from "./surrogates.js";

/** Deepest nesting of JSON that is read. */
export const jsonDepthMax = 64;

/** What one pass over a JSON text tells about it. */
export interface JsonShape {
  /** Deepest nesting of objects and arrays. */
  readonly depth: number;
  /** The outermost object has the same key twice. */
  readonly repeated: boolean;
}

/** The result of reading JSON. `problem` says why it was refused, in words for its sender. */
export type JsonReading = { readonly value: unknown } | { readonly problem: string };

/**
 * Parses JSON (RFC 8259) that a stranger wrote. Refuses what parsers read differently: the same key twice in the
 * outermost object, and nesting deeper than `depthMax` levels. NaN and Infinity are not JSON and are refused, too. Half
 * a character is read as U+FFFD.
 */
export function readJson(written: string, depthMax = jsonDepthMax): JsonReading {
  const text = repairSurrogates(written);
  let value: unknown;
  let shape: JsonShape;
  try {
    // Before it is parsed: 1 MB of brackets takes 330 ms to parse, and 3 ms to count.
    shape = jsonShape(text);
    if (shape.depth <= depthMax) value = JSON.parse(text);
  } catch {
    return { problem: "not valid JSON (RFC 8259; NaN and Infinity are not part of it)" };
  }
  if (shape.depth > depthMax) return { problem: `nested deeper than ${String(depthMax)} levels` };
  if (shape.repeated) return { problem: "a key stands twice in the outermost object" };
  return { value };
}

const quote = 0x22;
const backslash = 0x5c;

/**
 * The shape of a text that JSON.parse accepts; of any other, something. One pass that allocates only the outermost keys.
 */
export function jsonShape(text: string): JsonShape {
  let depth = 0;
  let deepest = 0;
  let repeated = false;
  let keyNext = false;
  let keys: string[] | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const start = at;
      at = closingQuote(text, start);
      if (!keyNext) continue;
      keyNext = false;
      const raw = text.slice(start, at + 1);
      const key = raw.includes("\\") ? String(JSON.parse(raw)) : raw.slice(1, -1);
      keys ??= [];
      if (keys.includes(key)) repeated = true;
      // The search is linear, so an object with too many keys is reported as repeated instead of being searched slowly.
      if (keys.push(key) > 256) return { depth: deepest, repeated: true };
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
      if (depth === 1 && code === 0x7b) keyNext = true;
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
    } else if (code === 0x2c && depth === 1 && keys !== undefined) {
      keyNext = true;
    }
  }
  return { depth: deepest, repeated };
}

/**
 * The index of the closing quote of the string that starts at `start`: the next quote after an even number of
 * backslashes. `indexOf` is native and fast.
 */
function closingQuote(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end === -1) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

/**
 * Characters that JSON.stringify escapes: quotes, backslashes, control characters, surrogates.
 */
const unusual = /["\\\u0000-\u001f\ud800-\udfff]/;

/**
 * A text as JSON, exactly as JSON.stringify writes it. A small frame built from such parts costs half of stringifying
 * it whole (0.9 against 1.8 µs with 200 characters of text).
 */
export function jsonText(value: string): string {
  return isUsual(value) ? `"${value}"` : JSON.stringify(value);
}

/**
 * True if JSON needs no escapes. Short texts such as names and ids are checked in a loop, because a regular expression
 * costs 50 ns before its first character.
 */
function isUsual(value: string): boolean {
  if (value.length > 48) return !unusual.test(value);
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if (code < 0x20 || code === quote || code === backslash || (code >= 0xd800 && code <= 0xdfff)) return false;
  }
  return true;
}
