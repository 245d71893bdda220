import { closeSync, fstatSync, openSync } from "node:fs";
import {
  bigFlag,
  Damage,
  headerBytes,
  leafFlag,
  newestMeta,
  nodeBytes,
  noPage,
  overflowFlag,
  readAt,
  treeFlag,
  type Meta,
} from "./lmdb-pages.js";

/** An entry that was found in a file, whatever table it belongs to. */
export interface Remnant {
  readonly key: Buffer;
  readonly value: Buffer;
  /** The transaction that wrote it: of two under one key the higher one is the latest. */
  readonly transaction: number;
  /** lmdb no longer needs its page: it is what was there before. */
  readonly isOld: boolean;
}

interface Node {
  readonly flags: number;
  readonly low: number;
  readonly key: Buffer;
  /** Where its value begins in the page. */
  readonly data: number;
}

/** A page whose header says that it is where it belongs. */
interface Page {
  readonly bytes: Buffer;
  readonly flags: number;
  readonly transaction: number;
}

/**
 * What can be read of lmdb's file, also of a damaged one, which would end the process if lmdb read it: every page is
 * looked at by itself, so that a page that is lost costs no other. Which pages are in use no longer is told by the list
 * of free pages; where that is damaged, too, old entries are among those that are found.
 */
export class LmdbRemains {
  readonly #file: number;
  readonly #size: number;
  readonly #pageBytes: number;
  /** The transaction of the list of free pages. */
  readonly #listed: number;
  // bound: pages of the file, a byte each · evicts: goes with the remains · owner: LmdbRemains
  readonly #free: Uint8Array;

  /** @throws Error the system's: there is no such file */
  constructor(path: string) {
    this.#file = openSync(path, "r");
    this.#size = fstatSync(this.#file).size;
    const meta = this.#meta();
    this.#pageBytes = meta?.pageBytes ?? this.#guessedPageBytes();
    this.#listed = Number(meta?.transaction ?? 0n);
    this.#free = new Uint8Array(this.#pages);
    if (meta !== undefined && meta.free.root !== noPage) this.#findFree(meta.free.root, meta.free.depth, new Set());
  }

  close(): void {
    closeSync(this.#file);
  }

  /** All entries that can be read, in the order of the file. */
  *entries(): Iterable<Remnant> {
    for (let number = 2; number < this.#pages; number += 1) {
      const page = this.#page(number);
      if (page === undefined || (page.flags & leafFlag) === 0) continue;
      const isOld = this.#free[number] === 1 && page.transaction <= this.#listed;
      for (const node of nodesOf(page.bytes)) {
        const value = (node.flags & treeFlag) === 0 ? this.#valueOf(node, page.bytes) : undefined;
        if (value !== undefined) yield { key: node.key, value, transaction: page.transaction, isOld };
      }
    }
  }

  get #pages(): number {
    return Math.floor(this.#size / this.#pageBytes);
  }

  #meta(): Meta | undefined {
    try {
      return newestMeta(this.#file, this.#size);
    } catch (error) {
      if (error instanceof Damage) return undefined;
      throw error;
    }
  }

  /** The size with which most of the first pages have their own numbers. */
  #guessedPageBytes(): number {
    const fitting = (bytes: number): number => {
      const pages = Math.min(1_000, Math.floor(this.#size / bytes));
      let count = 0;
      for (let number = 2; number < pages; number += 1)
        if (readAt(this.#file, number * bytes, 8).readBigUInt64LE() === BigInt(number)) count += 1;
      return count;
    };
    return [4_096, 8_192, 16_384, 32_768, 65_536].reduce((best, bytes) =>
      fitting(bytes) > fitting(best) ? bytes : best,
    );
  }

  /** Marks what the list of free pages has, as far as it can be read. */
  #findFree(at: bigint, levels: number, seen: Set<number>): void {
    const number = Number(at);
    const page = this.#page(number);
    if (page === undefined || seen.has(number)) return;
    seen.add(number);
    for (const node of nodesOf(page.bytes)) {
      if (levels > 1) this.#findFree(BigInt(node.low) + (BigInt(node.flags) << 32n), levels - 1, seen);
      else this.#markFree(this.#valueOf(node, page.bytes) ?? Buffer.alloc(0));
    }
  }

  /** A list: its length, then page numbers, each of which may have the length of a run before it, negative. */
  #markFree(list: Buffer): void {
    let run = 1;
    for (let at = 8; at + 8 <= list.length; at += 8) {
      const entry = Number(list.readBigInt64LE(at));
      if (entry < 0) run = -entry;
      else {
        if (entry > 0) this.#free.fill(1, entry, entry + run);
        run = 1;
      }
    }
  }

  /** A page with the number of its place; undefined if it is none any more, or lies within a long value. */
  #page(number: number): Page | undefined {
    if (number < 2 || number >= this.#pages) return undefined;
    const bytes = readAt(this.#file, number * this.#pageBytes, this.#pageBytes);
    if (bytes.readBigUInt64LE(0) !== BigInt(number)) return undefined;
    return { bytes, flags: bytes.readUInt16LE(18), transaction: Number(bytes.readBigUInt64LE(8)) };
  }

  /** A value in a page, or on pages of its own; undefined if it is cut off. */
  #valueOf({ flags, low, data }: Node, bytes: Buffer): Buffer | undefined {
    if ((flags & bigFlag) === 0) return data + low <= bytes.length ? bytes.subarray(data, data + low) : undefined;
    if (data + 8 > bytes.length) return undefined;
    const number = Number(bytes.readBigUInt64LE(data));
    const first = this.#page(number);
    if (first === undefined || (first.flags & overflowFlag) === 0) return undefined;
    const start = number * this.#pageBytes + headerBytes;
    return start + low <= this.#size ? readAt(this.#file, start, low) : undefined;
  }
}

/** The nodes of a page that lie within it. */
function* nodesOf(page: Buffer): Iterable<Node> {
  const lower = Math.min(page.readUInt16LE(20), page.length - headerBytes - 1);
  for (let offset = headerBytes; offset < headerBytes + lower; offset += 2) {
    const node = headerBytes + page.readUInt16LE(offset);
    if (node + nodeBytes > page.length) continue;
    const data = node + nodeBytes + page.readUInt16LE(node + 6);
    if (data > page.length) continue;
    yield {
      flags: page.readUInt16LE(node + 4),
      low: page.readUInt32LE(node),
      key: page.subarray(node + nodeBytes, data),
      data,
    };
  }
}
