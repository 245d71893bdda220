import { closeSync, fstatSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Bytes that are there beyond what is used: the tree and its list of free pages move a little with every change. */
const marginBytes = 256 * 1024;
/** A change writes the path to its page anew: more than a tree of millions of entries is deep. */
const pathBytes = 64 * 1024;
/**
 * Each entry of it may lie in another leaf, which is written anew with a neighbour that it is merged with and the
 * branches above both, of 4 KiB each.
 */
const entryBytes = 4 * 4 * 1024;
/** The list of the pages that become free thereby has 8 bytes for each page of 4 KiB, and is written anew, too. */
const listShare = 8 / (4 * 1024);
const stepBytes = 256 * 1024;

/**
 * Space in a file for what will be written there. lmdb 3.5 damages its own memory when one of its writes fails, and the
 * process ends. So the space is made sure of first, by writing zeros behind what lmdb uses: a full disk then fails our
 * write and not lmdb's.
 */
export class ReservedSpace {
  readonly #file: number;
  /** Where lmdb's last page ends, bytes. */
  readonly #used: () => number;
  #underWay = 0;

  /** @throws what the system says of the file */
  constructor(path: string, used: () => number) {
    // Opened for appending: zeros go behind everything in the file, also behind what lmdb has written since.
    this.#file = openSync(path, "a");
    this.#used = used;
  }

  /**
   * Makes sure of room for a change of so many bytes in so many entries.
   * @returns to be called when it has been written, or given up
   * @throws what the system says when there is none
   */
  take(bytes: number, entries: number): () => void {
    const used = this.#used();
    // No page is written anew twice: all that there are is the most.
    const anew = Math.min(entries * entryBytes, used) * (1 + 2 * listShare);
    const taken = Math.ceil(2 * bytes + pathBytes + anew);
    const needed = used + this.#underWay + taken + marginBytes;
    while (fstatSync(this.#file).size < needed) writeSync(this.#file, Buffer.alloc(stepBytes));
    this.#underWay += taken;
    return () => {
      this.#underWay -= taken;
    };
  }

  close(): void {
    closeSync(this.#file);
  }
}

/**
 * lmdb ends the process when there is no room for its first pages: a write of our own fails first.
 * @throws what the system says when there is none
 */
export function mustHaveDiskRoom(folder: string): void {
  const path = join(folder, "room.tmp");
  try {
    rmSync(path, { force: true, recursive: true }); // of a broker that was killed, or somebody else's: a pipe would wait
    writeFileSync(path, Buffer.alloc(stepBytes), { mode: 0o600, flag: "wx" });
  } finally {
    rmSync(path, { force: true });
  }
}
