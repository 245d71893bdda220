import { isUtf8 } from "node:buffer";
import { isBrokerKeyIn } from "../../core/index.js";

/**
 * What a payload's bytes tell of its sender. `from`: there is exactly one name that any JSON parser would read; it lies
 * between `start` and `end`. `none`: no parser would find a sender. `unsure`: the payload must be parsed.
 */
export type FromVerdict = "from" | "none" | "unsure";

const quote = 0x22;
const backslash = 0x5c;
/**
 * `"from"`, and how far a search may jump by the byte under its end (Horspool): 75 steps for 300 bytes. Readers that
 * ignore case take `"From"` for it, and so does the scan.
 */
const needle = Buffer.from('"from"');
const jumps = new Uint8Array(256).fill(needle.length);
needle.subarray(0, -1).forEach((byte, at) => {
  jumps[byte] = needle.length - 1 - at;
  jumps[String.fromCharCode(byte).toUpperCase().charCodeAt(0)] = needle.length - 1 - at;
});

/**
 * Finds a payload's `from` without parsing it. It accepts only what it is sure of; everything else must be parsed. It
 * is safe against readers that recognise UTF-16 by a zero byte (Python) or that ignore the case of keys (Go, .NET), a
 * key written with escapes, and a key that stands twice.
 */
export class FromScan {
  /** The name's bytes, after the verdict `from`. */
  start = 0;
  end = 0;
  /** After the verdict `from`: true if the outermost object has a key that only the broker writes, in any case. */
  marked = false;

  /** Scans `bytes[at, end)`. `thorough`: it may hold a backslash, or a key that only the broker writes. */
  scan(bytes: Buffer, at: number, end: number, thorough: boolean): FromVerdict {
    this.marked = false;
    if (at === end) return "none";
    if (bytes[at] !== 0x7b) return mayHideObject(bytes, at) ? "unsure" : "none";
    if (bytes[at + 1] === 0 || end - at < 2) return "unsure";
    if (thorough) return this.#walk(bytes, at, end);
    const key = onlyOne(bytes, at + 1, end);
    if (key === -1) return "none";
    if (key === several) return this.#walk(bytes, at, end);
    let value = key + needle.length;
    if (bytes[value] === 0x20) value += 1;
    if (bytes[value] !== 0x3a) return this.#walk(bytes, at, end);
    value += bytes[value + 1] === 0x20 ? 2 : 1;
    if (value >= end || bytes[value] !== quote) return this.#walk(bytes, at, end);
    return this.#value(bytes, value + 1, end) === -1 ? "unsure" : "from";
  }

  /** Reads a string without escapes from `at` on. @returns where its quote stands, or -1 */
  #value(bytes: Buffer, at: number, end: number): number {
    let high = 0;
    for (let now = at; now < end; now += 1) {
      const byte = bytes[now] ?? 0;
      if (byte === quote) {
        if (high >= 0x80 && !isUtf8(bytes.subarray(at, now))) return -1;
        this.start = at;
        this.end = now;
        return now;
      }
      if (byte === backslash || byte < 0x20) return -1;
      high |= byte;
    }
    return -1;
  }

  /** The thorough way: follows strings and brackets as in JSON and compares the outermost object's keys one by one. */
  #walk(bytes: Buffer, start: number, end: number): FromVerdict {
    let depth = 1;
    let keyNext = true;
    let found: FromVerdict = "none";
    for (let at = start + 1; at < end; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === quote) {
        const close = stringEnd(bytes, at + 1, end);
        if (close === -1) return "unsure";
        const isKey = keyNext;
        keyNext = false;
        if (isKey) {
          if (hasBackslash(bytes, at + 1, close)) return "unsure";
          if (close - at === 5 && endsFrom(bytes, close)) {
            if (found !== "none") return "unsure";
            at = valueStart(bytes, close + 1, end);
            if (at === -1) return "unsure";
            at = this.#value(bytes, at, end);
            if (at === -1) return "unsure";
            found = "from";
            continue;
          }
          if (isBrokerKeyIn(bytes, at + 1, close)) this.marked = true;
        }
        at = close;
      } else if (byte === 0x7b || byte === 0x5b) {
        depth += 1;
      } else if (byte === 0x7d || byte === 0x5d) {
        depth -= 1;
        if (depth === 0) return blank(bytes, at + 1, end) ? found : "unsure";
      } else if (byte === 0x2c) {
        if (depth === 1) keyNext = true;
      } else if (byte === 0) {
        return "unsure";
      }
    }
    return "unsure";
  }
}

const several = -2;

/**
 * The only `"from"`, in any case, in `bytes[at, end)`; -1 if there is none, or `several`. Each jump waits for the one
 * before it, so two searches run side by side, from the beginning and from the middle on.
 */
function onlyOne(bytes: Buffer, at: number, end: number): number {
  let found = -1;
  let one = at + 5;
  const middle = one + ((end - one) >> 1);
  let other = middle;
  while (one < middle && other < end) {
    const byte = bytes[one] ?? 0;
    const otherByte = bytes[other] ?? 0;
    if (byte === quote && endsFrom(bytes, one)) {
      if (found !== -1) return several;
      found = one - 5;
    }
    if (otherByte === quote && endsFrom(bytes, other)) {
      if (found !== -1) return several;
      found = other - 5;
    }
    one += jumps[byte] ?? 1;
    other += jumps[otherByte] ?? 1;
  }
  for (; one < middle; one += jumps[bytes[one] ?? 0] ?? 1) {
    if (!endsFrom(bytes, one)) continue;
    if (found !== -1) return several;
    found = one - 5;
  }
  for (; other < end; other += jumps[bytes[other] ?? 0] ?? 1) {
    if (!endsFrom(bytes, other)) continue;
    if (found !== -1) return several;
    found = other - 5;
  }
  return found;
}

/** True if `"from"`, in any case, ends at `last`. */
function endsFrom(bytes: Buffer, last: number): boolean {
  return (
    bytes[last] === quote &&
    ((bytes[last - 1] ?? 0) | 0x20) === 0x6d &&
    ((bytes[last - 2] ?? 0) | 0x20) === 0x6f &&
    ((bytes[last - 3] ?? 0) | 0x20) === 0x72 &&
    ((bytes[last - 4] ?? 0) | 0x20) === 0x66 &&
    bytes[last - 5] === quote
  );
}

/**
 * True if an object may follow a first byte that is not `{`: after white space, a zero or a byte order mark. Readers
 * that trim a text first take away all that Unicode calls white space.
 */
function mayHideObject(bytes: Buffer, at: number): boolean {
  const first = bytes[at] ?? 0;
  if (first <= 0x20 || first === 0xef || first >= 0xfe) return true;
  if (first < 0xc2 || first > 0xe3) return false;
  return /^\s/u.test(bytes.toString("utf8", at, at + 3)) || (first === 0xc2 && bytes[at + 1] === 0x85);
}

function stringEnd(bytes: Buffer, at: number, end: number): number {
  for (let now = at; now < end; now += 1) {
    const byte = bytes[now];
    if (byte === quote) return now;
    if (byte === backslash) now += 1;
  }
  return -1;
}

function hasBackslash(bytes: Buffer, at: number, end: number): boolean {
  for (let now = at; now < end; now += 1) if (bytes[now] === backslash) return true;
  return false;
}

/** The place after the colon and the opening quote of a key's value, or -1. */
function valueStart(bytes: Buffer, at: number, end: number): number {
  const colon = afterBlanks(bytes, at, end);
  if (bytes[colon] !== 0x3a) return -1;
  const open = afterBlanks(bytes, colon + 1, end);
  return open < end && bytes[open] === quote ? open + 1 : -1;
}

function afterBlanks(bytes: Buffer, at: number, end: number): number {
  let now = at;
  while (now < end && isBlank(bytes[now] ?? 0)) now += 1;
  return now;
}

function blank(bytes: Buffer, at: number, end: number): boolean {
  return afterBlanks(bytes, at, end) === end;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
