import { topicKind, type Envelope, type Message } from "../core/index.js";
import type { PublisherPeer } from "../zmtp/index.js";
import type { LocalContext } from "./context.js";
import type { Faults } from "./faults.js";

/** Follows requests from ZeroMQ to an agent of another dialect: if no answer comes in time, the sender is told. */
export class TimedRequests {
  readonly #context: LocalContext;
  readonly #faults: Faults;

  constructor(context: LocalContext, faults: Faults) {
    this.#context = context;
    this.#faults = faults;
  }

  /** Opens the request, if the message is one that is followed. The returned function withdraws it. @throws Fault full */
  follow({ topic }: Message, envelope: Envelope, publisher: PublisherPeer): (() => void) | undefined {
    const { clock, requests } = this.#context;
    if (envelope.type !== "request" || !this.#isSession(topic)) return undefined;
    const left = envelope.expires_at === undefined ? NaN : Date.parse(envelope.expires_at) - clock.now();
    if (left <= 0) return undefined;
    return requests.open({
      from: envelope.from,
      to: topic,
      messageId: envelope.message_id,
      ...(left > 0 && { timeoutMs: left }),
      timedOut: () => {
        this.#faults.tell(
          envelope.from,
          { code: "timeout", message: `${topic} did not answer in time; ask again, or give the request a later expires_at`, inReplyTo: envelope.message_id, detail: { to: topic } },
          publisher,
        );
      },
    });
  }

  /** Answers between ZeroMQ agents pass as bytes, so only those from elsewhere can be waited for. */
  #isSession(topic: string): boolean {
    const { directory, router } = this.#context;
    if (topicKind(topic) !== "agent" || router.route(topic)?.wires.length !== 0) return false;
    const addressee = directory.agent(topic);
    return addressee !== undefined && addressee.dialect !== "zmq";
  }
}
