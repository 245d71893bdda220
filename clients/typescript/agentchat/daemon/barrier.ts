import type { DaemonClient } from "./daemon-client.js";
import { errorCode } from "./error-words.js";
import { pause } from "./gate.js";
import { retryAfter } from "./refusals.js";
import { refOf, type SentLine } from "./under-way.js";

/** By then a server has answered what was said, and has room for a PING again, milliseconds. */
const holdMs = 1_000;

/**
 * How it is learned on one connection that a message was dealt with: a PING behind it is answered, since a server
 * answers in order. Some refuse the PING, too, for its rate;
 * that is asked again, the message is not. Of a server that does not say what it refuses, the PING is held back from
 * then on, so that one refusal can be told from the other.
 */
export class DeliveryCheck {
  #holdMs = 0;

  /**
   * Done when the server has dealt with the message: it was taken unless something came against it.
   * @throws Error what the client throws; a refusal that may be one of the message
   */
  async wait(client: Pick<DaemonClient, "ping">, message: SentLine, signal: AbortSignal): Promise<void> {
    if (this.#holdMs > 0) await pause(signal, this.#holdMs);
    while (!message.hasFailed()) {
      if (signal.aborted) throw Object.assign(new Error("the connection has ended"), { code: "CLOSED" });
      try {
        await client.ping();
        return;
      } catch (thrown) {
        if (message.hasFailed()) return;
        const isLimited = errorCode(thrown) === "RATE_LIMITED";
        if (refOf(thrown) !== "PING" && !(isLimited && this.#holdMs > 0)) {
          if (isLimited) this.#holdMs = holdMs;
          throw thrown;
        }
        if (!isLimited) return; // refused is answered
        await pause(signal, retryAfter(thrown));
      }
    }
  }
}
