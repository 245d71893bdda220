import { Fault, SplitAllotment, type Limits } from "../core/index.js";

/** What every agent may have kept of it in any case, bytes. */
const assuredBytes = 1_024;

/** How many bytes of what agents report of themselves are kept, and of whom. A quarter is for those with a token. */
export class ReportBytes {
  // bound: agents that are online and report (agentsMax) · evicts: forget() · owner: ReportBytes
  readonly #own = new Map<string, { bytes: number; readonly isIssued: boolean }>();
  readonly #places: SplitAllotment;

  constructor(limits: Pick<Limits, "telemetryMaxBytes">) {
    this.#places = new SplitAllotment(() => limits.telemetryMaxBytes, assuredBytes);
  }

  /** Bytes that are kept now. */
  get used(): number {
    return this.#places.used;
  }

  /**
   * So much more, or less, is kept of an agent.
   * @param isIssued the operator has issued its name
   * @throws Fault full
   */
  change(agent: string, more: number, isIssued: boolean): void {
    const own = this.#own.get(agent) ?? { bytes: 0, isIssued };
    const places = this.#places.of(own.isIssued);
    if (more > 0 && !places.allows(own.bytes, more))
      throw new Fault(
        "full",
        "the broker keeps as much of what agents report as it can (telemetryMaxBytes), or your share of it; report less",
      );
    places.used += more;
    own.bytes += more;
    this.#own.set(agent, own);
  }

  forget(agent: string): void {
    const own = this.#own.get(agent);
    if (own === undefined) return;
    this.#places.of(own.isIssued).used -= own.bytes;
    this.#own.delete(agent);
  }
}
