import type { Clock } from "../../../../src/core/clock.js";

/** How fast an agent may speak, as the broker tells it (Agent Network §12.5). */
export interface Rate {
  /** 0: as fast as the line. */
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
}

/** What a broker allows that does not tell (Agent Network §7.1). */
const usual: Rate = Object.freeze({ messagesPerSecond: 10, messageBurst: 50 });
/** A client stays below what is allowed: clocks differ, and others may speak for the agent. */
const share = 0.9;
/** Each refusal halves the speed, down to this part of it. */
const slowestPart = 1 / 8;
/** After so long without a refusal the speed doubles again. */
const quietMs = 30_000;
/** Slower than one message in ten seconds no broker makes us. */
const slowestPerSecond = 0.1;

/** A bucket of messages that may be said now. It outlives connections, as the broker's own for this agent does. */
export class Pace {
  readonly #clock: Clock;
  #perSecond = 0;
  #burst = 0;
  #tokens = 0;
  #filledAt: number;
  /** What is left of the speed after refusals. */
  #part = 1;
  #refusedAt = -Infinity;
  /** Nothing may be said before this. */
  #closedUntil = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledAt = clock.monotonic();
    this.set(usual);
    this.#tokens = this.#burst;
  }

  /** The broker has told its rate. What was saved up stays, as far as it fits. */
  set({ messagesPerSecond, messageBurst }: Partial<Rate>): void {
    this.#fill();
    const allowed = isRate(messagesPerSecond) ? messagesPerSecond : usual.messagesPerSecond;
    const burst = isRate(messageBurst) ? messageBurst : usual.messageBurst;
    const saved = this.#burst === 0 ? 1 : this.#tokens / this.#burst;
    this.#perSecond = allowed === 0 ? Infinity : Math.max(allowed * share, slowestPerSecond);
    this.#burst = Math.max(1, Math.floor(burst * share));
    this.#tokens = this.#burst * saved;
  }

  /** Milliseconds until a message may be said; 0: now. */
  wait(): number {
    const now = this.#fill();
    const closedMs = Math.max(0, this.#closedUntil - now);
    if (this.#isFree()) return closedMs;
    const missingMs = ((1 - this.#tokens) / this.#speed()) * 1_000;
    return Math.max(closedMs, Math.ceil(missingMs), 0);
  }

  /** The same; 0 means also that the message is counted. */
  take(): number {
    const ms = this.wait();
    if (ms === 0 && !this.#isFree()) this.#tokens -= 1;
    return ms;
  }

  /** The broker has refused a message as one too many: nothing for so long, then slower for a while. */
  slow(retryAfterMs: number): void {
    const now = this.#fill();
    this.#tokens = 0;
    // What was on the line together is refused together: that is one reason to be slower, not many.
    if (now >= this.#closedUntil) this.#part = Math.max(slowestPart, this.#part / 2);
    this.#refusedAt = now;
    this.#closedUntil = Math.max(this.#closedUntil, now + retryAfterMs);
  }

  #isFree(): boolean {
    return this.#perSecond === Infinity && this.#part === 1;
  }

  /** Messages per second now. */
  #speed(): number {
    const perSecond = this.#perSecond === Infinity ? usual.messagesPerSecond : this.#perSecond;
    return Math.max(perSecond * this.#part, slowestPerSecond);
  }

  #fill(): number {
    const now = this.#clock.monotonic();
    const from = Math.max(this.#filledAt, Math.min(now, this.#closedUntil));
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - from) / 1_000) * this.#speed());
    this.#filledAt = now;
    if (this.#part < 1 && now - this.#refusedAt >= quietMs) {
      this.#part = Math.min(1, this.#part * 2);
      this.#refusedAt = now;
    }
    return now;
  }
}

function isRate(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0;
}
