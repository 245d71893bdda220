import { closeSync, fstatSync, openSync, writeSync } from "node:fs";

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
 * Room in a file for what will be written there. lmdb 3.5 damages its own memory when a write of it fails, and the
 * process ends: so the disk is asked
 * beforehand, by writing zeros behind what lmdb uses. A disk that is full then says so to us.
 */
export class ReservedSpace {
  readonly #file: number;
  /** Where lmdb's last page ends, bytes. */
  readonly #used: () => number;
  #underWay = 0;

  /** @throws what the system says of the file */
  constructor(path: string, used: () => number) {
    // What is written goes behind everything that is there, whoever wrote it last.
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
