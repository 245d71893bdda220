import { isUtf8 } from "node:buffer";
import { Fault } from "#dialect";
import { depthMax } from "../scan.js";

/** What stands at a place of MessagePack: the values of JSON, and bytes; `extension` is nothing of ours. */
export type MsgpackKind = "nil" | "true" | "false" | "number" | "text" | "bytes" | "list" | "map" | "extension";

/** A text of so many bytes is looked at byte by byte before anything is called for it. */
const shortText = 32;

/**
 * Reads MessagePack that a stranger wrote, value by value, and makes no objects: what is announced is compared with
 * what is there before anything else happens. What JSON has no word for is passed over and noted (`takeProblem`):
 * extensions, NaN and infinities, integers beyond 2^53, keys that are no texts, texts that are not UTF-8.
 */
export class MsgpackReader {
  /** The next byte: behind `head`, the first one of a text, of bytes, or of the first item of a list or map. */
  at: number;
  /** What `head` has read: of a number its value, of texts and bytes their length, of lists and maps their count. */
  value = 0;
  #problem: string | undefined;
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  /** True if everything has been read. */
  get isOver(): boolean {
    return this.at >= this.#end;
  }

  /** The first thing since then that is no value of JSON, in words for its sender. */
  takeProblem(): string | undefined {
    const problem = this.#problem;
    this.#problem = undefined;
    return problem;
  }

  /** Reads the beginning of a value; see `at` and `value`. @throws Fault malformed: the bytes end too early */
  head(): MsgpackKind {
    const byte = this.#uint(1);
    if (byte < 0x80) return this.#number(byte);
    if (byte < 0x90) return this.#items("map", byte & 0x0f);
    if (byte < 0xa0) return this.#items("list", byte & 0x0f);
    if (byte < 0xc0) return this.#run("text", byte & 0x1f);
    if (byte >= 0xe0) return this.#number(byte - 0x100);
    switch (byte) {
      case 0xc0:
        return "nil";
      case 0xc2:
        return "false";
      case 0xc3:
        return "true";
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#run("bytes", this.#uint(1 << (byte - 0xc4)));
      case 0xca:
        return this.#float(this.#place(4), 4);
      case 0xcb:
        return this.#float(this.#place(8), 8);
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#number(this.#uint(1 << (byte - 0xcc)));
      case 0xcf:
        return this.#number(this.#uint(4) * 2 ** 32 + this.#uint(4));
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#number(this.#int(1 << (byte - 0xd0)));
      case 0xd3:
        return this.#number(this.#int(4) * 2 ** 32 + this.#uint(4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#run("text", this.#uint(1 << (byte - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#items("list", this.#uint(byte === 0xdc ? 2 : 4));
      case 0xde:
      case 0xdf:
        return this.#items("map", this.#uint(byte === 0xde ? 2 : 4));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#run("extension", this.#uint(1 << (byte - 0xc7)) + 1);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#run("extension", (1 << (byte - 0xd4)) + 1);
      default:
        throw new Fault("malformed", "MessagePack: 0xc1 is the beginning of nothing");
    }
  }

  /** Passes over one value and looks at all of it. @throws Fault malformed: the bytes end too early, nested too deep */
  skip(depth = 0): void {
    this.pass(this.head(), depth);
  }

  /** Passes over the rest of a value whose head has been read. @throws Fault malformed */
  pass(kind: MsgpackKind, depth: number): void {
    if (kind === "text") this.#checkText();
    else if (kind === "bytes" || kind === "extension") this.at += this.value;
    else if (kind === "list" || kind === "map") {
      mayNest(depth);
      for (let left = this.value; left > 0; left -= 1) {
        if (kind === "map") this.#skipKey(depth);
        this.skip(depth + 1);
      }
    }
  }

  /** The text whose head has been read. */
  text(): string {
    const start = this.at;
    this.#checkText();
    return this.#bytes.toString("utf8", start, this.at);
  }

  /** The bytes whose head has been read, in base64 (RFC 4648 §4). */
  base64(): string {
    const start = this.at;
    this.at += this.value;
    return this.#bytes.toString("base64", start, this.at);
  }

  /** A key of a map; what is no text is passed over as an empty one. @throws Fault malformed */
  key(depth: number): string {
    const kind = this.head();
    if (kind === "text") return this.text();
    this.#passKey(kind, depth);
    return "";
  }

  #skipKey(depth: number): void {
    const kind = this.head();
    if (kind === "text") this.#checkText();
    else this.#passKey(kind, depth);
  }

  #passKey(kind: MsgpackKind, depth: number): void {
    this.#note("the keys of a map are texts");
    this.pass(kind, depth + 1);
  }

  #note(problem: string): void {
    this.#problem ??= `MessagePack: ${problem}`;
  }

  #checkText(): void {
    const start = this.at;
    const end = start + this.value;
    this.at = end;
    const bytes = this.#bytes;
    let at = start;
    if (this.value <= shortText) while (at < end && (bytes[at] ?? 0) < 0x80) at += 1;
    if (at < end && !isUtf8(bytes.subarray(at, end))) this.#note("texts are UTF-8");
  }

  #number(value: number): MsgpackKind {
    if (!Number.isSafeInteger(value)) this.#note("integers lie within 2^53; write a larger one as a text");
    this.value = value;
    return "number";
  }

  #float(at: number, width: 4 | 8): MsgpackKind {
    const value = width === 4 ? this.#bytes.readFloatBE(at) : this.#bytes.readDoubleBE(at);
    if (!Number.isFinite(value)) this.#note("NaN and infinities are no values of JSON");
    this.value = value;
    return "number";
  }

  /** Texts and bytes. */
  #run(kind: "text" | "bytes" | "extension", length: number): MsgpackKind {
    if (length > this.#end - this.at) throw truncated();
    if (kind === "extension") this.#note("extension types are not taken; write a time in milliseconds");
    this.value = length;
    return kind;
  }

  /** Lists and maps: each item takes a byte at least. */
  #items(kind: "list" | "map", count: number): MsgpackKind {
    if (count * (kind === "map" ? 2 : 1) > this.#end - this.at) throw truncated();
    this.value = count;
    return kind;
  }

  #uint(width: number): number {
    const at = this.#place(width);
    return width === 1 ? (this.#bytes[at] ?? 0) : this.#bytes.readUIntBE(at, width);
  }

  #int(width: number): number {
    return this.#bytes.readIntBE(this.#place(width), width);
  }

  #place(width: number): number {
    const { at } = this;
    if (width > this.#end - at) throw truncated();
    this.at = at + width;
    return at;
  }
}

/** @throws Fault malformed: a list or map at `depth` is one level too deep */
export function mayNest(depth: number): void {
  if (depth >= depthMax) throw new Fault("malformed", `nested deeper than ${depthMax} levels`);
}

function truncated(): Fault {
  return new Fault("malformed", "MessagePack: the bytes end before the value that they announce");
}
