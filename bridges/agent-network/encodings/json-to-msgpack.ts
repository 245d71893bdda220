import { Fault } from "#dialect";
import { notJson, stringIn } from "./json-string.js";
import { depthMax, textEnd } from "../scan.js";

/** A number of RFC 8259. */
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const integer = /^-?[0-9]+$/;

/**
 * JSON text as the same value in MessagePack: keys in their order, each number the same IEEE double. Integers of 32
 * bits are integers there, all other numbers float64, since many decoders make big integers of uint64. No objects are
 * made of it.
 * @throws Fault unsupported: it is no JSON, or holds a value that has no equal in MessagePack
 */
export function jsonToMsgpack(text: string): Buffer {
  return new Writing(text).whole();
}

class Writing {
  readonly #text: string;
  #at = 0;
  #out: Buffer;
  #length = 0;

  constructor(text: string) {
    this.#text = text;
    this.#out = Buffer.allocUnsafe(text.length + 64);
  }

  whole(): Buffer {
    this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw notJson();
    return this.#out.subarray(0, this.#length);
  }

  #value(depth: number): void {
    this.#space();
    switch (this.#text.charAt(this.#at)) {
      case '"':
        this.#put(this.#string());
        break;
      case "{":
        this.#items(depth, "}", 0x80, 0xde);
        break;
      case "[":
        this.#items(depth, "]", 0x90, 0xdc);
        break;
      case "t":
        this.#literal("true", 0xc3);
        break;
      case "f":
        this.#literal("false", 0xc2);
        break;
      case "n":
        this.#literal("null", 0xc0);
        break;
      default:
        this.#number();
    }
  }

  /** A list or an object: its head is written when the count of its items is known. */
  #items(depth: number, closing: "}" | "]", fix: number, wide: number): void {
    if (depth >= depthMax) throw new Fault("unsupported", `it is nested deeper than ${depthMax} levels`);
    this.#at += 1;
    const head = this.#room(1);
    let count = 0;
    if (!this.#next(closing)) {
      do {
        if (closing === "}") this.#key();
        this.#value(depth + 1);
        count += 1;
      } while (this.#next(","));
      if (!this.#next(closing)) throw notJson();
    }
    this.#close(head, count, fix, wide);
  }

  #close(head: number, count: number, fix: number, wide: number): void {
    if (count < 16) {
      this.#out[head] = fix | count;
      return;
    }
    const width = count < 0x1_0000 ? 2 : 4;
    const end = this.#room(width);
    this.#out.copyWithin(head + 1 + width, head + 1, end);
    this.#out[head] = width === 2 ? wide : wide + 1;
    this.#out.writeUIntBE(count, head + 1, width);
  }

  #key(): void {
    this.#space();
    if (this.#text[this.#at] !== '"') throw notJson();
    this.#put(this.#string());
    if (!this.#next(":")) throw notJson();
  }

  /** The string that begins here. */
  #string(): string {
    const start = this.#at;
    this.#at = textEnd(this.#text, start);
    if (this.#at === -1) throw notJson();
    return stringIn(this.#text.slice(start, this.#at));
  }

  #put(text: string): void {
    const size = Buffer.byteLength(text);
    if (size < 32) this.#byte(0xa0 | size);
    else if (size < 0x100) this.#uint(0xd9, size, 1);
    else if (size < 0x1_0000) this.#uint(0xda, size, 2);
    else this.#uint(0xdb, size, 4);
    const at = this.#room(size);
    this.#out.write(text, at, "utf8");
  }

  #number(): void {
    number.lastIndex = this.#at;
    const written = number.exec(this.#text)?.[0];
    if (written === undefined) throw notJson();
    this.#at += written.length;
    const value = Number(written);
    if (!Number.isFinite(value)) throw new Fault("unsupported", "it holds a number beyond 1.8e308");
    if (!isSame(written, value))
      throw new Fault("unsupported", "it holds an integer beyond 2^53 that is no double; write it as a text");
    if (!Number.isInteger(value) || Object.is(value, -0) || value < -0x8000_0000 || value > 0xffff_ffff) {
      this.#byte(0xcb);
      const at = this.#room(8);
      this.#out.writeDoubleBE(value, at);
    } else this.#integer(value);
  }

  #integer(value: number): void {
    if (value >= 0) {
      if (value < 0x80) this.#byte(value);
      else if (value < 0x100) this.#uint(0xcc, value, 1);
      else if (value < 0x1_0000) this.#uint(0xcd, value, 2);
      else this.#uint(0xce, value, 4);
    } else if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) this.#int(0xd0, value, 1);
    else if (value >= -0x8000) this.#int(0xd1, value, 2);
    else this.#int(0xd2, value, 4);
  }

  #literal(word: string, byte: number): void {
    if (!this.#text.startsWith(word, this.#at)) throw notJson();
    this.#at += word.length;
    this.#byte(byte);
  }

  /** Passes over `mark` if it comes next. */
  #next(mark: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #byte(byte: number): void {
    const at = this.#room(1);
    this.#out[at] = byte;
  }

  #uint(byte: number, value: number, width: number): void {
    this.#byte(byte);
    const at = this.#room(width);
    this.#out.writeUIntBE(value, at, width);
  }

  #int(byte: number, value: number, width: number): void {
    this.#byte(byte);
    const at = this.#room(width);
    this.#out.writeIntBE(value, at, width);
  }

  /** Takes the next `size` bytes of the output. @returns where they begin */
  #room(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#out.length) {
      const larger = Buffer.allocUnsafe(2 * this.#length);
      this.#out.copy(larger, 0, 0, at);
      this.#out = larger;
    }
    return at;
  }
}

/** False for an integer that was not written from a double, and that none holds. */
function isSame(written: string, value: number): boolean {
  return (
    Number.isSafeInteger(value) ||
    !integer.test(written) ||
    written === String(value) ||
    BigInt(written) === BigInt(value)
  );
}
