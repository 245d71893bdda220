import { timerMaxMs, type Clock } from "./clock.js";

/** The clock is looked at this often, milliseconds. */
const beatMs = 100;
/** Between two looks no more than this counts: two beats, so that a busy machine does not slow the clock down. */
export const roundMaxMs = 2 * beatMs;
/** A timer that comes late by more than this has met a loop that did not read. */
const lateMs = 100;
/** So long after a late timer the loop reads before the timer runs, milliseconds. */
const readMs = 100;
/** A timer before which something is to be heard looks again this often, milliseconds. */
const hearMs = 20;
/** Timers of Node may come early by a fraction of a millisecond. */
const earlyMs = 2;
/** For so long after a pause what came meanwhile may still be read, milliseconds. */
const catchUpMs = 1_000;

/**
 * The clock of a process whose loop may stand still: because of SIGSTOP, `docker pause`, a laptop's sleep, or work of
 * its own (protocols §0.10). It looks at the time every 100 ms, and between two looks no more than 200 ms count,
 * whatever has passed. A timer that comes late waits until the loop has read for another 100 ms, and each timer waits
 * for what came before it was due and is not heard yet, for as long again as its own time at most. The clock looks only
 * while a timer waits: a process that waits for nothing has no deadline. Its timers do not keep the process alive.
 */
export class LoopClock implements Clock {
  /** The machine's time at the last look. */
  #lookedAt = 0;
  /** What was left out, up to the last look. */
  #missed = 0;
  /** The longest pause of late, and until when, by this clock, it counts as of late. */
  #pause = { ms: 0, until: 0 };
  #waiting = 0;
  #beat: NodeJS.Timeout | undefined;
  #unheardSince: () => number = () => Infinity;

  /** @param unheardSince when, by this clock, the oldest came that was read and not heard yet; Infinity if nothing waits */
  hearFirst(unheardSince: () => number): void {
    this.#unheardSince = unheardSince;
  }

  now(): number {
    return Date.now();
  }

  monotonic(): number {
    const now = performance.now();
    return now - this.#missed - this.#unseen(now);
  }

  missed(): number {
    return this.#missed + this.#unseen();
  }

  catchingUp(): number {
    const { ms, until } = this.#pause;
    return Math.max(this.#unseen(), this.monotonic() < until ? ms : 0);
  }

  after(ms: number, run: () => void): () => void {
    const dueAt = this.monotonic() + ms;
    let timer: NodeJS.Timeout | undefined;
    let phase: "waiting" | "reading" | "over" = "waiting";
    const end = (): void => {
      if (phase !== "over") this.#waits(-1);
      phase = "over";
      clearTimeout(timer);
    };
    const wait = (forMs: number): void => {
      const timerMs = Math.min(forMs, timerMaxMs);
      const expectedAt = performance.now() + timerMs;
      timer = setTimeout(() => {
        const leftMs = dueAt - this.monotonic();
        const isLate = performance.now() - expectedAt > lateMs;
        if (leftMs > earlyMs) wait(isLate ? Math.max(leftMs, readMs) : leftMs);
        else if (isLate && phase === "waiting") {
          phase = "reading";
          wait(readMs);
        } else if (this.#unheardSince() <= dueAt && leftMs > -ms) {
          wait(Math.min(hearMs, ms + leftMs));
        } else {
          end();
          run();
        }
      }, timerMs).unref();
    };
    this.#waits(1);
    wait(ms);
    return end;
  }

  /** One timer more or less waits. */
  #waits(change: 1 | -1): void {
    this.#waiting += change;
    if (this.#waiting === 1 && this.#beat === undefined) {
      this.#lookedAt = performance.now();
      this.#beat = setInterval(() => {
        this.#look();
      }, beatMs).unref();
    } else if (this.#waiting === 0) {
      this.#look();
      clearInterval(this.#beat);
      this.#beat = undefined;
    }
  }

  #look(): void {
    const unseen = this.#unseen();
    this.#lookedAt = performance.now();
    this.#missed += unseen;
    if (unseen === 0) return;
    const now = this.monotonic();
    if (unseen >= this.#pause.ms || now >= this.#pause.until) this.#pause = { ms: unseen, until: now + catchUpMs };
  }

  /** What was left out since the last look. */
  #unseen(now = performance.now()): number {
    if (this.#beat === undefined) return 0;
    return Math.max(0, now - this.#lookedAt - roundMaxMs);
  }
}
