import { isExpired, noticeOf, patienceMs, topicKind, type Envelope, type Message } from "../../core/index.js";
import type { PublisherPeer } from "../wire/index.js";
import type { ZeromqContext } from "./context.js";
import type { FaultNotices } from "./fault-notices.js";

/** Requests with longer ids are not followed: each open request keeps its id in memory, and nothing else. */
const idMaxLength = 128;

/** Follows requests from ZeroMQ to an agent of another dialect: if no answer comes in time, the sender is told. */
export class TimedRequests {
  readonly #context: Pick<ZeromqContext, "clock" | "directory" | "requests" | "router">;
  readonly #faults: FaultNotices;
  // bound: requestsMax · evicts: a request goes when it is answered, timed out, or its connection ends · owner:
  // TimedRequests
  readonly #byClaimed = new Map<PublisherPeer, Set<() => void>>();

  constructor(context: Pick<ZeromqContext, "clock" | "directory" | "requests" | "router">, faults: FaultNotices) {
    this.#context = context;
    this.#faults = faults;
  }

  /**
   * Opens the request, if the message is one that is followed. The returned function withdraws it.
   * @throws Fault full
   */
  follow({ topic }: Message, envelope: Envelope, publisher: PublisherPeer): (() => void) | undefined {
    const { clock, requests } = this.#context;
    const { from, message_id: messageId, type } = envelope;
    if (type !== "request" || messageId.length > idMaxLength || !this.#isSession(topic)) return undefined;
    const now = clock.now();
    if (isExpired(envelope, now)) return undefined;
    const timeoutMs = patienceMs(envelope, now);
    // No limit is counted by a name that is only claimed: the agents who have it would pay for others.
    const isClaimed = publisher.principal === undefined;
    const forget = (): void => {
      if (isClaimed) this.#drop(publisher, withdraw);
    };
    const withdraw = requests.open({
      from,
      to: topic,
      messageId,
      ...(isClaimed && { owner: publisher.id }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      answered: forget,
      timedOut: ({ message, data }) => {
        forget();
        const detail = data ?? {};
        const remedy = data === undefined ? "; ask again, or give the request a longer wait_ms" : "";
        this.#faults.tell(
          from,
          noticeOf({ code: "timeout", message: message + remedy, detail }, { message_id: messageId, to: topic }),
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

  /** The connection is gone, and with it the requests of names that were only claimed on it. */
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

  /** True for a session of another dialect. Answers between ZeroMQ agents pass as bytes: nobody here would see them. */
  #isSession(topic: string): boolean {
    const { directory, router } = this.#context;
    const route = router.route(topic);
    if (topicKind(topic) !== "agent" || route?.wires.length !== 0) return false;
    // Nobody is there, and a mailbox has it: the answer is looked at when it comes.
    if (route.keeper !== undefined && route.readers.length === 0) return true;
    const addressee = directory.agent(topic);
    return addressee !== undefined && addressee.dialect !== "zmq";
  }
}
