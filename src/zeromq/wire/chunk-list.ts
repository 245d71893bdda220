const blockMaxBytes = 64 * 1024;
const blockMinBytes = 64;
/** Up to this, room for everything foreseen is made at once; beyond it a block is no larger than what has come. */
const generousBytes = 4096;

/**
 * Bytes that arrive in pieces and are joined once (joining at each chunk is quadratic: 28 s of CPU for 64 MiB). They
 * are copied into
 * blocks: the chunk they come in is read into again, and a peer who sends byte by byte costs no object per byte.
 */
export class ChunkList {
  /** Bytes held. */
  size = 0;
  #pieces: Buffer[] = [];
  #block: Buffer | undefined;
  #used = 0;

  /** Adds `source[start, end)`; `expect` bytes in all are foreseen and guide the size of blocks. */
  push(source: Buffer, start: number, end: number, expect: number): void {
    const size = end - start;
    if (size <= 0) return;
    this.size += size;
    let at = start;
    while (at < end) {
      let block = this.#block;
      if (block === undefined || this.#used === block.length) {
        this.#seal();
        const foreseen = Math.min(expect - this.size + end - at, Math.max(this.size, generousBytes));
        const wanted = Math.max(end - at, foreseen);
        block = Buffer.allocUnsafe(Math.min(Math.max(wanted, blockMinBytes), blockMaxBytes));
        this.#block = block;
      }
      const take = Math.min(end - at, block.length - this.#used);
      source.copy(block, this.#used, at, at + take);
      this.#used += take;
      at += take;
    }
  }

  /** All bytes as one, which leaves the list empty. */
  join(): Buffer {
    this.#seal();
    const pieces = this.#pieces;
    const size = this.size;
    this.#pieces = [];
    this.size = 0;
    const [first] = pieces;
    return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces, size);
  }

  #seal(): void {
    if (this.#block !== undefined && this.#used > 0) this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = undefined;
    this.#used = 0;
  }
}
