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
/** So long after its turn what lay in a socket meanwhile has been read, milliseconds. */
const behindMs = 100;
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

type TurnsClock = Pick<Clock, "monotonic" | "missed" | "after">;

/** Where a connection stands in the turns. */
interface Turn {
  /** What waits: one chunk, unless something else lets its socket read meanwhile. */
  readonly chunks: Buffer[];
  /** What comes behind it. */
  readonly after: (() => void)[];
  /** The line in which it stands: of those who say little, of those who say much, or of strangers. */
  line: Slices;
  /** Monotonic: since when something waits, if anything does. */
  since: number;
  /** How long something has waited before, milliseconds. */
  waitedMs: number;
}

/**
 * Shares the turns of the loop among all that send (ARCHITECTURE, invariant 11). The system hands over up to 8 MB of
 * one socket before anybody else is looked at, and a message may take 20 µs: one publisher that sent without a pause
 * held everybody else up for 2 s. When the time of a turn is over, what was read already waits, its socket is not read,
 * and the others have their turn.
 */
export class ReadTurns {
  readonly #clock: TurnsClock;
  // Each connection waits once, with one chunk; keptMaxBytes of them all.
  readonly #little: Slices;
  readonly #much: Slices;
  readonly #strangers: Slices;
  #keptBytes = 0;
  // bound: connections · evicts: with the connection · owner: ReadTurns
  readonly #turns = new WeakMap<Reader, Turn>();
  /** Those that wait, the longest first. */
  // bound: connections · evicts: when all that was read of a connection has been taken · owner: ReadTurns
  readonly #waiting = new Set<Turn>();

  /** @param isBehind while it is true, those who say much wait: what was read of them goes to crowds that come first */
  constructor(clock: TurnsClock, isBehind?: () => boolean) {
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
    const turn = this.#turns.get(reader);
    if (turn !== undefined && turn.chunks.length > 0) {
      // Nothing overtakes what waits already, also if the peer has logged in meanwhile.
      this.#wait(reader, turn.line, lent ? Buffer.from(chunk) : chunk);
      return;
    }
    const line = this.#lineOf(reader, chunk);
    let left = chunk;
    if (line.hasTime)
      line.do(() => {
        left = this.#take(reader, chunk);
      });
    else if (this.#keptBytes + chunk.length > keptMaxBytes)
      while (left.length > 0) left = left.subarray(reader.take(left));
    if (left.length > 0) this.#wait(reader, line, lent ? Buffer.from(left) : left);
    else if (!line.hasTime) this.#wait(reader, line, nothing);
  }

  /** Gives back what a reader took and kept, before all that waits; in its turn, as if it came now. */
  readAgain(reader: Reader, chunk: Buffer): void {
    const turn = this.#turns.get(reader);
    if (turn === undefined || turn.chunks.length === 0) this.read(reader, chunk, false);
    else {
      this.#keptBytes += chunk.length;
      turn.chunks.unshift(chunk);
    }
  }

  #lineOf(reader: Reader, chunk: Buffer): Slices {
    if (reader.isStranger()) return this.#strangers;
    return chunk.length <= littleBytes ? this.#little : this.#much;
  }

  /** True while something that was read waits for its turn. */
  waits(reader: Reader): boolean {
    return (this.#turns.get(reader)?.chunks.length ?? 0) > 0;
  }

  /** Monotonic: when the oldest came that waits for its turn; Infinity if nothing waits. */
  get unheardSince(): number {
    const [longest] = this.#waiting;
    return longest?.since ?? Infinity;
  }

  /** How many milliseconds in all something of a connection has waited for its turn: it was not silent in that time. */
  waitedMs(reader: Reader): number {
    const turn = this.#turns.get(reader);
    if (turn === undefined) return 0;
    return turn.waitedMs + (turn.chunks.length > 0 ? this.#clock.monotonic() - turn.since : 0);
  }

  /**
   * Does something when a connection's time is over: after `ms` milliseconds in which it could be heard. While its
   * bytes wait for their turn the time does not count, for as long again at most. They are taken before it is over, and
   * what lies behind them in the socket, too.
   * @returns what calls it off
   */
  deadline(reader: Reader, ms: number, run: () => void): () => void {
    const before = this.waitedMs(reader);
    let phase: "open" | "called off" = "open";
    const judge = (): void => {
      if (phase === "open") run();
    };
    const hear = (): void => {
      if (!this.waits(reader)) judge();
      else
        this.after(reader, () => {
          if (phase === "called off") return;
          cancel = this.#clock.after(behindMs, () => {
            this.after(reader, judge);
          });
        });
    };
    let cancel = this.#clock.after(ms, () => {
      const waitedMs = Math.min(ms, this.waitedMs(reader) - before);
      if (waitedMs > 0) cancel = this.#clock.after(waitedMs, hear);
      else hear();
    });
    return () => {
      phase = "called off";
      cancel();
    };
  }

  /** Does something when all that was read has been taken: a connection ends behind what it said. */
  after(reader: Reader, run: () => void): void {
    const turn = this.#turns.get(reader);
    if (turn === undefined || turn.chunks.length === 0) run();
    else turn.after.push(run);
  }

  /** Reads no more of a connection until its turn comes; first it takes what was read already. */
  #wait(reader: Reader, line: Slices, chunk: Buffer): void {
    let turn = this.#turns.get(reader);
    if (turn === undefined) this.#turns.set(reader, (turn = newTurn(line))); // most readers never wait
    reader.pause();
    this.#keptBytes += chunk.length;
    turn.chunks.push(chunk);
    if (turn.chunks.length > 1) return;
    turn.line = line;
    turn.since = this.#clock.monotonic();
    this.#waiting.add(turn);
    this.#queue(reader, turn);
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
      turn.waitedMs += this.#clock.monotonic() - turn.since;
      this.#waiting.delete(turn);
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

function newTurn(line: Slices): Turn {
  return { chunks: [], after: [], line, since: 0, waitedMs: 0 };
}
