import type { Connection } from "../../dialect/connection.js";

/** What is due: nothing, a ping, or the end of the connection. */
export type Pulse = "fine" | "ping" | "silent";

/**
 * Whether a peer lives: pings it from time to time, finds out that it is silent, and lets others ask. Any sign of it
 * answers all. Times are monotonic milliseconds.
 */
export class LifeSigns {
  readonly #deadline: Connection["deadline"];
  readonly #pingMs: number;
  #pingAt: number;
  /** Something has come since the last ping. */
  #heard = true;
  /** When it was pinged first of the pings that nothing has followed. */
  #silentSince: number;
  // bound: newcomers of one name, one at a time each · evicts: a question when it is answered or its time is over ·
  // owner: LifeSigns
  #asked: Set<(alive: boolean) => void> | undefined; // made when first asked: nearly no connection ever is

  /** @param pingMs between two pings */
  constructor(deadline: Connection["deadline"], pingMs: number, now: number) {
    this.#deadline = deadline;
    this.#pingMs = pingMs;
    this.#pingAt = now + pingMs;
    this.#silentSince = now;
  }

  /** True while a question waits. */
  get isAsked(): boolean {
    return this.#asked !== undefined && this.#asked.size > 0;
  }

  /** Resolves to true if a sign comes within `ms`. `ping` asks the peer for one; the first question calls it. */
  ask(ms: number, ping: () => void): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (alive: boolean): void => {
        cancel();
        this.#asked?.delete(answer);
        resolve(alive);
      };
      const cancel = this.#deadline(ms, () => {
        answer(false);
      });
      this.#asked ??= new Set();
      this.#asked.add(answer);
      if (this.#asked.size === 1) ping();
    });
  }

  /** Something came. */
  came(): void {
    this.#heard = true;
    this.#answer(true);
  }

  /** Nothing can come any more. */
  end(): void {
    this.#answer(false);
  }

  /**
   * Says what is due.
   * @param mayAsk all that was sent has left, and what it says is read
   * @param patienceMs how long after an unanswered ping it is not taken for silent, beyond the next one
   */
  pulse(now: number, mayAsk: boolean, patienceMs: number): Pulse {
    if (now < this.#pingAt) return "fine";
    if (!this.#heard && mayAsk && now - this.#silentSince >= patienceMs) return "silent";
    this.#pingAt = now + this.#pingMs;
    if (!mayAsk) return "fine";
    if (this.#heard) this.#silentSince = now;
    this.#heard = false;
    return "ping";
  }

  #answer(alive: boolean): void {
    if (this.#asked !== undefined && this.#asked.size > 0) for (const answer of [...this.#asked]) answer(alive);
  }
}
