import { FromScan } from "./from-scan.js";
import type { ZmtpPolicy } from "./policy.js";
import { hasWideKey, Suspects } from "./suspects.js";

const dollar = 0x24;

/**
 * Decides whether a NULL publisher's message may pass as bytes: nobody may speak as `$…`, and nobody may write the keys
 * that only the broker writes, in whatever case (`trust`, `Replay`, `RECEIVED_AT`; ZeroMQ §8.4, §9.1). A chunk is
 * searched once for `$`, backslash and those keys, and only messages that hold one of them are examined. While the
 * policy checks names, each message's `from` is found by a scan and its name is asked for; the answer for the last name
 * is remembered for the rest of the chunk.
 */
export class ForgeryCheck {
  readonly #policy: ZmtpPolicy;
  readonly #scan = new FromScan();
  /** Messages before the first of them pass. */
  readonly #suspects = new Suspects();
  #checks = false;
  /** The last name that may pass, as a range of this chunk. */
  #freeStart = 0;
  #freeEnd = 0;

  constructor(policy: ZmtpPolicy) {
    this.#policy = policy;
  }

  /** Begins a new chunk. */
  begin(): void {
    this.#suspects.begin();
    this.renew();
  }

  /** Goes on in the same chunk after protected names may have changed. */
  renew(): void {
    this.#checks = this.#policy.checksFrom;
    this.#freeStart = 0;
    this.#freeEnd = 0;
  }

  /** True if the payload `chunk[start, end)` may pass without being parsed. Payloads come in rising order. */
  passes(chunk: Buffer, start: number, end: number): boolean {
    if (this.#suspects.at < start) this.#suspects.seek(chunk, start);
    if (this.#suspects.at >= end && !this.#checks && !hasWideKey(chunk, start, end)) return true;
    return this.#examine(chunk, start, end);
  }

  #examine(chunk: Buffer, start: number, end: number): boolean {
    const scan = this.#scan;
    const verdict = scan.scan(chunk, start, end, this.#suspects.needsWalk(chunk, end));
    if (verdict !== "from") return verdict === "none";
    if (scan.marked || chunk[scan.start] === dollar) return false;
    return !this.#checks || this.#isFree(chunk, scan.start, scan.end);
  }

  #isFree(chunk: Buffer, start: number, end: number): boolean {
    const size = end - start;
    if (size > 0 && size === this.#freeEnd - this.#freeStart) {
      let at = 0;
      while (at < size && chunk[start + at] === chunk[this.#freeStart + at]) at += 1;
      if (at === size) return true;
    }
    if (this.#policy.isProtected(chunk.toString("utf8", start, end))) return false;
    this.#freeStart = start;
    this.#freeEnd = end;
    return true;
  }
}
