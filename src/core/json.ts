import { jsonOuterKeysMax, jsonShape, type JsonShape } from "./json-shape.js";
import { repairSurrogates } from "./surrogates.js";

/** Deepest nesting of JSON that is read. */
export const jsonDepthMax = 64;

/**
 * Most parts of a JSON text that is read ({@link JsonShape}): 250,000 numbers in one list, 125,000 texts, objects or
 * lists, or 20,000 different keys. So much is parsed and written again in less than 50 ms.
 */
export const jsonPartsMax = 250_000;

/** The result of reading JSON. `problem` says why it was refused, in words for its sender. */
export type JsonReading = { readonly value: unknown } | { readonly problem: string };

/**
 * Parses JSON (RFC 8259) that a stranger wrote. Refuses what parsers read differently: the same key twice in the
 * outermost object, and nesting deeper than `depthMax` levels; and what takes long to parse: more than
 * {@link jsonPartsMax} parts. NaN and Infinity are not JSON and are refused, too. Half a character is read as U+FFFD.
 */
export function readJson(written: string, depthMax = jsonDepthMax): JsonReading {
  try {
    const text = repairSurrogates(written);
    // Before it is parsed: 1 MB of brackets takes 330 ms to parse, and 3 ms to count.
    const shape = jsonShape(text, { depth: depthMax, parts: jsonPartsMax });
    const problem = costProblem(shape, depthMax);
    if (problem !== undefined) return { problem };
    const value: unknown = JSON.parse(text);
    return shape.repeated ? { problem: "a key stands twice in the outermost object" } : { value };
  } catch {
    return { problem: "not valid JSON (RFC 8259; NaN and Infinity are not part of it)" };
  }
}

/** Why a text is not parsed, in words for its sender; undefined if it may be. */
export function costProblem({ depth, outerKeys, parts }: JsonShape, depthMax = jsonDepthMax): string | undefined {
  if (depth > depthMax) return `nested deeper than ${String(depthMax)} levels`;
  if (outerKeys > jsonOuterKeysMax)
    return `an object with more than ${String(jsonOuterKeysMax)} keys at its outermost level; put them one level deeper`;
  return parts > jsonPartsMax ? tooManyParts : undefined;
}

const tooManyParts =
  `made of more than ${String(jsonPartsMax)} parts (a value is 1, a text, object or list 1 more, a key that makes ` +
  "an object unlike all before it 10 more): send it in several messages, or as one text";

const quote = 0x22;
const backslash = 0x5c;

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
