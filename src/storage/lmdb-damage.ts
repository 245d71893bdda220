import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { arch, endianness } from "node:os";
import { errorCode } from "./remedy.js";

/** The parts of lmdb's file (its version 2, 64 bits): a header before each page, then nodes that offsets point to. */
const headerBytes = 24;
const nodeBytes = 8;
const treeBytes = 48;
const magic = 0xbeefc0de;
const version = 2;
const [branchFlag, leafFlag, overflowFlag, metaFlag] = [0x01, 0x02, 0x04, 0x08];
/** Flags of a node in a leaf: its value lies on pages of its own; it is a tree of its own. */
const [bigFlag, treeFlag] = [0x01, 0x02];
/** The transaction may not be on the disk yet. */
const unsyncedFlag = 0x1000;
/** The root of an empty tree. */
const noPage = 0xffff_ffff_ffff_ffffn;
const depthMax = 32;

/** Why a file is not a whole database. */
class Damage extends Error {}

interface Tree {
  readonly depth: number;
  readonly root: bigint;
}

/** A value in a leaf. */
interface Value {
  readonly flags: number;
  readonly read: () => Buffer;
}

interface Meta {
  readonly pageBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: bigint;
  readonly isSynced: boolean;
  readonly boot: bigint;
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

/** The meta page with which lmdb will begin: the latest, or the one before if that may not have reached the disk. */
function newestMeta(file: number, size: number): Meta {
  const first = metaAt(file, 0, size);
  if (first === undefined) throw new Damage("its first page is not lmdb's");
  const { pageBytes } = first;
  const boot = thisBoot();
  if (size < 2 * pageBytes) throw new Damage("its second page is missing");
  const found = [pageBytes / 2, pageBytes].flatMap((at) => metaAt(file, at, size) ?? []);
  return found.reduce((one, other) => {
    if (other.transaction === 0n) return one;
    const [latest, earlier] = one.transaction >= other.transaction ? [one, other] : [other, one];
    return latest.isSynced || (latest.boot !== 0n && latest.boot === boot) ? latest : earlier;
  }, first);
}

function metaAt(file: number, at: number, size: number): Meta | undefined {
  const length = headerBytes + 144;
  if (at + length > size) return undefined;
  const bytes = readAt(file, at, length);
  const meta = bytes.subarray(headerBytes);
  // The one in the middle of the first page has neither a page's header nor the magic number.
  const isPage = (bytes.readUInt16LE(18) & metaFlag) !== 0 && meta.readUInt32LE(0) === magic;
  if (at === 0 && (!isPage || (meta.readUInt32LE(4) & 0xffff) !== version)) return undefined;
  const pageBytes = meta.readUInt32LE(24);
  const transaction = meta.readBigUInt64LE(128);
  if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) {
    if (transaction === 0n && at !== 0) return undefined;
    throw new Damage("its meta pages are scrambled");
  }
  const lastPage = meta.readBigUInt64LE(120);
  if (lastPage > BigInt(Number.MAX_SAFE_INTEGER)) throw new Damage("its meta pages are scrambled");
  return {
    pageBytes,
    free: treeAt(meta, 24),
    main: treeAt(meta, 24 + treeBytes),
    lastPage: Number(lastPage),
    transaction,
    isSynced: (meta.readUInt16LE(28) & unsyncedFlag) === 0,
    boot: meta.readBigInt64LE(136),
  };
}

function treeAt(bytes: Buffer, at: number): Tree {
  return { depth: bytes.readUInt16LE(at + 6), root: bytes.readBigUInt64LE(at + 40) };
}

function readAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const read = readSync(file, bytes, done, length - done, at + done);
    if (read === 0) throw new Damage(`it is cut off at byte ${String(at + done)}`);
    done += read;
  }
  return bytes;
}

/**
 * The number by which lmdb knows whether the system has been up since: the first hexadecimal digits of the boot's id.
 */
function thisBoot(): bigint {
  try {
    const digits = /^[0-9a-f]+/i.exec(readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim())?.[0];
    return digits === undefined ? 0n : BigInt(`0x${digits}`);
  } catch {
    return 0n; // another system: the earlier meta page is looked at
  }
}
