import { BinaryProblem } from "./frame.js";

/** Levels of lists and maps in MessagePack of ours: JSON messages may have as many. */
export const depthMax = 64;

const texts = new TextEncoder();

/**
 * A map of JSON values as MessagePack. It is the value that JSON.stringify would write: fields that are undefined are
 * left out, NaN and infinities are nil, half characters are replaced. Integers of 32 bits are integers there, other
 * numbers float64.
 * @throws BinaryProblem longer than `bytesMax`, deeper than `depthMax`, or a value that JSON has no word for
 */
export function packMap(map: Readonly<Record<string, unknown>>, bytesMax: number): Uint8Array {
  return new Writing(bytesMax).whole(map);
}

class Writing {
  readonly #bytesMax: number;
  #out = new Uint8Array(256);
  #view = new DataView(this.#out.buffer);
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  whole(map: Readonly<Record<string, unknown>>): Uint8Array {
    this.#map(map, 1);
    return this.#out.subarray(0, this.#length);
  }

  #value(value: unknown, depth: number): void {
    if (value === null || value === undefined) this.#byte(0xc0);
    else if (value === false) this.#byte(0xc2);
    else if (value === true) this.#byte(0xc3);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (Array.isArray(value)) this.#list(value, depth + 1);
    else if (typeof value === "object") this.#map(value as Readonly<Record<string, unknown>>, depth + 1);
    else throw new BinaryProblem(`a ${typeof value} is no value of JSON`);
  }

  #list(list: readonly unknown[], depth: number): void {
    mustBeShallow(depth);
    this.#count(list.length, 0x90, 16, 0xdc);
    for (const item of list) this.#value(item, depth);
  }

  #map(map: Readonly<Record<string, unknown>>, depth: number): void {
    mustBeShallow(depth);
    const fields = Object.entries(map).filter(([, value]) => value !== undefined);
    this.#count(fields.length, 0x80, 16, 0xde);
    for (const [key, value] of fields) {
      this.#text(key);
      this.#value(value, depth);
    }
  }

  #text(text: string): void {
    // A character has three bytes at most for each unit of a string: what is surely too long is never encoded.
    if (text.length > this.#bytesMax) throw this.#tooLong();
    const bytes = texts.encode(text);
    if (bytes.length >= 32 && bytes.length < 0x100) {
      this.#byte(0xd9);
      this.#byte(bytes.length);
    } else this.#count(bytes.length, 0xa0, 32, 0xda);
    const at = this.#room(bytes.length);
    this.#out.set(bytes, at);
  }

  /** How many follow: in the head itself where it is less than `few`, else in two or four bytes. */
  #count(count: number, fix: number, few: number, wide: number): void {
    if (count < few) this.#byte(fix | count);
    else if (count < 0x1_0000) {
      this.#byte(wide);
      const at = this.#room(2);
      this.#view.setUint16(at, count);
    } else {
      this.#byte(wide + 1);
      const at = this.#room(4);
      this.#view.setUint32(at, count);
    }
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) this.#byte(0xc0);
    else if (!Number.isInteger(value) || Object.is(value, -0) || value < -0x8000_0000 || value > 0xffff_ffff) {
      this.#byte(0xcb);
      const at = this.#room(8);
      this.#view.setFloat64(at, value);
    } else if (value >= 0) this.#unsigned(value);
    else this.#negative(value);
  }

  #unsigned(value: number): void {
    if (value < 0x80) this.#byte(value);
    else if (value < 0x100) {
      this.#byte(0xcc);
      this.#byte(value);
    } else if (value < 0x1_0000) {
      this.#byte(0xcd);
      const at = this.#room(2);
      this.#view.setUint16(at, value);
    } else {
      this.#byte(0xce);
      const at = this.#room(4);
      this.#view.setUint32(at, value);
    }
  }

  #negative(value: number): void {
    if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) {
      this.#byte(0xd0);
      this.#byte(value & 0xff);
    } else if (value >= -0x8000) {
      this.#byte(0xd1);
      const at = this.#room(2);
      this.#view.setInt16(at, value);
    } else {
      this.#byte(0xd2);
      const at = this.#room(4);
      this.#view.setInt32(at, value);
    }
  }

  #byte(byte: number): void {
    const at = this.#room(1);
    this.#out[at] = byte;
  }

  /** Takes the next `size` bytes of the output. @returns where they begin */
  #room(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytesMax) throw this.#tooLong();
    if (this.#length > this.#out.length) {
      const larger = new Uint8Array(Math.min(2 * this.#length, this.#bytesMax));
      larger.set(this.#out.subarray(0, at));
      this.#out = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  #tooLong(): BinaryProblem {
    return new BinaryProblem(`it has more than ${String(this.#bytesMax)} bytes as MessagePack; say it in JSON`);
  }
}

function mustBeShallow(depth: number): void {
  if (depth > depthMax) throw new BinaryProblem(`it is nested deeper than ${String(depthMax)} levels`);
}
