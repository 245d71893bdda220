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
  /** Those that remain of all, the last first; "all" before anybody has looked who they are. */
  // bound: agents that are shown · evicts: told · owner: Missing
  #all: "all" | SeenAgent[] = "all";
  // bound: changesMax · evicts: told, or all are told again · owner: Missing
  readonly #changes = new Map<number, Change>();

  /** Not more than these are to be told of; Infinity while nobody has counted. */
  get size(): number {
    return this.#all === "all" ? Infinity : this.#all.length + this.#changes.size;
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
    if (this.#all === "all") this.#all = [...telemetry.agents()].reverse();
    const registered: SeenAgent[] = [];
    const changes: StateChange[] = [];
    const fresh = (agent: SeenAgent): void => {
      const now = telemetry.agent(agent.name);
      registered.push(now?.id === agent.id ? now : agent);
      this.#changes.delete(agent.id);
    };
    for (let agent = this.#all.pop(); agent !== undefined; agent = this.#all.pop()) {
      fresh(agent);
      if (registered.length === max) return { registered, changes };
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
