/**
 * Outermost keys of an envelope that only the broker may write, because receivers rely on them (ZeroMQ §8.4). Readers
 * in Go and .NET find keys in any case, so `Trust`, `TRUST` and `truſt` are the broker's, too.
 */
export const brokerKeys = ["trust", "received_at", "replay", "$broker"] as const;

const isAscii = /^[\0-\x7f]*$/;
const quoted = brokerKeys.map((key) => Buffer.from(key));
/** No spelling of a key is shorter or longer than this, in bytes of UTF-8: some letters that fold to ASCII take two. */
const keyMinBytes = Math.min(...brokerKeys.map((key) => key.length));
const keyMaxBytes = 2 * Math.max(...brokerKeys.map((key) => key.length));

/**
 * A key as readers compare it that ignore case: `ſ` folds to `s`, `ı` and `İ` to `i` (Unicode CaseFolding, and the
 * Turkic letters that some readers fold as well).
 */
export function foldKey(key: string): string {
  // Nearly every key is ASCII; letter by letter it would cost 2 µs.
  if (isAscii.test(key)) return key.toLowerCase();
  // Letter by letter: a ligature such as `ﬆ` is no reader's `st`.
  const upper = Array.from(key, (sign) => (sign.toUpperCase().length === sign.length ? sign.toUpperCase() : sign));
  return upper.join("").toLowerCase().replaceAll("i\u0307", "i");
}

/** True if `key` is one that only the broker writes, in any case. */
export function isBrokerKey(key: string): boolean {
  return key.length <= keyMaxBytes && (brokerKeys as readonly string[]).includes(foldKey(key));
}

/**
 * True if `bytes[start, end)`, the inside of a JSON string without escapes, is a key that only the broker writes, in
 * any case.
 */
export function isBrokerKeyIn(bytes: Buffer, start: number, end: number): boolean {
  const size = end - start;
  if (size < keyMinBytes || size > keyMaxBytes) return false;
  for (const key of quoted) if (key.length === size && isSameInAnyCase(bytes, start, key)) return true;
  for (let at = start; at < end; at += 1)
    if ((bytes[at] ?? 0) >= 0x80) return isBrokerKey(bytes.toString("utf8", start, end));
  return false;
}

/** Compares with a key of small letters, `$` and `_`, which are the same in either case. */
function isSameInAnyCase(bytes: Buffer, start: number, key: Buffer): boolean {
  for (let at = 0; at < key.length; at += 1) {
    const byte = bytes[start + at] ?? 0;
    const wanted = key[at] ?? 0;
    const isLetter = wanted >= 0x61;
    if ((isLetter ? byte | 0x20 : byte) !== wanted) return false;
  }
  return true;
}
