import type { Overheard, OverheardListener } from "./overhearing.js";
import type { Said } from "./telemetry.js";

/** Messages are told so many a window at most, of those that `inspect` alone may know of apart; so 1,500 a second. */
const windowMs = 100;
const openPerWindow = 100;
const hiddenPerWindow = 50;
/** What is left of earlier windows lets a burst through. */
const windowsKept = 3;

/**
 * Chooses which messages are told when more are said than anybody can look at: evenly, one of so many, and each says
 * how many it stands for, so that their sum is what was said.
 */
class Sampler {
  readonly #perWindow: number;
  #windowAt = -Infinity;
  /** Told in this window, and how many more may be. */
  #allowed: number;
  #heard = 0;
  #countedNow = 0;
  /** One of so many is told. */
  #stride = 1;
  /** Said since the last that was told. */
  #waiting = 0;
  /** Said in earlier windows without having been looked at, and how many of them each that is told stands for, too. */
  #unseen = 0;
  #unseenShare = 0;

  constructor(perWindow: number) {
    this.#perWindow = perWindow;
    this.#allowed = perWindow * windowsKept;
  }

  /** Counts a message. @returns how many messages it stands for; 0: it is not told */
  take(at: number): number {
    if (at - this.#windowAt >= windowMs) this.#turn(at);
    this.#heard += 1;
    this.#waiting += 1;
    if (this.#waiting < this.#stride || this.#allowed <= 0) return 0;
    this.#allowed -= 1;
    const unseen = Math.min(this.#unseenShare, this.#unseen);
    this.#unseen -= unseen;
    const sampled = this.#waiting + unseen;
    this.#waiting = 0;
    return sampled;
  }

  /** So many were said that nobody looked at. */
  counted(count: number): void {
    this.#countedNow += count;
  }

  /** Begins a new window: what was said in the last one shows how much is said now. */
  #turn(at: number): void {
    const windows = Math.floor((at - this.#windowAt) / windowMs);
    // After a pause nothing stands for what was said before it.
    const isNew = windows > windowsKept;
    const heard = isNew ? 0 : this.#heard;
    this.#unseen = isNew ? 0 : this.#unseen + this.#countedNow;
    if (isNew) this.#waiting = 0;
    this.#stride = Math.max(1, Math.ceil(heard / this.#perWindow));
    this.#unseenShare = Math.ceil(this.#unseen / Math.max(1, Math.floor(heard / this.#stride)));
    this.#allowed = Math.min(this.#allowed + this.#perWindow * windows, this.#perWindow * windowsKept);
    this.#windowAt = at;
    this.#heard = 0;
    this.#countedNow = 0;
  }
}

/**
 * Makes of what is overheard what viewers are told: at most 1,000 messages a second of those that everybody may know of,
 * and 500 of the others, whatever the traffic. How much is said in secret does not show in what everybody sees.
 */
export class SaidSamples implements OverheardListener {
  readonly #tell: (said: Said) => void;
  readonly #open = new Sampler(openPerWindow);
  readonly #hidden = new Sampler(hiddenPerWindow);

  constructor(tell: (said: Said) => void) {
    this.#tell = tell;
  }

  heard(message: Overheard): void {
    const { hidden, shared, envelope } = message;
    const sampled = (hidden ? this.#hidden : this.#open).take(message.at);
    if (sampled === 0) return;
    this.#tell({
      messageId: message.messageId,
      from: message.from,
      to: message.to,
      type: message.type,
      priority: message.priority,
      content: envelope?.content,
      expiresAt: envelope?.expires_at,
      at: message.now,
      privacy: hidden ? "hidden" : shared ? "public" : "direct",
      sampled,
    });
  }

  counted(_topic: string, count: number): void {
    this.#open.counted(count);
  }
}
