import { z } from "zod";
import { eventsTopic, Fault, type Clock, type Exchange, type Limits } from "../core/index.js";
import type { Table } from "../storage/table.js";

const noWord = "is 1 to 64 of A-Z a-z 0-9 _ -";
const word = z.string(noWord).regex(/^[A-Za-z0-9_-]{1,64}$/, noWord);
const noId = "is 1 to 128 printable characters";
const countMax = 1_000_000_000;
const noCount = `is a whole number from 0 to ${String(countMax)}`;
const count = z.int(noCount).min(0, noCount).max(countMax, noCount);
const noNumber = `is a number from 0 to ${String(countMax)}`;
const amount = z.number(noNumber).min(0, noNumber).max(countMax, noNumber);
const noShare = "is a number from 0 to 1";

/** What a multi-agent is called; any text is taken that a list can show. */
export const multiAgentId = z
  .string(noId)
  .min(1, noId)
  .max(128, noId)
  .refine((text) => !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text), noId)
  .describe("what the multi-agent is called");

/** How a multi-agent is set up (Visualisation §5.5): the document's fields, each of which may be left out. */
export const multiAgentConfiguration = z.strictObject(
  {
    topology: word.describe("HIERARCHICAL, MESH …").exactOptional(),
    coordinationStrategy: word.describe("consensus …").exactOptional(),
    faultTolerance: z
      .strictObject({
        enabled: z.boolean("is true or false").exactOptional(),
        redundancy: count.exactOptional(),
        heartbeatInterval: count.describe("milliseconds").exactOptional(),
      })
      .exactOptional(),
    performanceTargets: z
      .strictObject({
        maxLatency: amount.describe("milliseconds").exactOptional(),
        minThroughput: amount.describe("messages a second").exactOptional(),
        targetSuccessRate: z.number(noShare).min(0, noShare).max(1, noShare).exactOptional(),
      })
      .exactOptional(),
  },
  "is {topology, coordinationStrategy, faultTolerance, performanceTargets}",
);

/** One configuration. */
export type MultiAgentConfiguration = z.output<typeof multiAgentConfiguration>;

/** A configuration as it is kept. */
export interface MultiAgentRow {
  readonly configuration: MultiAgentConfiguration;
  /** Who has said it. */
  readonly by: string;
  /** When: wall clock, milliseconds. */
  readonly at: number;
}

/** A configuration with what it is for. */
export interface MultiAgent extends MultiAgentRow {
  readonly id: string;
}

/** A change of a configuration, for the audit log. */
export interface MultiAgentEvent {
  readonly event: "multi-agent.configured" | "multi-agent.removed";
  readonly multiAgent: string;
  /** Who has changed it. */
  readonly by: string;
}

/** What configurations need of the broker. */
export interface MultiAgentsOptions {
  readonly exchange: Pick<Exchange, "announce">;
  readonly clock: Pick<Clock, "now">;
  readonly limits: Pick<Limits, "multiAgentsMax">;
  readonly witness: (event: MultiAgentEvent) => void;
}

/**
 * How operators have set up multi-agents: kept on disk until removed, and told on `$events` once it is there. The broker
 * obeys none of it; agents read it.
 */
export class MultiAgents {
  readonly #options: MultiAgentsOptions;
  // bound: multiAgentsMax, 2 KiB each · evicts: nothing, one more is refused as full; operators remove them · owner:
  // MultiAgents
  readonly #all = new Map<string, MultiAgent>();
  #table: Table<MultiAgentRow> | undefined;
  /** Changes are made one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: MultiAgentsOptions) {
    this.#options = options;
  }

  /** Restores what is in `table`, and keeps changes there from now on. */
  load(table: Table<MultiAgentRow>): void {
    this.#table = table;
    for (const [id, row] of table.range("", "\uffff")) this.#all.set(id, { id, ...row });
  }

  get size(): number {
    return this.#all.size;
  }

  get(id: string): MultiAgent | undefined {
    return this.#all.get(id);
  }

  /**
   * Those behind `after`, in the order of their ids, `max` at most.
   * @param after from the first one if absent
   */
  page(after: string | undefined, max: number): { readonly page: readonly MultiAgent[]; readonly isMore: boolean } {
    const ids = [...this.#all.keys()].filter((id) => after === undefined || id > after).sort();
    const page = ids.slice(0, max).flatMap((id) => this.#all.get(id) ?? []);
    return { page, isMore: ids.length > max };
  }

  /**
   * Takes a configuration in place of the one before. Resolves when it is on the disk, and told.
   * @throws Fault full, unavailable, as rejections: the one before stays
   */
  configure(id: string, configuration: MultiAgentConfiguration, by: string): Promise<MultiAgent> {
    return this.#inTurn(async () => {
      const { multiAgentsMax } = this.#options.limits;
      if (!this.#all.has(id) && this.#all.size >= multiAgentsMax)
        throw new Fault(
          "full",
          `there are ${String(multiAgentsMax)} configurations of multi-agents, and no more can be; ` +
            "remove one that is not needed (multi-agent.remove)",
        );
      const row: MultiAgentRow = { configuration, by, at: this.#options.clock.now() };
      await this.#kept().put(id, row);
      const changed = { id, ...row };
      this.#all.set(id, changed);
      this.#told({ event: "multi-agent.configured", multiAgent: id, by }, `${by} has configured ${id}`, {
        configuration,
        at: new Date(row.at).toISOString(),
      });
      return changed;
    });
  }

  /**
   * Removes a configuration. Resolves when it is gone from the disk, and that is told.
   * @returns false if there was none
   * @throws Fault unavailable, as a rejection: it is there again after a restart
   */
  remove(id: string, by: string): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.#all.delete(id)) return false;
      await this.#kept().delete(id);
      this.#told(
        { event: "multi-agent.removed", multiAgent: id, by },
        `${by} has removed the configuration of ${id}`,
        {},
      );
      return true;
    });
  }

  #told(event: MultiAgentEvent, message: string, more: Readonly<Record<string, unknown>>): void {
    const { exchange, witness } = this.#options;
    const { event: kind, multiAgent, by } = event;
    witness(event);
    const content = { message, kind, data: { "multi-agentId": multiAgent, ...more, by } };
    exchange.announce(eventsTopic, { type: "inform", content });
  }

  #kept(): Table<MultiAgentRow> {
    if (this.#table === undefined)
      throw new Fault("unavailable", "configurations cannot be kept before the broker has started");
    return this.#table;
  }

  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#turn.then(change);
    this.#turn = changed.catch(() => undefined); // whoever asked for it hears of it
    return changed;
  }
}
