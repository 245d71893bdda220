/** What `broker top` is told of an agent when it is announced (Visualisation §3.2). */
export interface Announced {
  readonly agentId: string;
  /** What it calls itself. */
  readonly name: string;
  readonly namespace: string;
  readonly trust: string;
  readonly state: string;
  readonly demo?: boolean | undefined;
}

/** The figures of an agent that `broker top` shows (Visualisation §3.4). */
export interface Figures {
  readonly agentId: string;
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** One agent, as a line shows it; null is what is not known. */
export interface AgentLine {
  readonly name: string;
  /** What it calls itself, where that is another name. */
  readonly displayName: string;
  readonly dialect: string;
  readonly trust: string;
  readonly state: string;
  readonly isDemo: boolean;
  /** Messages a second. */
  readonly says: number;
  readonly hears: number;
  readonly queue: number | null;
  /** Milliseconds that it takes to answer. */
  readonly answerMs: number | null;
}

/** What is known of one agent. */
interface Known extends Announced {
  counted: Count | undefined;
  before: Count | undefined;
  figures: Figures["metrics"];
}

interface Count {
  readonly at: number;
  readonly sent: number;
  readonly received: number;
}

/** What a viewer has been told, kept as long as it is true. Pure: the time comes in as an argument, in milliseconds. */
export class TopPicture {
  // bound: agents that the broker shows · evicts: when it has gone offline · owner: TopPicture
  readonly #agents = new Map<string, Known>();

  announced(agent: Announced): void {
    const known = this.#agents.get(agent.agentId);
    this.#agents.set(agent.agentId, {
      ...agent,
      counted: known?.counted,
      before: known?.before,
      figures: known?.figures ?? {},
    });
  }

  changed({ agentId, newState }: { readonly agentId: string; readonly newState: string }): void {
    const known = this.#agents.get(agentId);
    if (known !== undefined) this.#agents.set(agentId, { ...known, state: newState });
  }

  counted({ agentId, metrics }: Figures, now: number): void {
    const known = this.#agents.get(agentId);
    if (known === undefined) return;
    known.before = known.counted;
    known.counted = { at: now, sent: metrics["messagesSent"] ?? 0, received: metrics["messagesReceived"] ?? 0 };
    known.figures = metrics;
  }

  /** The connection was lost: all is told anew. */
  clear(): void {
    this.#agents.clear();
  }

  /** Agents that are online: who says most first, then by name. */
  lines(now: number): readonly AgentLine[] {
    return [...this.#agents.values()]
      .filter(({ state }) => state !== "OFFLINE")
      .map((known) => lineOf(known, now))
      .sort((one, other) => busy(other) - busy(one) || (one.name < other.name ? -1 : 1));
  }
}

/** A figure that did not change is not told again: after this it stands for silence, milliseconds. */
const silentMs = 2_500;

function lineOf(known: Known, now: number): AgentLine {
  const { agentId, name, namespace, trust, state, demo, counted, before, figures } = known;
  const isFresh = counted !== undefined && before !== undefined && now - counted.at < silentMs;
  const seconds = isFresh ? Math.max(0.5, (counted.at - before.at) / 1_000) : 1;
  const rate = (of: "sent" | "received"): number => (isFresh ? Math.max(0, counted[of] - before[of]) / seconds : 0);
  return {
    name: agentId,
    displayName: name === agentId ? "" : name,
    dialect: namespace,
    trust,
    state,
    isDemo: demo === true,
    says: rate("sent"),
    hears: rate("received"),
    queue: figures["messageQueueSize"] ?? null,
    answerMs: figures["averageResponseTime"] ?? null,
  };
}

function busy({ says, hears }: AgentLine): number {
  return Math.round(says + hears);
}
