import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { arch, endianness } from "node:os";
import {
  bigFlag,
  branchFlag,
  Damage,
  headerBytes,
  leafFlag,
  newestMeta,
  nodeBytes,
  noPage,
  overflowFlag,
  readAt,
  treeAt,
  treeBytes,
  treeFlag,
  type Meta,
  type Tree,
} from "./lmdb-pages.js";
import { errorCode } from "./remedy.js";

const depthMax = 32;

/** A value in a leaf. */
interface Value {
  readonly flags: number;
  readonly read: () => Buffer;
}

/**
 * What is wrong with a file of lmdb's; undefined if nothing is, or if there is none. lmdb reads its file through memory
 * and trusts it: a page that is cut off or scrambled ends the process by a signal, without a word. Everything but the
 * bytes of keys and values is looked at; 0.1 s for 100 MB.
 */
export function lmdbDamage(path: string): string | undefined {
  // Elsewhere the numbers in the file are spelt in another way.
  if (endianness() !== "LE" || !arch().endsWith("64")) return undefined;
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return "it is no regular file";
    // A broker that was killed at its very first start leaves it empty.
    if (stat.size > 0) new Inspection(file, stat.size).run();
    return undefined;
  } catch (error) {
    if (error instanceof Damage) return error.message;
    throw error;
  } finally {
    closeSync(file);
  }
}

/** One look through a file. */
class Inspection {
  readonly #file: number;
  readonly #meta: Meta;
  /** Pages that are whole in the file. */
  readonly #pagesInFile: number;
  // bound: pages of the file, a bit of each byte · evicts: goes with the inspection · owner: Inspection
  readonly #seen: Uint8Array;

  constructor(file: number, size: number) {
    this.#file = file;
    this.#meta = newestMeta(file, size);
    this.#pagesInFile = Math.floor(size / this.#meta.pageBytes);
    this.#seen = new Uint8Array(this.#pagesInFile);
  }

  run(): void {
    const { free, main } = this.#meta;
    this.#tree(main, ({ flags, read }) => {
      if ((flags & treeFlag) === 0) return;
      const data = read();
      if (data.length < treeBytes) throw new Damage("a table's entry is cut off");
      this.#tree(treeAt(data, 0), () => undefined);
    });
    this.#tree(free, ({ read }) => {
      this.#freePages(read());
    });
  }

  /** `look`: called with each value of the tree. */
  #tree({ root, depth }: Tree, look: (value: Value) => void): void {
    if (root === noPage) return;
    if (depth < 1 || depth > depthMax) throw new Damage(`a tree is ${String(depth)} pages deep`);
    this.#page(root, depth, look);
  }

  #page(at: bigint, levels: number, look: (value: Value) => void): void {
    const number = this.#claim(at, 1);
    const { pageBytes } = this.#meta;
    const page = this.#read(number, pageBytes);
    const flags = page.readUInt16LE(18);
    const wanted = levels === 1 ? leafFlag : branchFlag;
    if (page.readBigUInt64LE(0) !== at || (flags & 0x2f) !== wanted)
      throw new Damage(`page ${String(number)} is another`);
    const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)];
    if (lower > upper || upper > pageBytes - headerBytes || lower % 2 !== 0 || lower === 0)
      throw new Damage(`page ${String(number)} has no order`);
    for (let offset = headerBytes; offset < headerBytes + lower; offset += 2) {
      const node = headerBytes + page.readUInt16LE(offset);
      if (node < headerBytes + upper || node + nodeBytes > pageBytes)
        throw new Damage(`page ${String(number)} points outside of itself`);
      const data = node + nodeBytes + page.readUInt16LE(node + 6);
      const low = page.readUInt32LE(node);
      const nodeFlags = page.readUInt16LE(node + 4);
      if (levels > 1) {
        if (data > pageBytes) throw new Damage(`page ${String(number)} has a key that ends outside`);
        this.#page(BigInt(low) + (BigInt(nodeFlags) << 32n), levels - 1, look);
        continue;
      }
      const isBig = (nodeFlags & bigFlag) !== 0;
      const end = data + (isBig ? headerBytes : low);
      if (end > pageBytes) throw new Damage(`page ${String(number)} has a value that ends outside`);
      const read = isBig ? this.#big(page.readBigUInt64LE(data), low) : () => page.subarray(data, end);
      look({ flags: nodeFlags, read });
    }
  }

  /** A value on pages of its own. */
  #big(at: bigint, length: number): () => Buffer {
    const pages = Math.ceil((headerBytes + length) / this.#meta.pageBytes);
    const number = this.#claim(at, pages);
    const header = this.#read(number, headerBytes);
    if (header.readBigUInt64LE(0) !== at || (header.readUInt16LE(18) & overflowFlag) === 0)
      throw new Damage(`page ${String(number)} is another`);
    if (header.readUInt32LE(20) < pages) throw new Damage(`the value at page ${String(number)} is cut off`);
    return () => this.#read(number, headerBytes + length).subarray(headerBytes);
  }

  /**
   * A list of free pages: how many entries, then page numbers, each of which may have the length of a run before it.
   */
  #freePages(list: Buffer): void {
    const entries = Math.floor(list.length / 8);
    const count = entries === 0 ? 0 : Number(list.readBigUInt64LE(0));
    if (count >= entries) throw new Damage("a list of free pages is cut off");
    for (let entry = 1; entry <= count; entry += 1) {
      const page = Number(list.readBigInt64LE(entry * 8));
      if (Math.abs(page) > this.#meta.lastPage) throw new Damage(`free page ${String(page)} is outside of the file`);
    }
  }

  /** Each page belongs to one place of one tree: otherwise a loop would have no end. */
  #claim(at: bigint, count: number): number {
    const number = at > BigInt(this.#meta.lastPage) ? Infinity : Number(at);
    if (number < 2 || number + count - 1 > this.#meta.lastPage)
      throw new Damage(`there is no page ${String(at)}, to which another points`);
    if (number + count > this.#pagesInFile) throw new Damage(`it is cut off before page ${String(number + count - 1)}`);
    for (let page = number; page < number + count; page += 1) {
      if (this.#seen[page] === 1) throw new Damage(`page ${String(page)} is in use twice`);
      this.#seen[page] = 1;
    }
    return number;
  }

  #read(page: number, length: number): Buffer {
    return readAt(this.#file, page * this.#meta.pageBytes, length);
  }
}
