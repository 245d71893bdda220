import { randomUUID } from "node:crypto";
import { asFault, brokerTopic, Fault, type Content } from "../../../src/core/index.js";
import { agentDefaults, type ConnectOptions } from "./options.js";
import type { PendingRequests } from "./pending.js";

/** Publishes a ping to the broker; `isWanted` calls it off while it waits for its turn. */
export type PublishPing = (to: string, content: Content, messageId: string, isWanted: () => boolean) => Promise<void>;

const ping: Content = { message: "ping", kind: "ping" };

/**
 * Round trips through the broker: what one sender says is read in order, so an answer proves everything said before.
 */
export class RoundTrip {
  readonly #pending: PendingRequests;
  readonly #publish: PublishPing;

  constructor(pending: PendingRequests, publish: PublishPing) {
    this.#pending = pending;
    this.#publish = publish;
  }

  /** One ping and its answer. @throws Fault timeout, unavailable */
  async once(timeoutMs: number): Promise<void> {
    const messageId = randomUUID();
    const answer = this.#pending.wait(messageId, "the broker", { timeoutMs });
    this.#publish(brokerTopic, ping, messageId, () => this.#pending.has(messageId)).catch((thrown: unknown) => {
      this.#pending.fail(messageId, asFault(thrown));
    });
    await answer;
  }

  /**
   * Repeats a ping under one id until its answer comes back: both sockets work, the broker knows the name. It stops as
   * soon as `refusal` tells why it never will.
   * @throws Fault unavailable, unauthenticated
   */
  async first(timeoutMs: number, refusal: (isWanted: () => boolean) => Promise<Fault | undefined>): Promise<void> {
    const messageId = randomUUID();
    const isWanted = (): boolean => this.#pending.has(messageId);
    const answer = this.#pending.wait(messageId, "the broker", { timeoutMs });
    this.#ask(messageId, isWanted).catch((thrown: unknown) => {
      this.#pending.fail(messageId, asFault(thrown));
    });
    void refusal(isWanted).then((fault) => {
      if (fault !== undefined) this.#pending.fail(messageId, fault);
    });
    try {
      await answer;
    } catch (thrown) {
      throw notReady(asFault(thrown));
    }
  }

  async #ask(messageId: string, isWanted: () => boolean): Promise<void> {
    while (isWanted()) {
      await this.#publish(brokerTopic, ping, messageId, isWanted);
      await new Promise((resolve) => setTimeout(resolve, agentDefaults.pingMs));
    }
  }
}

function notReady(fault: Fault): Fault {
  if (fault.code !== "timeout") return fault;
  return new Fault(
    "unavailable",
    "the broker did not answer in time: is it running (broker status), and is the name free or the token right (its log says why it refused)?",
  );
}

/** Told when the broker takes what an agent says, and the agent hears nothing. */
export function refusedName({ name, token }: Pick<ConnectOptions, "name" | "token">): Fault {
  const why =
    token === undefined
      ? `it may have an owner: connect with its token (broker token ${name}), or choose another name`
      : `the token may not be its ZeroMQ token (broker token ${name})`;
  return new Fault(
    "unauthenticated",
    `the broker does not let ${name} hear what is for it; ${why}; the broker's log says more`,
  );
}
