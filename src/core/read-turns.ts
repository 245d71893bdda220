import type { Clock } from "./clock.js";
import { Slices } from "./slices.js";

/** So long each of the three lines may take in one turn of the loop, milliseconds. */
const turnMs = 4;
/** Who sends no more than this at a time does not wait behind those who send much. */
const littleBytes = 2 * 1024;
/** The first piece of a chunk. */
const pieceBytes = 16 * 1024;
/** A piece that takes longer is followed by a smaller one, one that takes less than half by a larger one, ms. */
const pieceMs = 2;
const pieceMinBytes = 4 * 1024;
/**
 * So many bytes of what waits for its turn are kept. Beyond it nothing waits: memory goes before time, as 1,000
 * connections must send 256 KiB each in one moment for it.
 */
const keptMaxBytes = 256 * 1024 * 1024;

const nothing: Buffer = Buffer.alloc(0);

/** What is done with the bytes of one connection. */
export interface Reader {
  /** It has not logged in yet: however many of them come, those who are here do not wait for them. */
  isStranger(): boolean;
  /**
   * Takes some of them, borrowed for this call. Never throws.
   * @returns how many of them, at least one: it may leave the rest for later after a message to very many
   */
  take(bytes: Buffer): number;
  pause(): void;
  /** Reads again, unless it has reasons of its own not to. */
  resume(): void;
}

/** Where a connection stands in the turns. */
interface Turn {
  /** What waits: one chunk, unless something else lets its socket read meanwhile. */
  readonly chunks: Buffer[];
  /** What comes behind it. */
  readonly after: (() => void)[];
  /** The line in which it stands: of those who say little, of those who say much, or of strangers. */
  line: Slices;
}

/**
 * Shares the turns of the loop among all that send (ARCHITECTURE, invariant 11). The system hands over up to 8 MB of
 * one socket before anybody else is looked at, and a message may take 20 µs: one publisher that sent without a pause
 * held everybody else up for 2 s. When the time of a turn is over, what was read already waits, its socket is not read,
 * and the others have their turn.
 */
export class ReadTurns {
  readonly #clock: Pick<Clock, "monotonic" | "missed">;
  // Each connection waits once, with one chunk; keptMaxBytes of them all.
  readonly #little: Slices;
  readonly #much: Slices;
  readonly #strangers: Slices;
  #keptBytes = 0;
  // bound: connections · evicts: with the connection · owner: ReadTurns
  readonly #turns = new WeakMap<Reader, Turn>();

  /** @param isBehind while it is true, those who say much wait: what was read of them goes to crowds that come first */
  constructor(clock: Pick<Clock, "monotonic" | "missed">, isBehind?: () => boolean) {
    this.#clock = clock;
    this.#little = new Slices(clock, { turnMs });
    this.#much = new Slices(clock, { turnMs, ...(isBehind && { holds: isBehind }) });
    this.#strangers = new Slices(clock, { turnMs });
  }

  /**
   * Gives a chunk to its reader, now or in its turn.
   * @param lent the chunk is overwritten by the next read
   */
  read(reader: Reader, chunk: Buffer, lent: boolean): void {
    let turn = this.#turns.get(reader);
    if (turn === undefined) this.#turns.set(reader, (turn = { chunks: [], after: [], line: this.#little }));
    // Nothing overtakes what waits already, also if the peer has logged in meanwhile.
    if (turn.chunks.length === 0) turn.line = this.#lineOf(reader, chunk);
    let left = chunk;
    if (turn.chunks.length === 0 && turn.line.hasTime)
      turn.line.do(() => {
        left = this.#take(reader, chunk);
      });
    else if (turn.chunks.length === 0 && this.#keptBytes + chunk.length > keptMaxBytes)
      while (left.length > 0) left = left.subarray(reader.take(left));
    if (left.length > 0) this.#wait(reader, turn, lent ? Buffer.from(left) : left);
    else if (!turn.line.hasTime) this.#wait(reader, turn, nothing);
  }

  #lineOf(reader: Reader, chunk: Buffer): Slices {
    if (reader.isStranger()) return this.#strangers;
    return chunk.length <= littleBytes ? this.#little : this.#much;
  }

  /** True while something that was read waits for its turn. */
  waits(reader: Reader): boolean {
    return (this.#turns.get(reader)?.chunks.length ?? 0) > 0;
  }

  /** Does something when all that was read has been taken: a connection ends behind what it said. */
  after(reader: Reader, run: () => void): void {
    const turn = this.#turns.get(reader);
    if (turn === undefined || turn.chunks.length === 0) run();
    else turn.after.push(run);
  }

  /** Reads no more of a connection until its turn comes; first it takes what was read already. */
  #wait(reader: Reader, turn: Turn, chunk: Buffer): void {
    reader.pause();
    this.#keptBytes += chunk.length;
    turn.chunks.push(chunk);
    if (turn.chunks.length === 1) this.#queue(reader, turn);
  }

  #queue(reader: Reader, turn: Turn): void {
    turn.line.do(() => {
      const [chunk = nothing] = turn.chunks;
      const left = this.#take(reader, chunk);
      this.#keptBytes -= chunk.length - left.length;
      if (left.length > 0) turn.chunks[0] = left;
      else turn.chunks.shift();
      if (turn.chunks.length > 0) {
        this.#queue(reader, turn);
        return;
      }
      reader.resume();
      for (const run of turn.after.splice(0)) run();
    });
  }

  /** Gives as much of a chunk to its reader as there is time for. @returns the rest */
  #take(reader: Reader, chunk: Buffer): Buffer {
    const began = this.#now();
    let before = began;
    let size = pieceBytes;
    let at = 0;
    while (at < chunk.length && before - began < turnMs) {
      at += reader.take(at === 0 && chunk.length <= size ? chunk : chunk.subarray(at, at + size));
      const after = this.#now();
      const tookMs = after - before;
      before = after;
      if (tookMs > pieceMs) size = Math.max(pieceMinBytes, size / 2);
      else if (tookMs < pieceMs / 2) size *= 2;
    }
    return at < chunk.length ? chunk.subarray(at) : nothing;
  }

  /** Monotonic, and goes on in a long turn, of which the clock of deadlines counts the beginning only. */
  #now(): number {
    return this.#clock.monotonic() + this.#clock.missed();
  }
}
