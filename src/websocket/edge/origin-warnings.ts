import type { Clock, Limits, Log } from "../../core/index.js";

const minuteMs = 60_000;

/** A page that was refused: where it came from, what it asked for, and what it was told. */
export interface RefusedPage {
  readonly origin: string;
  readonly host: string;
  readonly remote: string;
  /** Names the option that would let it in. */
  readonly remedy: string;
}

/** Logs web pages that are refused, each origin and host once a minute: strangers choose both. */
export class OriginWarnings {
  // bound: wsOriginWarningsMax · evicts: all, a minute after the first; what is beyond is not logged until then ·
  // owner: OriginWarnings
  readonly #warned = new Set<string>();
  readonly #limits: Pick<Limits, "wsOriginWarningsMax">;
  readonly #clock: Clock;
  readonly #log: Log;
  #until = -Infinity;

  constructor(limits: Pick<Limits, "wsOriginWarningsMax">, clock: Clock, log: Log) {
    this.#limits = limits;
    this.#clock = clock;
    this.#log = log;
  }

  warn({ origin, host, remote, remedy }: RefusedPage): void {
    const now = this.#clock.monotonic();
    if (now >= this.#until) {
      this.#warned.clear();
      this.#until = now + minuteMs;
    }
    const page = `${origin.slice(0, textMax)} ${host.slice(0, textMax)}`;
    if (this.#warned.has(page) || this.#warned.size >= this.#limits.wsOriginWarningsMax) return;
    this.#warned.add(page);
    this.#log("warn", "a web page was refused", {
      origin: origin.slice(0, textMax),
      host: host.slice(0, textMax),
      remote,
      remedy: remedy.slice(0, 3 * textMax),
    });
  }
}

/** Characters of a header that are logged. */
const textMax = 200;
