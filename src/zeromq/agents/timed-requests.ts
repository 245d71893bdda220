import { noticeOf, topicKind, type Envelope, type Message } from "../../core/index.js";
import type { PublisherPeer } from "../wire/index.js";
import type { ZeromqContext } from "./context.js";
import type { Faults } from "./fault-notices.js";

/** Longer ids are not followed: an open request keeps its id, and nothing else of the message, in memory. */
const idMaxLength = 128;

/** Follows requests from ZeroMQ to an agent of another dialect: if no answer comes in time, the sender is told. */
export class TimedRequests {
  readonly #context: ZeromqContext;
  readonly #faults: Faults;
  // bound: requestsMax · evicts: a request goes when it is answered, timed out, or its connection ends · owner:
  // TimedRequests
  readonly #byClaimed = new Map<PublisherPeer, Set<() => void>>();

  constructor(context: ZeromqContext, faults: Faults) {
    this.#context = context;
    this.#faults = faults;
  }

  /**
   * Opens the request, if the message is one that is followed. The returned function withdraws it.
   * @throws Fault full
   */
  follow({ topic }: Message, envelope: Envelope, publisher: PublisherPeer): (() => void) | undefined {
    const { clock, requests } = this.#context;
    const { from, message_id: messageId, type, expires_at: expiresAt } = envelope;
    if (type !== "request" || messageId.length > idMaxLength || !this.#isSession(topic)) return undefined;
    const left = expiresAt === undefined ? NaN : Date.parse(expiresAt) - clock.now();
    if (left <= 0) return undefined;
    // A name that is only claimed is not what a limit may be counted by: others would pay for it.
    const isClaimed = publisher.principal === undefined;
    const forget = (): void => {
      if (isClaimed) this.#drop(publisher, withdraw);
    };
    const withdraw = requests.open({
      from,
      to: topic,
      messageId,
      ...(isClaimed && { owner: publisher.id }),
      ...(left > 0 && { timeoutMs: left }),
      answered: forget,
      timedOut: () => {
        forget();
        const message = `${topic} did not answer in time; ask again, or give the request a later expires_at`;
        this.#faults.tell(
          from,
          noticeOf({ code: "timeout", message }, { message_id: messageId, to: topic }),
          publisher,
        );
      },
    });
    if (isClaimed) this.#keep(publisher, withdraw);
    return () => {
      withdraw();
      forget();
    };
  }

  /** The connection is gone, and with it what was only claimed on it. */
  forget(publisher: PublisherPeer): void {
    for (const withdraw of this.#byClaimed.get(publisher) ?? []) withdraw();
    this.#byClaimed.delete(publisher);
  }

  #keep(publisher: PublisherPeer, withdraw: () => void): void {
    const open = this.#byClaimed.get(publisher);
    if (open === undefined) this.#byClaimed.set(publisher, new Set([withdraw]));
    else open.add(withdraw);
  }

  #drop(publisher: PublisherPeer, withdraw: () => void): void {
    const open = this.#byClaimed.get(publisher);
    if (open?.delete(withdraw) === true && open.size === 0) this.#byClaimed.delete(publisher);
  }

  /** Answers between ZeroMQ agents pass as bytes, so only those from elsewhere can be waited for. */
  #isSession(topic: string): boolean {
    const { directory, router } = this.#context;
    if (topicKind(topic) !== "agent" || router.route(topic)?.wires.length !== 0) return false;
    const addressee = directory.agent(topic);
    return addressee !== undefined && addressee.dialect !== "zmq";
  }
}
