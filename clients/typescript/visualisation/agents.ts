import type { BinaryFrame } from "../../../bridges/visualisation/binary/index.js";
import { stateNames } from "../../../bridges/visualisation/binary/frame.js";
import type { AgentState, Registered } from "./events.js";
import { isFields, type Fields } from "./fields.js";

/** Agents that are remembered at most; a broker shows fewer. */
const agentsMax = 100_000;

/** What binary frames and JSON messages say, in one form. */
export interface Told {
  readonly type: string;
  readonly payload: Fields;
}

/** The agents of one connection: their numbers, and in which state each was last. */
export class Agents {
  // bound: agentsMax, the oldest goes · evicts: a new announcement of its number; all, with the connection · owner: Agents
  readonly #byNumber = new Map<number, Registered>();
  // bound: agentsMax, the oldest goes · evicts: all, with the connection · owner: Agents
  readonly #states = new Map<string, AgentState>();

  /** Those that were announced. */
  [Symbol.iterator](): Iterator<Registered> {
    return this.#byNumber.values();
  }

  clear(): void {
    this.#byNumber.clear();
    this.#states.clear();
  }

  /** Takes note of what a JSON message says of agents. */
  hear(type: string, payload: Fields): void {
    const { id, agentId, newState } = payload;
    if (typeof agentId !== "string") return;
    if (type === "agent.registered" && typeof id === "number")
      keep(this.#byNumber, id, payload as unknown as Registered); // as the broker announces it
    else if (type === "agent.state.changed") keep(this.#states, agentId, newState as AgentState);
  }

  /** What a binary frame says, as the JSON messages that it stands for; of agents that were not announced nothing. */
  toldBy(frame: BinaryFrame): readonly Told[] {
    switch (frame.type) {
      case "positions": {
        const agents = frame.agents.flatMap((position) => {
          const agentId = this.#byNumber.get(position.id)?.agentId;
          return agentId === undefined ? [] : [{ agentId, ...position }];
        });
        return agents.length === 0 ? [] : [{ type: "agent.positions", payload: { agents } }];
      }
      case "states":
        return frame.agents.flatMap(({ id, state, metadata }) => {
          const agentId = this.#byNumber.get(id)?.agentId;
          const newState = stateNames[state];
          if (agentId === undefined || newState === undefined) return [];
          const previousState = this.#states.get(agentId) ?? null;
          keep(this.#states, agentId, newState);
          const payload = { agentId, previousState, newState, reason: null, metadata };
          return [{ type: "agent.state.changed", payload }];
        });
      case "metrics":
        return this.#metrics(frame.metrics);
      case "coordination": {
        const { type, ...payload } = frame.payload;
        return [{ type: String(type), payload }];
      }
      case "error":
        return [{ type: "error", payload: frame.payload }];
      case "heartbeat":
        return [{ type: "heartbeat", payload: {} }];
      case "compressed":
        return [];
    }
  }

  #metrics({ id, tasks, success, averageMs, cpu, memory }: Metrics): readonly Told[] {
    const agentId = this.#byNumber.get(id)?.agentId;
    if (agentId === undefined) return [];
    const metrics = {
      tasksCompleted: tasks,
      successRate: success,
      averageResponseTime: averageMs,
      resourceUtilization: cpu === null ? null : cpu / 100,
      communicationEfficiency: null,
      uptime: null,
      messageQueueSize: null,
      connectionCount: null,
      memoryUsage: memory,
    };
    return [{ type: "agent.performance.update", payload: { agentId, metrics, trends: null } }];
  }
}

type Metrics = Extract<BinaryFrame, { readonly type: "metrics" }>["metrics"];

function keep<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= agentsMax) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

/** The messages that a compressed batch of JSON holds, each followed by LF. */
export function linesOf(bytes: Uint8Array): readonly string[] {
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter((line) => line !== "");
}

/** A JSON message of the broker's; undefined for anything else. */
export function messageOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined; // nothing that this broker says
  }
}
