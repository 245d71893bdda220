import { utf8 } from "./bytes.js";
import type { Bytes } from "./sodium.js";

/** Levels of objects and lists that a canonical text has at most, as many as a frame; a cycle ends here, too. */
export const depthMax = 64;

const halfCharacter = /\p{Cs}/u;
/** A place that is shown as it is: `data.list[0].price`. */
const plain = /^[\w.[\]$-]+$/;

/** A value that has no canonical text. The message names the place and what to do. */
export class NotCanonical extends TypeError {
  override readonly name = "NotCanonical";
}

/**
 * The one text of a JSON value (RFC 8785, JCS): keys in the order of their UTF-16 units, numbers as ECMAScript writes
 * them, no white space. Throws {@link NotCanonical} for what JSON cannot hold unchanged (NaN, infinities, undefined,
 * half a character, dates and other objects with a class) and for more than {@link depthMax} levels.
 */
export function canonical(value: unknown): string {
  return written(value, "", 0);
}

/** {@link canonical} in UTF-8: what is signed and sealed. */
export function canonicalBytes(value: unknown): Bytes {
  return utf8(canonical(value));
}

function written(value: unknown, path: string, depth: number): string {
  if (typeof value === "string") return quoted(value, path);
  if (typeof value === "boolean" || value === null) return String(value);
  if (typeof value === "number") {
    if (Number.isFinite(value)) return String(value); // as RFC 8785 §3.2.2.3 has it, -0 as 0
    throw refused(path, `is ${value}, which JSON does not have; say null or a text`);
  }
  if (typeof value === "object") return nested(value, path, depth);
  throw refused(path, `is ${typeof value}, which JSON does not have; leave it out or say null`);
}

function nested(value: object, path: string, depth: number): string {
  if (depth === depthMax) throw refused("", `nests more than ${depthMax} levels deep; make it flatter`);
  if (Array.isArray(value)) {
    let list = "";
    for (let index = 0; index < value.length; index++) {
      list += `${index === 0 ? "" : ","}${written(value[index], `${path}[${index}]`, depth + 1)}`;
    }
    return `[${list}]`;
  }
  if (!isPlain(value)) throw refused(path, "is an object of a class; say it in plain objects, lists and texts");
  let object = "";
  for (const key of Object.keys(value).sort()) {
    const name = path === "" ? key : `${path}.${key}`;
    const member = written((value as Readonly<Record<string, unknown>>)[key], name, depth + 1);
    object += `${object === "" ? "" : ","}${quoted(key, name)}:${member}`;
  }
  return `{${object}}`;
}

/** JSON.stringify escapes as RFC 8785 §3.2.2.2 wants it, but for halves of characters, which that refuses. */
function quoted(text: string, path: string): string {
  if (halfCharacter.test(text)) throw refused(path, "holds half a character; cut texts between characters");
  return JSON.stringify(text);
}

/** True for `{}` of any realm (a frame of a page has its own Object) and for objects without a prototype. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The place is cut and escaped: keys are the peer's choice, and the text is shown. */
function refused(path: string, problem: string): NotCanonical {
  const place = path.slice(0, 100);
  return new NotCanonical(
    `${place === "" ? "the value" : plain.test(place) ? place : JSON.stringify(place)} ${problem}`,
  );
}
