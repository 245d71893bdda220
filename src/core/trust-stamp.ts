import { isBrokerKey, isBrokerKeyIn } from "./broker-keys.js";
import { isEmpty, type Marks } from "./marks.js";
import type { Trust } from "./principal.js";

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const prefixes = { shared: Buffer.from('{"trust":"shared",'), proved: Buffer.from('{"trust":"proved",') } as const;
const brace = Buffer.from("{");

/** How well a sender is proved that does more than claim its name. */
type Proof = Exclude<Trust, "claimed">;

/**
 * A payload as ZeroMQ subscribers get it: without broker keys that its sender wrote, and with the broker's `trust` if
 * the sender is proved. Only these bytes change, so that numbers stay as they were written. One pass over the bytes and
 * one copy: a search for each key costs four times as much.
 * @param payload an envelope: a JSON object that parses, without the same key twice in the outermost object
 * @param trust undefined for a sender that only claims its name: the key is left out
 */
export function stampTrust(payload: Buffer, trust: Proof | undefined): Buffer {
  return stamp(payload, trust === undefined ? undefined : prefixes[trust], isBrokers);
}

/**
 * The same for a message that the broker has kept: with its marks in the object `$broker`, which only it writes.
 * @param payload as for {@link stampTrust}
 */
export function stampMarks(payload: Buffer, trust: Proof | undefined, marks: Marks): Buffer {
  const before = trust === undefined ? "{" : prefixes[trust].toString();
  return stamp(
    payload,
    Buffer.from(`${before}${isEmpty(marks) ? "" : `"$broker":${JSON.stringify(marks)},`}`),
    isBrokers,
  );
}

/**
 * A payload that says which request it answers, in place of what it says of that itself (protocols §3.2).
 * @param payload as for {@link stampTrust}
 */
export function stampInReplyTo(payload: Buffer, messageId: string): Buffer {
  return stamp(payload, Buffer.from(`{"in_reply_to":${JSON.stringify(messageId)},`), isInReplyTo);
}

/**
 * Puts members in front of those of an object, and cuts some of these out. What is no object stays as it is.
 * @param prefix the opening brace, the new members and a comma; undefined if there are none
 */
function stamp(payload: Buffer, prefix: Buffer | undefined, isCut: IsCut): Buffer {
  const open = afterBlanks(payload, 0);
  if (payload[open] !== 0x7b) return payload;
  const kept = membersToKeep(payload, open + 1, isCut);
  if (kept === undefined && prefix === undefined) return payload;
  const rest = kept ?? payload.subarray(open + 1);
  if (prefix === undefined) return Buffer.concat([brace, rest]);
  const isEmpty = rest[afterBlanks(rest, 0)] === 0x7d;
  const used = isEmpty ? prefix.length - 1 : prefix.length;
  const whole = Buffer.allocUnsafe(used + rest.length);
  prefix.copy(whole, 0, 0, used);
  rest.copy(whole, used);
  return whole;
}

/** True if the string between the quotes at `open` and `close`, a key of the outermost object, goes with its value. */
type IsCut = (bytes: Buffer, open: number, close: number) => boolean;

/** The bytes after the opening brace without the members that are cut; undefined if there are none to remove. */
function membersToKeep(bytes: Buffer, first: number, isCut: IsCut): Buffer | undefined {
  /** Where each member of the outermost object ends, and which of them are cut. */
  const ends: number[] = [];
  const cut: number[] = [];
  let depth = 1;
  let keyNext = true;
  for (let at = first; at < bytes.length && depth > 0; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) {
      const end = stringEnd(bytes, at + 1);
      if (keyNext && isCut(bytes, at, end)) cut.push(ends.length);
      keyNext = false;
      at = end;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
      if (depth === 0) ends.push(at);
    } else if (byte === comma && depth === 1) {
      ends.push(at);
      keyNext = true;
    }
  }
  if (cut.length === 0) return undefined;
  const kept = ends
    .map((end, at) => bytes.toString("latin1", at === 0 ? first : (ends[at - 1] ?? 0) + 1, end))
    .filter((_member, at) => !cut.includes(at));
  return Buffer.from(`${kept.join(",")}}`, "latin1");
}

/** True if the string between the quotes at `open` and `close` is a broker key, also if it is written with escapes. */
function isBrokers(bytes: Buffer, open: number, close: number): boolean {
  for (let at = open; at < close; at += 1) {
    if (bytes[at] === backslash) return isBrokerKey(String(JSON.parse(bytes.toString("utf8", open, close + 1))));
  }
  return isBrokerKeyIn(bytes, open + 1, close);
}

/** True if the string between the quotes at `open` and `close` is `in_reply_to`. */
function isInReplyTo(bytes: Buffer, open: number, close: number): boolean {
  return JSON.parse(bytes.toString("utf8", open, close + 1)) === "in_reply_to";
}

/** The index of the closing quote of the string whose first character is at `at`. */
function stringEnd(bytes: Buffer, at: number): number {
  for (let now = at; now < bytes.length; now += 1) {
    const byte = bytes[now];
    if (byte === quote) return now;
    if (byte === backslash) now += 1;
  }
  return bytes.length;
}

/** The index of the first byte from `at` on that is no white space of JSON. */
function afterBlanks(bytes: Buffer, at: number): number {
  let now = at;
  while (bytes[now] === 0x20 || bytes[now] === 0x0a || bytes[now] === 0x0d || bytes[now] === 0x09) now += 1;
  return now;
}
