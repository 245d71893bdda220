import type { Clock } from "../core/index.js";
import type { Task, TaskEnd, TaskListener } from "./open-tasks.js";
import type { AgentState, SeenAgent, StateChange } from "./telemetry.js";

/** What an agent says that it does. */
export interface ReportedState {
  readonly newState: AgentState;
  readonly reason?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** What {@link AgentStates} is made of. */
export interface AgentStatesParts {
  readonly clock: Pick<Clock, "now">;
  readonly seen: (agent: string) => SeenAgent | undefined;
  readonly isOnline: (agent: string) => boolean;
  readonly owes: (agent: string) => number;
  readonly waits: (agent: string) => boolean;
  /** Milliseconds that it took for its last answers; null: it has given none. */
  readonly averageMs: (agent: string) => number | null;
  readonly reported: (agent: string) => ReportedState | undefined;
  readonly changed: (change: StateChange) => void;
}

/** What is known of one agent. */
interface Known {
  /** What was told last. */
  state: AgentState;
  /** The last request to it failed, or its time was over. */
  hasFailed: boolean;
}

/** Why, as the document says it (Visualisation §3.3). */
const endReasons: Readonly<Record<TaskEnd, string>> = {
  answered: "Task completed",
  failed: "Task failed",
  late: "Task timed out",
  cancelled: "Task cancelled",
  forgotten: "Task not answered",
};
const askerReasons: Readonly<Record<TaskEnd, string>> = {
  answered: "Answer received",
  failed: "Answer received",
  late: "No answer in time",
  cancelled: "Task cancelled",
  forgotten: "No answer",
};

/**
 * What agents do: EXECUTING while one owes an answer, else WAITING while it waits for one, else ERROR if the last
 * request to it failed or the time that it gave was over, else IDLE (Visualisation §3.3). What an agent reports wins
 * until it goes.
 */
export class AgentStates implements TaskListener {
  readonly #parts: AgentStatesParts;
  // bound: agents that are shown · evicts: removed() · owner: AgentStates
  readonly #known = new Map<string, Known>();

  constructor(parts: AgentStatesParts) {
    this.#parts = parts;
  }

  of(agent: string): AgentState {
    return this.#known.get(agent)?.state ?? "IDLE";
  }

  /** An agent that was here already when somebody began to look: nothing has changed. */
  found(agent: string): void {
    this.#known.set(agent, { state: this.#parts.reported(agent)?.newState ?? "IDLE", hasFailed: false });
  }

  /** It begins anew, whatever it did before. */
  arrived(agent: string): void {
    const known = this.#known.get(agent);
    if (known === undefined) this.#known.set(agent, { state: "OFFLINE", hasFailed: false });
    else known.hasFailed = false;
    this.#settle(agent, "Agent connected");
  }

  departed(agent: string): void {
    const known = this.#known.get(agent);
    if (known !== undefined) this.#tell(agent, known, "OFFLINE", "Agent disconnected");
  }

  removed(agent: string): void {
    this.#known.delete(agent);
  }

  clear(): void {
    this.#known.clear();
  }

  opened({ asker, asked, messageId: taskId, ofAsker, isOwed }: Task): void {
    if (isOwed) this.#settle(asked, "Task assigned", { taskId, estimatedDuration: this.#parts.averageMs(asked) });
    if (ofAsker) this.#settle(asker, "Waiting for an answer", { taskId, waitingFor: asked });
  }

  ended({ asker, asked, messageId: taskId, ofAsker, isOwed }: Task, end: TaskEnd, latencyMs: number | undefined): void {
    const known = isOwed ? this.#known.get(asked) : undefined;
    if (known !== undefined) {
      if (end === "answered") known.hasFailed = false;
      else if (end === "failed" || end === "late") known.hasFailed = true;
      this.#settle(asked, endReasons[end], { taskId, ...(latencyMs !== undefined && { duration: latencyMs }) });
    }
    if (ofAsker) this.#settle(asker, askerReasons[end], { taskId, waitingFor: asked });
  }

  /** It has just said what it does. */
  reported(agent: string, { newState, reason, metadata }: ReportedState): void {
    const known = this.#known.get(agent);
    if (known !== undefined) this.#tell(agent, known, newState, reason ?? "Reported by the agent", metadata, true);
  }

  /** Tells what it does now, if that is something else than before. */
  #settle(agent: string, reason: string, metadata: StateChange["metadata"] = {}): void {
    const known = this.#known.get(agent);
    if (known === undefined || !this.#parts.isOnline(agent)) return;
    const report = this.#parts.reported(agent);
    if (report === undefined) this.#tell(agent, known, this.#computed(agent, known), reason, metadata);
    else this.#tell(agent, known, report.newState, report.reason ?? reason, report.metadata ?? {});
  }

  #computed(agent: string, { hasFailed }: Known): AgentState {
    if (this.#parts.owes(agent) > 0) return "EXECUTING";
    if (this.#parts.waits(agent)) return "WAITING";
    return hasFailed ? "ERROR" : "IDLE";
  }

  #tell(
    agent: string,
    known: Known,
    newState: AgentState,
    reason: string,
    metadata: StateChange["metadata"] = {},
    always = false,
  ): void {
    const { state: previousState } = known;
    if (previousState === newState && !always) return;
    known.state = newState;
    const { seen, clock, changed } = this.#parts;
    const shown = seen(agent);
    if (shown !== undefined) changed({ agent: shown, previousState, newState, reason, at: clock.now(), metadata });
  }
}
