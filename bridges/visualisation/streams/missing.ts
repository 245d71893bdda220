import type { SeenAgent, StateChange, Telemetry } from "#dialect";

/** More than this is remembered as "all": a viewer that does not read costs no more. */
export const changesMax = 5_000;

/** What a viewer is told next. */
export interface Missed {
  readonly registered: readonly SeenAgent[];
  readonly changes: readonly StateChange[];
}

/** Which agents and states one viewer has still to be told of. At first, all. */
export class Missing {
  /** Where in all agents it is: they are looked at while they come and go, so nothing is kept of those that remain. */
  #all: "all" | Iterator<SeenAgent> | undefined = "all";
  // bound: 5,000 (changesMax) · evicts: told, or all are told again · owner: Missing
  readonly #changes = new Map<number, SeenAgent | StateChange>();

  /** So many are to be told of; Infinity while all are. */
  get size(): number {
    return this.#all === undefined ? this.#changes.size : Infinity;
  }

  /** Nothing of all has been told. */
  get isWhole(): boolean {
    return this.#all === "all";
  }

  /** All are told again. */
  startAgain(): void {
    this.#all = "all";
    this.#changes.clear();
  }

  /** It has to hear of this agent anew. */
  registered(agent: SeenAgent): void {
    this.#note(agent.id, agent);
  }

  /** It has to hear of this change: told once, from the state that the viewer knows. */
  changed(change: StateChange): void {
    const { id } = change.agent;
    const before = this.#changes.get(id);
    if (before === undefined) this.#note(id, change);
    else if ("agent" in before) this.#note(id, { ...change, previousState: before.previousState });
  }

  /** Takes out at most `max` agents. `telemetry` knows them as they are now. */
  take(max: number, telemetry: Pick<Telemetry, "agents" | "agent">): Missed {
    if (this.#all === "all") this.#all = telemetry.agents()[Symbol.iterator]();
    const registered: SeenAgent[] = [];
    const changes: StateChange[] = [];
    while (this.#all !== undefined && registered.length < max) {
      const next = this.#all.next();
      if (next.done === true) {
        this.#all = undefined;
        continue;
      }
      registered.push(next.value);
      this.#changes.delete(next.value.id);
    }
    for (const [id, missed] of this.#changes) {
      if (registered.length + changes.length === max) break;
      this.#changes.delete(id);
      if ("agent" in missed) {
        changes.push(missed);
        continue;
      }
      const now = telemetry.agent(missed.name);
      registered.push(now?.id === id ? now : missed);
    }
    return { registered, changes };
  }

  #note(id: number, missed: SeenAgent | StateChange): void {
    if (this.#all === "all") return;
    this.#changes.set(id, missed);
    if (this.#changes.size > changesMax) this.startAgain();
  }
}
