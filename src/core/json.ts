/** What a look over the bytes of a JSON text tells before it is parsed. */
export interface JsonShape {
  /** Deepest nesting of objects and arrays. */
  readonly depth: number;
  /** A key stands twice in the outermost object. */
  readonly repeated: boolean;
}

/** Reads JSON that a stranger wrote. `problem` says why it was refused, in words for its sender. */
export type JsonReading = { readonly value: unknown } | { readonly problem: string };

/**
 * Parses JSON (RFC 8259), refusing what parsers disagree about: a key that stands twice in the outermost object, and nesting beyond
 * `depthMax`. NaN and Infinity are no JSON and are refused, too.
 */
export function readJson(text: string, depthMax: number): JsonReading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "not valid JSON (RFC 8259; NaN and Infinity are not part of it)" };
  }
  const shape = jsonShape(text);
  if (shape.depth > depthMax) return { problem: `nested deeper than ${String(depthMax)} levels` };
  if (shape.repeated) return { problem: "a key stands twice in the outermost object" };
  return { value };
}

const quote = 0x22;
const backslash = 0x5c;

/** The shape of a text that JSON.parse accepts. One pass, no allocation but the outermost keys. */
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
      let escaped = false;
      for (at += 1; text.charCodeAt(at) !== quote; at += 1) {
        if (text.charCodeAt(at) === backslash) {
          escaped = true;
          at += 1;
        }
      }
      if (!keyNext) continue;
      keyNext = false;
      const raw = text.slice(start, at + 1);
      const key = escaped ? String(JSON.parse(raw)) : raw.slice(1, -1);
      keys ??= [];
      if (keys.includes(key)) repeated = true;
      // The list is searched one by one: a hostile object of many keys is answered as repeated instead of slowly.
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
