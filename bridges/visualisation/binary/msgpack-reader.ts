import { BinaryProblem } from "./frame.js";
import { depthMax } from "./msgpack-writer.js";

const texts = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The map that a stranger wrote as MessagePack, of JSON values alone. What is announced is compared with what is there
 * before anything is made of it. The reader of msgpackr renames the key `__proto__`, which is a valid name of an agent
 * (ADR 0021).
 * @throws BinaryProblem no map, not whole, more than one value, nested deeper than 64 levels, or a value or key that
 * JSON has no word for: extensions, bytes, NaN, infinities, integers beyond 2^53, keys twice or other than texts
 */
export function unpackMap(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const reading = new Reading(bytes);
  const value = reading.value(0);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BinaryProblem("MessagePack: it is no map");
  reading.mustEnd();
  return value as Readonly<Record<string, unknown>>;
}

class Reading {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  mustEnd(): void {
    if (this.#at < this.#bytes.length) throw new BinaryProblem("MessagePack: something follows the map");
  }

  value(depth: number): unknown {
    const byte = this.#uint(1);
    if (byte < 0x80) return byte;
    if (byte < 0x90) return this.#map(byte & 0x0f, depth + 1);
    if (byte < 0xa0) return this.#list(byte & 0x0f, depth + 1);
    if (byte < 0xc0) return this.#text(byte & 0x1f);
    if (byte >= 0xe0) return byte - 0x100;
    switch (byte) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return finite(this.#view.getFloat32(this.#take(4)));
      case 0xcb:
        return finite(this.#view.getFloat64(this.#take(8)));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (byte - 0xcc));
      case 0xcf:
        return safe(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return safe(this.#view.getBigInt64(this.#take(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (byte - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#uint(2 << (byte - 0xdc)), depth + 1);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (byte - 0xde)), depth + 1);
      default:
        throw new BinaryProblem("MessagePack: only values of JSON are known, no bytes and no extensions");
    }
  }

  #list(count: number, depth: number): readonly unknown[] {
    this.#mustHold(count, depth);
    const list: unknown[] = [];
    while (list.length < count) list.push(this.value(depth));
    return list;
  }

  #map(count: number, depth: number): Readonly<Record<string, unknown>> {
    this.#mustHold(2 * count, depth);
    const map: Record<string, unknown> = {};
    for (let left = count; left > 0; left -= 1) {
      const key = this.#key();
      if (Object.hasOwn(map, key)) throw new BinaryProblem("MessagePack: a key stands twice in a map");
      const value = this.value(depth);
      // Set like any other key, this one would become the map's prototype.
      if (key === "__proto__")
        Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
      else map[key] = value;
    }
    return map;
  }

  #key(): string {
    const byte = this.#uint(1);
    if (byte >= 0xa0 && byte < 0xc0) return this.#text(byte & 0x1f);
    if (byte >= 0xd9 && byte <= 0xdb) return this.#text(this.#uint(1 << (byte - 0xd9)));
    throw new BinaryProblem("MessagePack: a key is no text");
  }

  #text(size: number): string {
    const start = this.#take(size);
    try {
      return texts.decode(this.#bytes.subarray(start, start + size));
    } catch {
      throw new BinaryProblem("MessagePack: a text is not UTF-8");
    }
  }

  /** A value has one byte at least: a count that is larger than what is left is a lie. */
  #mustHold(count: number, depth: number): void {
    if (depth > depthMax) throw new BinaryProblem(`MessagePack: it is nested deeper than ${String(depthMax)} levels`);
    if (count > this.#bytes.length - this.#at) throw endsEarly();
  }

  #uint(size: number): number {
    const at = this.#take(size);
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#bytes.length - at) throw endsEarly();
    this.#at = at + size;
    return at;
  }
}

function endsEarly(): BinaryProblem {
  return new BinaryProblem("MessagePack: it ends early, or its lengths lie");
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new BinaryProblem("MessagePack: NaN and infinities are no values of JSON");
}

function safe(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new BinaryProblem("MessagePack: an integer beyond 2^53; write it as a text");
}
