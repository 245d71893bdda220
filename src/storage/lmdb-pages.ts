import { readFileSync, readSync } from "node:fs";

/** The parts of lmdb's file (its version 2, 64 bits): a header before each page, then nodes that offsets point to. */
export const headerBytes = 24;
export const nodeBytes = 8;
export const treeBytes = 48;
const magic = 0xbeefc0de;
const version = 2;
export const [branchFlag, leafFlag, overflowFlag, metaFlag] = [0x01, 0x02, 0x04, 0x08];
/** Flags of a node in a leaf: its value lies on pages of its own; it is a tree of its own. */
export const [bigFlag, treeFlag] = [0x01, 0x02];
/** The transaction may not be on the disk yet. */
const unsyncedFlag = 0x1000;
/** The root of an empty tree. */
export const noPage = 0xffff_ffff_ffff_ffffn;

/** Why a file is not a whole database. */
export class Damage extends Error {}

/** Where a tree begins, and how many pages deep it is. */
export interface Tree {
  readonly depth: number;
  readonly root: bigint;
}

/** A page that says where the trees begin. */
export interface Meta {
  readonly pageBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: bigint;
  readonly isSynced: boolean;
  readonly boot: bigint;
}

/**
 * The meta page with which lmdb will begin: the latest, or the one before if that may not have reached the disk.
 * @throws Damage: one of them is no meta page
 */
export function newestMeta(file: number, size: number): Meta {
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

/** A tree as a meta page, or the entry of a table, says it. */
export function treeAt(bytes: Buffer, at: number): Tree {
  return { depth: bytes.readUInt16LE(at + 6), root: bytes.readBigUInt64LE(at + 40) };
}

/** Bytes of a file. @throws Damage: it ends before */
export function readAt(file: number, at: number, length: number): Buffer {
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
