import { isBrokerKey, isBrokerKeyIn } from "./broker-keys.js";
import type { Trust } from "./principal.js";

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const brace = Buffer.from("{");
const prefixes = { shared: Buffer.from('{"trust":"shared",'), proved: Buffer.from('{"trust":"proved",') } as const;

/**
 * A payload as ZeroMQ subscribers get it: without broker keys that its sender wrote, and with the broker's `trust` if
 * the sender is proved. Only these bytes change, so that numbers stay as they were written. One pass over the bytes and
 * one copy: a search for each key costs four times as much.
 * @param payload an envelope: a JSON object that parses, without the same key twice in the outermost object
 * @param trust undefined for a sender that only claims its name: the key is left out
 */
export function stampTrust(payload: Buffer, trust: Exclude<Trust, "claimed"> | undefined): Buffer {
  const open = payload.indexOf(0x7b);
  if (open === -1) return payload;
  const kept = membersToKeep(payload, open + 1);
  if (kept === undefined && trust === undefined) return payload;
  const prefix = trust === undefined ? brace : prefixes[trust];
  const rest = kept ?? payload.subarray(open + 1);
  const whole = Buffer.allocUnsafe(prefix.length + rest.length);
  prefix.copy(whole);
  rest.copy(whole, prefix.length);
  return whole;
}

/**
 * A payload that says which request it answers, in place of what it says of that itself (protocols §3.2).
 * @param payload as for {@link stampTrust}
 */
export function stampInReplyTo(payload: Buffer, messageId: string): Buffer {
  const open = payload.indexOf(0x7b);
  if (open === -1) return payload;
  const rest = membersToKeep(payload, open + 1, isInReplyTo) ?? payload.subarray(open + 1);
  return Buffer.concat([Buffer.from(`{"in_reply_to":${JSON.stringify(messageId)},`), rest]);
}

/** The bytes after the opening brace without the members that are cut; undefined if there are none to remove. */
function membersToKeep(bytes: Buffer, first: number, isCut = isBrokers): Buffer | undefined {
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
