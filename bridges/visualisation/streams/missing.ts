import type { SeenAgent, StateChange, Telemetry } from "#dialect";

/** More than this is remembered as "all": a viewer that does not read costs no more. */
const changesMax = 1_000;

/** An agent that is to be told of: anew, or a change of its state alone. */
interface Change {
  readonly agent: SeenAgent;
  /** Undefined: its viewer has not heard of it. */
  readonly change: StateChange | undefined;
}

/** What a viewer is told next. */
export interface Missed {
  readonly registered: readonly SeenAgent[];
  readonly changes: readonly StateChange[];
}

/** Which agents and states one viewer has still to be told of. At first, all. */
export class Missing {
  /** Where in all agents it is: they are looked at while they come and go, so nothing is kept of those that remain. */
  #all: "all" | Iterator<SeenAgent> | undefined = "all";
  // bound: changesMax · evicts: told, or all are told again · owner: Missing
  readonly #changes = new Map<number, Change>();

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

  registered(agent: SeenAgent): void {
    this.#note({ agent, change: undefined });
  }

  changed(change: StateChange): void {
    const { agent } = change;
    const before = this.#changes.get(agent.id);
    if (before === undefined) this.#note({ agent, change });
    // Told once, from the state that its viewer knows.
    else if (before.change !== undefined)
      this.#changes.set(agent.id, { agent, change: { ...change, previousState: before.change.previousState } });
  }

  /** Takes out at most `max` agents. `telemetry` knows them as they are now. */
  take(max: number, telemetry: Pick<Telemetry, "agents" | "agent">): Missed {
    if (this.#all === "all") this.#all = telemetry.agents()[Symbol.iterator]();
    const registered: SeenAgent[] = [];
    const changes: StateChange[] = [];
    const fresh = (agent: SeenAgent): void => {
      const now = telemetry.agent(agent.name);
      registered.push(now?.id === agent.id ? now : agent);
      this.#changes.delete(agent.id);
    };
    while (this.#all !== undefined && registered.length < max) {
      const next = this.#all.next();
      if (next.done === true) this.#all = undefined;
      else fresh(next.value);
    }
    for (const [id, { agent, change }] of this.#changes) {
      if (registered.length + changes.length === max) break;
      if (change === undefined) fresh(agent);
      else changes.push(change);
      this.#changes.delete(id);
    }
    return { registered, changes };
  }

  #note(change: Change): void {
    if (this.#all === "all") return;
    this.#changes.set(change.agent.id, change);
    if (this.#changes.size > changesMax) this.startAgain();
  }
}
