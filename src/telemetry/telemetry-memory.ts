import type { Exchange, Limits } from "../core/index.js";
import type { Directory } from "../directory/index.js";
import { ShownAgents } from "./agents.js";
import { hasVoted, type Coordinations } from "./coordination/index.js";
import { Flows } from "./flows.js";
import { Looks } from "./looks.js";
import type { Machine } from "./machine.js";
import { OpenTasks } from "./open-tasks.js";
import { Overhearing, type OverheardListener } from "./overhearing.js";
import { Performances } from "./performances.js";
import { Positions } from "./positions.js";
import { Reports } from "./reports.js";
import { SaidSamples } from "./said.js";
import { AgentStates } from "./states.js";
import { sampleMs, SystemWatch, type SystemParts } from "./system.js";
import type {
  Capability,
  CoordinationEvent,
  Flow,
  LookedAt,
  Performance,
  PositionFrame,
  SeenAgent,
  SystemFigures,
  Telemetry,
  TelemetryListener,
} from "./telemetry.js";

/** What {@link TelemetryMemory} is made of. */
export interface TelemetryOptions extends Pick<SystemParts, "mail" | "loopDelay"> {
  readonly exchange: Exchange;
  readonly directory: Directory;
  readonly limits: Pick<
    Limits,
    "requestTimeoutMs" | "requestMaxMs" | "telemetryReportMaxBytes" | "telemetryMaxBytes" | "capabilitiesPerAgentMax"
  >;
  /** Topics that are nobody's name, whatever they look like. */
  readonly dataTopics: Iterable<string>;
  readonly coordinations: Pick<Coordinations, "announce" | "listen" | "events" | "efficiency">;
  readonly machine: Machine;
  /** Messages that wait in an agent's mailbox or are leased from it; undefined: it has none. */
  readonly mailDepth: (agent: string) => number | undefined;
  /** True for the agents of `broker start --demo`. */
  readonly isDemo: (agent: string) => boolean;
  /** Is told what a part or a listener threw. */
  readonly failed: (thrown: unknown) => void;
}

/**
 * What is known of agents, out of its parts, which know nothing of each other. Reports are read and kept all the time;
 * the rest begins with the first who looks and ends a minute after the last, and costs nothing else.
 */
export class TelemetryMemory implements Telemetry {
  readonly #options: TelemetryOptions;
  readonly #reports: Reports;
  readonly #agents: ShownAgents;
  readonly #states: AgentStates;
  readonly #tasks: OpenTasks;
  readonly #performances: Performances;
  readonly #system: SystemWatch;
  readonly #overhearing: Overhearing;
  readonly #flows: Flows;
  readonly #said: SaidSamples;
  readonly #looks: Looks;
  /** A new one each time that somebody begins to look at positions. */
  #positions: Positions | undefined;
  // bound: one for each part of a dialect that listens · evicts: when it ends · owner: TelemetryMemory
  readonly #listeners = new Set<TelemetryListener>();
  // bound: three (LookedAt) · evicts: with it · owner: TelemetryMemory
  readonly #ears = new Map<LookedAt | "all", readonly (() => void)[]>();
  #since: number | undefined;
  #cancelTick: (() => void) | undefined;
  #ends: readonly (() => void)[] = [];

  constructor(options: TelemetryOptions) {
    this.#options = options;
    const { exchange, directory, limits, dataTopics, coordinations, isDemo, failed } = options;
    const { clock } = exchange;
    const isHidden = (agent: string): boolean => directory.contacts.isListedName(agent);
    const isOnline = (agent: string): boolean => directory.agent(agent) !== undefined;
    const owes = (agent: string): number => this.#tasks.owes(agent);
    this.#reports = new Reports({
      exchange,
      limits,
      isHere: isOnline,
      announce: (type, from, payload) => {
        coordinations.announce(type, from, payload);
      },
      news: {
        position: (agent, position) => this.#positions?.report(agent, position),
        state: (agent, state) => {
          this.#states.reported(agent, state);
        },
        metrics: (agent) => {
          this.#performances.touched(agent);
        },
        capability: (name, update) => {
          const agent = this.#agents.seen(name);
          if (agent !== undefined)
            this.#tell((listener) => listener.capability?.({ agent, ...update, at: clock.now() }));
        },
      },
    });
    this.#performances = new Performances({
      clock,
      isHidden,
      owes,
      connections: (agent) => this.#agents.connections(agent),
      mailDepth: options.mailDepth,
      reported: (agent) => this.#reports.of(agent).metrics,
    });
    this.#states = new AgentStates({
      clock,
      seen: (agent) => this.#agents.seen(agent),
      isOnline: (agent) => this.#agents.isOnline(agent),
      owes,
      waits: (agent) => this.#tasks.waits(agent),
      averageMs: (agent) => this.#performances.averageMs(agent),
      reported: (agent) => this.#reports.of(agent).state,
      changed: (change) => {
        this.#tell((listener) => listener.stateChanged?.(change));
      },
    });
    this.#system = new SystemWatch({
      ...options,
      clock,
      ledger: exchange.ledger,
      coordinationEfficiency: () => coordinations.efficiency,
    });
    this.#tasks = new OpenTasks({
      clock,
      limits,
      isOnline,
      isHidden,
      listeners: [this.#performances, this.#states, this.#system],
    });
    this.#agents = new ShownAgents({
      clock,
      directory,
      isDemo,
      stateOf: (agent) => this.#states.of(agent),
      registered: (agent, isNew) => {
        this.#registered(agent, isNew);
      },
      removed: (agent) => {
        this.#states.removed(agent);
        this.#performances.removed(agent);
        this.#positions?.remove(agent);
      },
    });
    this.#overhearing = new Overhearing({ exchange, dataTopics, isHidden, failed });
    this.#flows = new Flows({ clock, limits });
    this.#said = new SaidSamples((said) => {
      this.#tell((listener) => listener.said?.(said));
    });
    this.#looks = new Looks(clock, {
      begin: (at) => {
        this.#begin(at);
      },
      end: (at) => {
        this.#end(at);
      },
    });
  }

  /** Reads reports from now on. */
  start(): void {
    const { directory, coordinations } = this.#options;
    this.#reports.open();
    this.#ends = [
      directory.watch({
        online: ({ name }) => {
          const entry = this.#looks.any ? directory.agent(name) : undefined;
          if (entry !== undefined) this.#agents.arrived(entry);
        },
        offline: (name) => {
          this.#departed(name);
        },
      }),
      coordinations.listen((event) => {
        this.#coordination(event);
      }),
    ];
  }

  /** Ends everything. */
  close(): void {
    this.#looks.close();
    this.#reports.close();
    for (const end of this.#ends) end();
    this.#ends = [];
  }

  look(at: LookedAt): () => void {
    return this.#looks.look(at);
  }

  get since(): number | undefined {
    return this.#since;
  }

  listen(listener: TelemetryListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  agents(): Iterable<SeenAgent> {
    return this.#agents.all();
  }

  agent(name: string): SeenAgent | undefined {
    return this.#agents.seen(name);
  }

  performance(name: string): Performance | undefined {
    const agent = this.#agents.seen(name);
    return agent && this.#since !== undefined ? this.#performances.performance(agent, this.#since) : undefined;
  }

  changedPerformance(since: number, max: number): { readonly agents: readonly SeenAgent[]; readonly next: number } {
    const { agents, next } = this.#performances.changed(since, max);
    return { agents: this.#seen(agents), next };
  }

  changedFlows(since: number, max: number): { readonly flows: readonly Flow[]; readonly next: number } {
    return this.#flows.changed(since, max);
  }

  system(): SystemFigures {
    return this.#system.figures(this.#agents.online, this.#agents.size);
  }

  positions(): PositionFrame | undefined {
    return this.#positions?.step();
  }

  allPositions(): PositionFrame {
    return this.#positions?.all() ?? nowhere;
  }

  capabilitiesOf(name: string): readonly Capability[] {
    return this.#reports.capabilities.of(name);
  }

  withCapability(word: string): readonly SeenAgent[] {
    return this.#seen(this.#reports.capabilities.agentsWith(word));
  }

  coordinations(): readonly CoordinationEvent[] {
    return this.#options.coordinations.events();
  }

  /** What agents say that they can do, whether somebody looks or not. */
  get capabilities(): Pick<Reports["capabilities"], "agentsWith" | "found" | "bytesOf"> {
    return this.#reports.capabilities;
  }

  #seen(names: readonly string[]): readonly SeenAgent[] {
    return names.flatMap((name) => this.#agents.seen(name) ?? []);
  }

  #begin(at: LookedAt): void {
    if (this.#since === undefined) this.#beginAny();
    if (at === "graph") {
      this.#flows.start();
      this.#hear(at, this.#flows, this.#said);
    }
    if (at === "positions") {
      const positions = new Positions({ clock: this.#options.exchange.clock, agent: (name) => this.agent(name) });
      this.#positions = positions;
      for (const agent of this.#agents.all()) this.#place(agent);
      this.#hear(at, positions);
    }
  }

  #end(at: LookedAt): void {
    this.#deafen(at);
    if (at === "graph") this.#flows.stop();
    if (at === "positions") this.#positions = undefined;
    if (!this.#looks.any) this.#endAll();
  }

  /** Somebody looks at something: who is here is shown, and what they do. */
  #beginAny(): void {
    const { clock } = this.#options.exchange;
    this.#agents.start();
    this.#since = clock.now();
    this.#hear("all", this.#performances, this.#tasks);
    this.#overhearing.start();
    this.#system.sample();
    this.#tick();
  }

  #endAll(): void {
    this.#since = undefined;
    this.#cancelTick?.();
    this.#overhearing.stop();
    this.#deafen("all");
    this.#tasks.clear();
    this.#agents.stop();
    this.#states.clear();
    this.#performances.clear();
    this.#system.clear();
  }

  #tick(): void {
    this.#cancelTick = this.#options.exchange.clock.after(sampleMs, () => {
      this.#agents.refresh();
      this.#system.sample();
      this.#tick();
    });
  }

  #hear(at: LookedAt | "all", ...listeners: readonly OverheardListener[]): void {
    this.#ears.set(
      at,
      listeners.map((listener) => this.#overhearing.add(listener)),
    );
  }

  #deafen(at: LookedAt | "all"): void {
    for (const end of this.#ears.get(at) ?? []) end();
    this.#ears.delete(at);
  }

  /** While it begins to look, whoever is here was here before: nothing has changed. */
  #registered(agent: SeenAgent, isNew: boolean): void {
    const { name } = agent;
    const hasBegun = this.#since !== undefined;
    if (isNew) {
      this.#performances.added(name);
      this.#place(agent);
    }
    if (!hasBegun) {
      this.#states.found(name);
      return;
    }
    this.#tell((listener) => listener.registered?.(agent));
    if (isNew || this.#states.of(name) === "OFFLINE") this.#states.arrived(name);
  }

  #place(agent: SeenAgent): void {
    const { position } = this.#reports.of(agent.name);
    this.#positions?.add(agent);
    if (position !== undefined) this.#positions?.report(agent.name, position);
  }

  /** What it owes is known after it has gone; what it has said of itself goes with it. */
  #departed(name: string): void {
    this.#reports.forget(name);
    if (!this.#looks.any) return;
    if (this.#agents.departed(name)) this.#states.departed(name);
    this.#tasks.departed(name);
    this.#performances.departed(name);
  }

  #coordination(event: CoordinationEvent): void {
    const { coordinationId, status, votes } = event.payload;
    if (event.type === "coordination.progress" && status !== "VOTING" && typeof coordinationId === "string")
      this.#tasks.decided(coordinationId, (agent) => hasVoted(votes, agent));
    this.#tell((listener) => listener.coordination?.(event));
  }

  #tell(call: (listener: TelemetryListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        call(listener);
      } catch (thrown) {
        this.#options.failed(thrown);
      }
    }
  }
}

const nowhere: PositionFrame = {
  count: 0,
  ids: new Uint32Array(0),
  values: new Float32Array(0),
  moved: [],
  agentAt: () => undefined,
};
