import { FromScan } from "./from-scan.js";
import type { ZmtpPolicy } from "./policy.js";

const dollar = 0x24;
const backslash = 0x5c;

/**
 * Decides whether a NULL publisher's message may pass as bytes as far as its `from` goes. Always: nobody speaks as `$…`. To find that out a
 * chunk is searched for `$` and backslash (0.003 µs per message), and only messages that hold one are looked at. While the policy checks
 * names, each message's `from` is found by scan and its name asked for; the last name's answer is remembered for the chunk.
 */
export class FromGate {
  readonly #policy: ZmtpPolicy;
  readonly #scan = new FromScan();
  #checks = false;
  /** The next `$` and backslash of the chunk; its length when there is none. */
  #dollarAt = 0;
  #backslashAt = 0;
  #suspectAt = 0;
  /** The last name that may pass, as a range of this chunk. */
  #freeStart = 0;
  #freeEnd = 0;

  constructor(policy: ZmtpPolicy) {
    this.#policy = policy;
  }

  /** Starts on `chunk[at …]`. To be called again when protected names may have changed. */
  begin(chunk: Buffer, at: number): void {
    this.#checks = this.#policy.checksFrom;
    this.#freeStart = 0;
    this.#freeEnd = 0;
    this.#backslashAt = next(chunk, backslash, at);
    this.#dollarAt = this.#checks ? chunk.length : next(chunk, dollar, at);
    this.#suspectAt = Math.min(this.#dollarAt, this.#backslashAt);
  }

  /** True if the payload `chunk[start, end)` may pass unread. Payloads come in rising order. */
  passes(chunk: Buffer, start: number, end: number): boolean {
    if (this.#checks) return this.#examine(chunk, start, end);
    if (this.#suspectAt >= end) return true;
    if (this.#dollarAt < start) this.#dollarAt = next(chunk, dollar, start);
    if (this.#backslashAt < start) this.#backslashAt = next(chunk, backslash, start);
    this.#suspectAt = Math.min(this.#dollarAt, this.#backslashAt);
    return this.#suspectAt >= end || this.#examine(chunk, start, end);
  }

  #examine(chunk: Buffer, start: number, end: number): boolean {
    if (this.#backslashAt < start) this.#backslashAt = next(chunk, backslash, start);
    const scan = this.#scan;
    const verdict = scan.scan(chunk, start, end, this.#backslashAt < end);
    if (verdict !== "from") return verdict === "none";
    if (chunk[scan.start] === dollar) return false;
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

function next(chunk: Buffer, byte: number, at: number): number {
  const found = chunk.indexOf(byte, at);
  return found === -1 ? chunk.length : found;
}
