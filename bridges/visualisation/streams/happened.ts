import type { CapabilityUpdate, CoordinationEvent, SeenAgent, StateChange, TelemetryListener } from "#dialect";
import { Sampler, type Sampled } from "./sampler.js";
import type { ShownStream } from "./stream-name.js";

/** Events of one kind that are told in one tick at most. Beyond it an agent's states are told as one. */
const eventsMax = 2_000;

/** What has happened since the last tick. */
export interface Happenings {
  readonly registered: readonly SeenAgent[];
  readonly changes: readonly StateChange[];
  readonly capabilities: readonly CapabilityUpdate[];
  readonly coordination: readonly CoordinationEvent[];
  readonly said: { readonly observe: readonly Sampled[]; readonly inspect: readonly Sampled[] };
  /** So many were too many. */
  readonly lost: ReadonlyMap<ShownStream, number>;
}

/** Gathers what happens until all viewers are told of it together, and sees to it that it stays bounded. */
export class Happened {
  // bound: agents that are shown · evicts: every tick · owner: Happened
  #registered = new Map<number, SeenAgent>();
  #changes: StateChange[] = [];
  /** Those beyond eventsMax. */
  // bound: agents that are shown · evicts: every tick · owner: Happened
  #lastChanges = new Map<number, StateChange>();
  #capabilities: CapabilityUpdate[] = [];
  #coordination: CoordinationEvent[] = [];
  // bound: streams · evicts: every tick · owner: Happened
  #lost = new Map<ShownStream, number>();
  readonly #observe = new Sampler("observe");
  readonly #inspect = new Sampler("inspect");

  /** What telemetry tells goes in here. */
  readonly listener: Required<TelemetryListener> = {
    registered: (agent) => {
      this.#registered.set(agent.id, agent);
    },
    stateChanged: (change) => {
      this.#changed(change);
    },
    capability: (update) => {
      if (this.#capabilities.length < eventsMax) this.#capabilities.push(update);
      else this.#lose("agent.capability.update");
    },
    coordination: (event) => {
      if (this.#coordination.length < eventsMax) this.#coordination.push(event);
      else this.#lose(event.type);
    },
    said: (said) => {
      this.#observe.hear(said);
      this.#inspect.hear(said);
    },
  };

  /** Takes out what is told in this tick. Called once a tick. */
  take(): Happenings {
    const taken: Happenings = {
      registered: [...this.#registered.values()],
      changes: [...this.#changes, ...this.#lastChanges.values()],
      capabilities: this.#capabilities,
      coordination: this.#coordination,
      said: { observe: this.#observe.take(), inspect: this.#inspect.take() },
      lost: this.#lost,
    };
    this.#registered = new Map();
    this.#changes = [];
    this.#lastChanges = new Map();
    this.#capabilities = [];
    this.#coordination = [];
    this.#lost = new Map();
    return taken;
  }

  #changed(change: StateChange): void {
    if (this.#changes.length < eventsMax) {
      this.#changes.push(change);
      return;
    }
    const { id } = change.agent;
    const previousState = this.#lastChanges.get(id)?.previousState ?? change.previousState;
    this.#lastChanges.set(id, { ...change, previousState });
  }

  #lose(stream: ShownStream): void {
    this.#lost.set(stream, (this.#lost.get(stream) ?? 0) + 1);
  }
}
