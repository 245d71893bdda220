import type { Dice } from "./dice.js";

/**
 * What parsers trip over: ends and escapes of JSON, numbers at their limits, names of prototypes, characters that are
 * half of one.
 */
const words: readonly string[] = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "\\",
  "\\u0000",
  "\\ud800",
  "\ud800",
  "\u0000",
  "\u007f",
  "\u2028",
  "\ufeff",
  "\u{1F916}",
  "ü",
  " ",
  "\n",
  "\t",
  "null",
  "true",
  "NaN",
  "-1",
  "1e999",
  "-0",
  "9007199254740993",
  "0.1",
  '"__proto__"',
  '"constructor"',
  '"type"',
  '"type":"MSG",',
  '"to":',
  '"from":"x",',
  '"from"',
  '"fr\\u006fm"',
  "#room",
  "@agent",
  "$broker",
  "all",
  '"\\""',
  "[[[[[[[[",
  '{"a":{"a":{"a":',
  "x".repeat(300),
];

/**
 * A text of the corpus, damaged one to four times: cut, doubled, joined with another, a word put in, a character
 * changed.
 */
export function damagedText(dice: Dice, corpus: readonly string[]): string {
  let text = dice.pick(corpus);
  for (let times = dice.between(0, 4); times > 0; times -= 1) {
    const [at, end] = range(dice, text.length);
    switch (dice.below(7)) {
      case 0:
        text = text.slice(0, at) + text.slice(end);
        break;
      case 1:
        text = text.slice(0, end) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + dice.pick(corpus).slice(dice.below(20));
        break;
      case 3:
        text =
          text.slice(0, at) + String.fromCharCode(dice.below(dice.below(4) === 0 ? 65_536 : 128)) + text.slice(at + 1);
        break;
      case 4:
        text = `${text}${dice.pick(["", "\n", " ", ","])}${dice.pick(corpus)}`;
        break;
      default:
        text = text.slice(0, at) + dice.pick(words) + text.slice(dice.below(2) === 0 ? at : end);
    }
    if (text.length > 4_096) text = text.slice(0, 4_096);
  }
  return text;
}

/** Bytes of the corpus, damaged one to four times; now and then nothing but noise. */
export function damagedBytes(dice: Dice, corpus: readonly Buffer[]): Buffer {
  if (dice.below(16) === 0) return noise(dice, dice.below(120));
  let bytes = Buffer.from(dice.pick(corpus));
  for (let times = dice.between(0, 4); times > 0; times -= 1) {
    const [at, end] = range(dice, bytes.length);
    switch (dice.below(6)) {
      case 0:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), dice.pick(corpus)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), noise(dice, dice.between(1, 9)), bytes.subarray(at)]);
        break;
      default:
        if (at < bytes.length)
          bytes[at] =
            dice.below(3) === 0 ? dice.pick([0, 1, 0x7f, 0x80, 0xfe, 0xff]) : (bytes[at] ?? 0) ^ (1 << dice.below(8));
    }
    if (bytes.length > 8_192) bytes = bytes.subarray(0, 8_192);
  }
  return bytes;
}

/** Bytes cut into chunks at random places, none lost. */
export function chunksOf(dice: Dice, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + dice.between(1, dice.pick([1, 3, 20, 400])));
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

function noise(dice: Dice, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) bytes[at] = dice.below(256);
  return bytes;
}

function range(dice: Dice, length: number): readonly [number, number] {
  const at = dice.below(length + 1);
  return [at, Math.min(length, at + dice.below(dice.pick([2, 8, 64])))];
}
