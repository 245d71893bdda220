import type { Clock } from "../core/index.js";
import { AgentFigures } from "./figures.js";
import type { Task, TaskEnd, TaskListener } from "./open-tasks.js";
import type { CountedSender, Overheard, OverheardListener } from "./overhearing.js";
import type { Performance, SeenAgent } from "./telemetry.js";

/** What an agent says of itself; what is absent is counted. */
export interface ReportedFigures {
  readonly metrics: Partial<Record<keyof Performance["metrics"], number>>;
  readonly trends: Partial<Performance["trends"]>;
}

/** What {@link Performances} is made of. */
export interface PerformancesParts {
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly isHidden: (agent: string) => boolean;
  readonly owes: (agent: string) => number;
  readonly connections: (agent: string) => number;
  /** Messages that wait in its mailbox or are leased from it; undefined: it has none. */
  readonly mailDepth: (agent: string) => number | undefined;
  readonly reported: (agent: string) => ReportedFigures | undefined;
}

/** Figures that change by time alone are looked at this often at most, milliseconds. */
const sweepMs = 1_000;
/** At so many of them each time, in turn: a millisecond of work. */
const sweepMax = 2_000;

/** Figures of each agent that is shown, counted from what is overheard since somebody looks. */
export class Performances implements OverheardListener, TaskListener {
  readonly #parts: PerformancesParts;
  // bound: agents that are shown · evicts: removed() · owner: Performances
  readonly #byName = new Map<string, AgentFigures>();
  /** By their last change, the oldest first. */
  // bound: agents that are shown · evicts: removed() · owner: Performances
  readonly #changed = new Map<AgentFigures, string>();
  /** Of the last change. It never falls, so that a number that was told once stays true. */
  #change = 0;
  /** Everything up to that change has been told to somebody. */
  #told = 0;
  #sweptAt = -Infinity;
  /** Where the sweep goes on. */
  #round: IterableIterator<[string, AgentFigures]> = this.#byName.entries();

  constructor(parts: PerformancesParts) {
    this.#parts = parts;
  }

  added(agent: string): void {
    if (this.#byName.has(agent)) return;
    const figures = new AgentFigures(this.#parts.clock.monotonic());
    this.#byName.set(agent, figures);
    this.#move(agent, figures);
  }

  removed(agent: string): void {
    const figures = this.#byName.get(agent);
    if (figures === undefined) return;
    this.#byName.delete(agent);
    this.#changed.delete(figures);
  }

  clear(): void {
    this.#byName.clear();
    this.#changed.clear();
  }

  /** Something of it that others count has changed. */
  touched(agent: string): void {
    const figures = this.#byName.get(agent);
    if (figures !== undefined) this.#touch(agent, figures);
  }

  /** Milliseconds from request to answer, the mean of its last 100; null: it has given none. */
  averageMs(agent: string): number | null {
    return this.#byName.get(agent)?.averageMs ?? null;
  }

  heard({ from, to, hidden, sealed }: Overheard): void {
    if (sealed) return;
    this.#add("messagesSent", from, 1, hidden);
    this.#add("messagesReceived", to, 1, hidden);
  }

  counted(topic: string, count: number, _bytes: number, sender?: CountedSender): void {
    const hidden = sender?.hidden === true;
    if (sender !== undefined) this.#add("messagesSent", sender.from, count, hidden);
    this.#add("messagesReceived", topic, count, hidden);
  }

  opened({ asked, isOwed }: Task): void {
    if (isOwed) this.#owes(asked);
  }

  ended({ asker, asked, ofAsker, ofAsked, isOwed }: Task, end: TaskEnd, latencyMs: number | undefined): void {
    const now = this.#parts.clock.monotonic();
    const served = ofAsked ? this.#byName.get(asked) : undefined;
    if (served !== undefined) {
      served.served(end, latencyMs, now);
      this.#touch(asked, served);
    }
    if (isOwed) this.#owes(asked);
    const asking = ofAsker ? this.#byName.get(asker) : undefined;
    if (asking === undefined) return;
    asking.asked(end, now);
    this.#touch(asker, asking);
  }

  /** It has gone: it owes nothing until it is back. */
  departed(agent: string): void {
    this.#owes(agent);
  }

  /** Undefined: it is not shown. `since`: wall clock. */
  performance(agent: SeenAgent, since: number): Performance | undefined {
    const figures = this.#byName.get(agent.name);
    if (figures === undefined) return undefined;
    const { clock, connections, reported } = this.#parts;
    const now = clock.monotonic();
    const own = reported(agent.name);
    const counted: Performance["metrics"] = {
      tasksCompleted: figures.tasksCompleted,
      successRate: figures.successRate,
      averageResponseTime: figures.averageMs,
      resourceUtilization: figures.utilization(now),
      communicationEfficiency: figures.communicationEfficiency,
      // 0 while it is offline.
      uptime: agent.state === "OFFLINE" ? 0 : Math.max(clock.now() - agent.since, 0),
      messageQueueSize: this.#queue(agent.name),
      connectionCount: connections(agent.name),
      memoryUsage: null,
      messagesSent: figures.messagesSent,
      messagesReceived: figures.messagesReceived,
    };
    return {
      agent,
      metrics: { ...counted, ...own?.metrics },
      trends: { ...figures.trends(now), ...own?.trends },
      since,
    };
  }

  /**
   * Agents whose figures have changed since the change of that number (0: all), the oldest change first, `max` at most.
   * One that changes on and on keeps its place until it was told, so that each has its turn.
   */
  changed(since: number, max: number): { readonly agents: readonly string[]; readonly next: number } {
    this.#sweep();
    const agents: string[] = [];
    let next = since;
    for (const [figures, agent] of this.#changed) {
      if (figures.change <= since) continue;
      if (agents.length >= max) break;
      agents.push(agent);
      next = figures.change;
    }
    this.#told = Math.max(this.#told, next);
    return { agents, next };
  }

  /** What is hidden counts for agents only that are hidden themselves. */
  #add(field: "messagesSent" | "messagesReceived", agent: string, count: number, hidden: boolean): void {
    const figures = this.#byName.get(agent);
    if (figures === undefined || (hidden && !this.#parts.isHidden(agent))) return;
    figures[field] += count;
    this.#touch(agent, figures);
  }

  /** What it has been given and has not settled: its mailbox, where it has one, else the requests that it owes answers to. */
  #queue(agent: string): number {
    return this.#parts.mailDepth(agent) ?? this.#parts.owes(agent);
  }

  #owes(agent: string): void {
    const figures = this.#byName.get(agent);
    if (figures === undefined) return;
    figures.owes(this.#parts.owes(agent) > 0, this.#parts.clock.monotonic());
    this.#touch(agent, figures);
  }

  #touch(agent: string, figures: AgentFigures): void {
    if (figures.change <= this.#told) this.#move(agent, figures);
  }

  #move(agent: string, figures: AgentFigures): void {
    figures.change = this.#change += 1;
    this.#changed.delete(figures);
    this.#changed.set(figures, agent);
  }

  /** Finds what has changed though nobody spoke. */
  #sweep(): void {
    const now = this.#parts.clock.monotonic();
    if (now - this.#sweptAt < sweepMs) return;
    this.#sweptAt = now;
    for (let left = Math.min(sweepMax, this.#byName.size); left > 0; left -= 1) {
      let next = this.#round.next();
      if (next.done === true) next = (this.#round = this.#byName.entries()).next();
      if (next.done === true) return;
      const [agent, figures] = next.value;
      const outside = `${String(this.#queue(agent))} ${String(this.#parts.connections(agent))}`;
      if (outside === figures.outside && !figures.isFading(now)) continue;
      figures.outside = outside;
      this.#touch(agent, figures);
    }
  }
}
