import type { Overheard } from "./overhearing.js";
import type { Flow } from "./telemetry.js";

/** The bandwidth is that of so many seconds. */
const bandwidthSeconds = 10;

/** One message, or so many of which no more is known. */
export interface SaidOnce extends Pick<Overheard, "at" | "now" | "bytes"> {
  readonly count: number;
}

/** What is counted of one pair, or of the part of it that everybody may know of. */
export class PairFigures {
  readonly #from: string;
  readonly #to: string;
  readonly #hidden: boolean;
  /** The number of its last change that somebody is still to be told. */
  change = 0;
  #messages = 0;
  #answered = 0;
  #failed = 0;
  #latencySumMs = 0;
  #latencies = 0;
  #latencyMinMs = Infinity;
  #latencyMaxMs = 0;
  /** Wall clock. */
  #lastActivity = 0;
  /** Bytes of the last seconds, each in the place of its number. */
  readonly #bytes = new Float64Array(bandwidthSeconds);
  /** The monotonic second of the last message. */
  #second = 0;
  /** Its bandwidth is not 0. */
  #flows = false;

  /** @param before what was counted of the open part alone */
  constructor(from: string, to: string, hidden: boolean, before?: PairFigures) {
    this.#from = from;
    this.#to = to;
    this.#hidden = hidden;
    if (before === undefined) return;
    this.#messages = before.#messages;
    this.#answered = before.#answered;
    this.#failed = before.#failed;
    this.#latencySumMs = before.#latencySumMs;
    this.#latencies = before.#latencies;
    this.#latencyMinMs = before.#latencyMinMs;
    this.#latencyMaxMs = before.#latencyMaxMs;
    this.#lastActivity = before.#lastActivity;
    this.#flows = before.#flows;
    this.#bytes.set(before.#bytes);
    this.#second = before.#second;
  }

  said({ at, now, bytes, count }: SaidOnce): void {
    this.#messages += count;
    this.#lastActivity = now;
    this.#turn(at);
    const place = this.#second % bandwidthSeconds;
    this.#bytes[place] = (this.#bytes[place] ?? 0) + bytes;
    this.#flows = true;
  }

  /** A request of the pair was answered, or its time is over: then `latencyMs` is undefined. */
  settled(failed: boolean, latencyMs: number | undefined): void {
    if (failed) this.#failed += 1;
    else this.#answered += 1;
    if (latencyMs === undefined) return;
    this.#latencies += 1;
    this.#latencySumMs += latencyMs;
    this.#latencyMinMs = Math.min(this.#latencyMinMs, latencyMs);
    this.#latencyMaxMs = Math.max(this.#latencyMaxMs, latencyMs);
  }

  /** True once its bandwidth has become 0. `now`: monotonic. */
  fallsSilent(now: number): boolean {
    if (!this.#flows || Math.floor(now / 1_000) - this.#second < bandwidthSeconds) return false;
    this.#flows = false;
    return true;
  }

  /** `since`: wall clock; `now`: monotonic; `countedMs`: how long is counted. */
  flow(since: number, now: number, countedMs: number): Flow {
    this.#turn(now);
    const seconds = Math.min(Math.max(countedMs / 1_000, 1), bandwidthSeconds);
    const settled = this.#answered + this.#failed;
    const hasLatency = this.#latencies > 0;
    return {
      from: this.#from,
      to: this.#to,
      hidden: this.#hidden,
      messageCount: this.#messages,
      averageLatency: hasLatency ? this.#latencySumMs / this.#latencies : null,
      maxLatency: hasLatency ? this.#latencyMaxMs : null,
      minLatency: hasLatency ? this.#latencyMinMs : null,
      successRate: settled > 0 ? this.#answered / settled : null,
      bandwidth: this.#bytes.reduce((sum, bytes) => sum + bytes, 0) / seconds / 1_000,
      lastActivity: this.#lastActivity,
      since,
    };
  }

  /** Empties the seconds that have passed since the last message. */
  #turn(now: number): void {
    const second = Math.floor(now / 1_000);
    const passed = Math.min(second - this.#second, bandwidthSeconds);
    for (let step = 1; step <= passed; step += 1) this.#bytes[(this.#second + step) % bandwidthSeconds] = 0;
    if (passed > 0) this.#second = second;
  }
}
