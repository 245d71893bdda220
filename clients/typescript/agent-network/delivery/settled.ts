import type { Item } from "./lane.js";
import type { OutboxPorts } from "./outbox-ports.js";
import type { DeliveryFailure } from "./reports.js";

/** How a message ended. */
export type End =
  | { readonly state: "delivered" }
  | { readonly state: "failed"; readonly reason: DeliveryFailure; readonly message: string };

/** So many are taken off the disk at once. */
const batchMax = 500;

/**
 * Messages whose end is known: they go off the disk, then the application is told. So what it was told of is never said
 * once more after a restart.
 */
export class Settled {
  readonly #ports: Pick<OutboxPorts, "kept" | "now" | "tell" | "problem">;
  readonly #gone: (item: Item) => void;
  readonly #ends: { readonly item: Item; readonly end: End }[] = [];
  #working: Promise<void> | undefined;

  /** @param gone an item is off the disk */
  constructor(ports: Pick<OutboxPorts, "kept" | "now" | "tell" | "problem">, gone: (item: Item) => void) {
    this.#ports = ports;
    this.#gone = gone;
  }

  add(item: Item, end: End): void {
    this.#ends.push({ item, end });
    this.#working ??= this.#work();
  }

  /** Resolves when all of them are off the disk, and told. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    // What ends in the same turn goes in one write.
    await Promise.resolve();
    while (this.#ends.length > 0) {
      const batch = this.#ends.splice(0, batchMax);
      try {
        await this.#ports.kept.remove(batch.map(({ item }) => item.kept.messageId));
      } catch (error) {
        // After a restart they are said again; the receiver knows them.
        this.#ports.problem(error);
      }
      for (const { item, end } of batch) {
        this.#gone(item);
        const { messageId, recipientId, conversationId, keptAt } = item.kept;
        const tookMs = Math.max(0, this.#ports.now() - keptAt);
        this.#ports.tell({ messageId, recipientId, conversationId, ...end, tookMs });
      }
    }
    this.#working = undefined;
  }
}
