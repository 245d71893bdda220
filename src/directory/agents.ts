import { Fault, type Limits } from "../core/index.js";
import type { AgentEntry, Arriving } from "./directory.js";
import { AgentRecord } from "./presence.js";

/** All agents that are online, and who finds room among them. */
export class Agents {
  // bound: agentsMax · evicts: one more is refused as full; an agent goes with its last presence · owner: Agents
  readonly #records = new Map<string, AgentRecord>();
  readonly #limits: Pick<Limits, "agentsMax" | "agentsClaimedMax" | "agentsSharingMax">;
  #listing: readonly AgentEntry[] | undefined;

  constructor(limits: Pick<Limits, "agentsMax" | "agentsClaimedMax" | "agentsSharingMax">) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#records.size;
  }

  get(name: string): AgentRecord | undefined {
    return this.#records.get(name);
  }

  all(): Iterable<AgentRecord> {
    return this.#records.values();
  }

  /** Listed agents, by name. */
  listing(): readonly AgentEntry[] {
    return (this.#listing ??= [...this.#records.values()]
      .flatMap((record) => (record.listed ? (record.entry() ?? []) : []))
      .sort((one, other) => (one.name < other.name ? -1 : 1)));
  }

  /** What the listing says has changed. */
  changed(): void {
    this.#listing = undefined;
  }

  /** The record of whoever arrives, a new one if its name was not here. @throws Fault full */
  obtain(arriving: Arriving): AgentRecord {
    const { agent: name } = arriving.principal;
    const known = this.#records.get(name);
    if (known !== undefined) return known;
    if (this.size >= this.#mostFor(arriving))
      throw new Fault("full", "the broker has as many agents as it can; try again when one of them has left");
    const record = new AgentRecord(name);
    this.#records.set(name, record);
    return record;
  }

  delete(name: string): void {
    this.#records.delete(name);
  }

  /**
   * Counted by all that are here: those who prove who they are always find room that claims cannot take, and those with
   * one name room that whoever takes hundreds cannot.
   */
  #mostFor({ principal, sharing = false }: Arriving): number {
    const { agentsMax, agentsClaimedMax, agentsSharingMax } = this.#limits;
    if (principal.trust !== "claimed") return agentsMax;
    return Math.min(agentsMax, agentsClaimedMax, sharing ? agentsSharingMax : Infinity);
  }
}
