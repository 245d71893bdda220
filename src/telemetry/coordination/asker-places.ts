import { Fault, SplitAllotment, type Clock, type Limits } from "../../core/index.js";
import type { ConsensusPlan } from "../telemetry.js";

/** Who asks for a coordination. */
type Asker = Pick<ConsensusPlan, "chargedTo" | "isIssued">;

/**
 * A coordination takes its place for so long, milliseconds, however soon it is decided: it brings one asker's words to
 * many, and no dialect's rate counts that.
 */
const placeMs = 60_000;

/** How many coordinations the broker runs, of one asker and of all; a quarter is kept for those with a token of their own. */
export class AskerPlaces {
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, "coordinationsMax" | "coordinationsPerAgentMax">;
  readonly #all: SplitAllotment;
  // bound: coordinationsMax · evicts: an asker goes with its last place · owner: AskerPlaces
  readonly #perAsker = new Map<string, number>();
  // bound: coordinationsMax · evicts: placeMs after its coordination began · owner: AskerPlaces
  readonly #leaving = new Set<() => void>();

  constructor(clock: Clock, limits: Pick<Limits, "coordinationsMax" | "coordinationsPerAgentMax">) {
    this.#clock = clock;
    this.#limits = limits;
    this.#all = new SplitAllotment(() => limits.coordinationsMax, 0);
  }

  /** @throws Fault full */
  mustHaveOne({ chargedTo, isIssued }: Asker): void {
    const own = this.#perAsker.get(chargedTo) ?? 0;
    if (own >= this.#limits.coordinationsPerAgentMax)
      throw new Fault(
        "full",
        `you have ${own} coordinations under way, or begun within a minute (coordinationsPerAgentMax); wait for one of them`,
      );
    if (!this.#all.of(isIssued).allows(own))
      throw new Fault(
        "full",
        "as many coordinations are under way as the broker runs (coordinationsMax), or your share; try again later",
      );
  }

  /** The returned function gives it back, once its coordination is over. */
  take(asker: Asker): () => void {
    const endsAt = this.#clock.monotonic() + placeMs;
    this.#change(asker, 1);
    return () => {
      const restMs = endsAt - this.#clock.monotonic();
      if (restMs <= 0) {
        this.#change(asker, -1);
        return;
      }
      const cancel = this.#clock.after(restMs, () => {
        this.#leaving.delete(cancel);
        this.#change(asker, -1);
      });
      this.#leaving.add(cancel);
    };
  }

  close(): void {
    for (const cancel of this.#leaving) cancel();
    this.#leaving.clear();
    this.#perAsker.clear();
  }

  #change({ chargedTo, isIssued }: Asker, count: 1 | -1): void {
    this.#all.of(isIssued).used += count;
    const own = (this.#perAsker.get(chargedTo) ?? 0) + count;
    if (own === 0) this.#perAsker.delete(chargedTo);
    else this.#perAsker.set(chargedTo, own);
  }
}
