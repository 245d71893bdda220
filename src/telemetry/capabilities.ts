import { Fault, type Limits } from "../core/index.js";
import type { ReportBytes } from "./report-bytes.js";
import type { Capability, CapabilityUpdate } from "./telemetry.js";

/** What each takes beside what it says, bytes. */
const overheadBytes = 200;

interface Kept {
  readonly capability: Capability;
  readonly bytes: number;
}

/** What agents say that they can do, until they go. */
export class Capabilities {
  // bound: telemetryMaxBytes, capabilitiesPerAgentMax of each agent · evicts: one when its agent takes it back, all when
  // it goes · owner: Capabilities
  readonly #byAgent = new Map<string, Map<string, Kept>>();
  /** Agents by the names and categories of what they can do, in lower case. */
  // bound: as #byAgent · evicts: with it · owner: Capabilities
  readonly #byWord = new Map<string, Set<string>>();
  readonly #limits: Pick<Limits, "capabilitiesPerAgentMax">;
  readonly #bytes: ReportBytes;

  constructor(limits: Pick<Limits, "capabilitiesPerAgentMax">, bytes: ReportBytes) {
    this.#limits = limits;
    this.#bytes = bytes;
  }

  /**
   * An agent can do something from now on, or no more.
   * @returns what of it is new: what was there already is updated, whatever the agent calls it
   * @throws Fault not-found (it takes back what it has not said), full
   */
  report(
    agent: string,
    action: CapabilityUpdate["action"],
    capability: Capability,
    isIssued: boolean,
  ): Pick<CapabilityUpdate, "action" | "capability"> {
    const own = this.#byAgent.get(agent);
    const before = own?.get(capability.name);
    if (action === "remove") {
      if (own === undefined || before === undefined)
        throw new Fault("not-found", `you have no capability ${JSON.stringify(capability.name)}`);
      own.delete(capability.name);
      if (own.size === 0) this.#byAgent.delete(agent);
      this.#bytes.change(agent, -before.bytes, isIssued);
      this.#unlist(agent, before.capability);
      return { action, capability: before.capability };
    }
    const { capabilitiesPerAgentMax: max } = this.#limits;
    if (before === undefined && (own?.size ?? 0) >= max)
      throw new Fault("full", `an agent has ${String(max)} capabilities at most (capabilitiesPerAgentMax)`);
    const bytes = Buffer.byteLength(JSON.stringify(capability)) + overheadBytes;
    this.#bytes.change(agent, bytes - (before?.bytes ?? 0), isIssued);
    const kept = own ?? new Map<string, Kept>();
    kept.set(capability.name, { capability, bytes });
    this.#byAgent.set(agent, kept);
    if (before !== undefined) this.#unlist(agent, before.capability);
    for (const word of wordsOf(capability)) this.#list(agent, word);
    return { action: before === undefined ? "add" : "update", capability };
  }

  of(agent: string): readonly Capability[] {
    return [...(this.#byAgent.get(agent)?.values() ?? [])].map(({ capability }) => capability);
  }

  /** Names of agents with a capability of that name or category, in any case; by name. */
  agentsWith(word: string): readonly string[] {
    return [...(this.#byWord.get(word.toLowerCase()) ?? [])].sort();
  }

  /** What all of an agent's take, with what is kept beside them. */
  bytesOf(agent: string): number {
    let sum = 0;
    for (const { bytes } of this.#byAgent.get(agent)?.values() ?? []) sum += bytes;
    return sum;
  }

  /** Those of an agent that {@link agentsWith} has found it by. */
  found(agent: string, word: string): readonly Capability[] {
    return this.of(agent).filter((capability) => wordsOf(capability).includes(word.toLowerCase()));
  }

  /** The agent is gone. Its bytes are given back by whoever keeps count of all that is kept of it. */
  forget(agent: string): void {
    const own = this.#byAgent.get(agent);
    if (own === undefined) return;
    this.#byAgent.delete(agent);
    for (const { capability } of own.values()) this.#unlist(agent, capability);
  }

  #list(agent: string, word: string): void {
    const agents = this.#byWord.get(word);
    if (agents === undefined) this.#byWord.set(word, new Set([agent]));
    else agents.add(agent);
  }

  /** The agent is found by its other capabilities only. */
  #unlist(agent: string, capability: Capability): void {
    const left = new Set(this.of(agent).flatMap(wordsOf));
    for (const word of wordsOf(capability)) {
      const agents = this.#byWord.get(word);
      if (agents === undefined || left.has(word)) continue;
      agents.delete(agent);
      if (agents.size === 0) this.#byWord.delete(word);
    }
  }
}

function wordsOf({ name, category }: Capability): readonly string[] {
  return category === undefined ? [name.toLowerCase()] : [name.toLowerCase(), category.toLowerCase()];
}
