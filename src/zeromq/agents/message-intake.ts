import { shareFullReason } from "../../conversation/index.js";
import {
  agentNameProblem,
  asFault,
  cutText,
  Fault,
  lostNotice,
  mayBeTold,
  Message,
  noticeOf,
  publishFault,
  readJson,
  shownTopic,
  type Envelope,
} from "../../core/index.js";
import type { PublisherPeer } from "../wire/index.js";
import { warn, type ZeromqContext } from "./context.js";
import type { FaultNotices } from "./fault-notices.js";
import { speakerOf } from "./names.js";
import { isOwned, ownedFault } from "./rights.js";
import type { TimedRequests } from "./timed-requests.js";

/** What the intake does with a message beside refusing and routing it. */
export interface IntakeSteps {
  /** The agent has spoken. */
  spoke(agent: string): void;
  /** Lets a message wait that nobody hears in the first seconds after the start. @returns false if it need not wait */
  waitAtStart(message: Message, publisher: PublisherPeer): boolean;
}

/**
 * Takes in messages that cannot pass as bytes (ZeroMQ §9.2), step by step: reads the envelope, proves the sender,
 * checks the topic, lets the message wait at the start, follows a request, routes. Tells the sender what went wrong.
 */
export class MessageIntake {
  readonly #context: Pick<
    ZeromqContext,
    "dataTopics" | "directory" | "exchange" | "identity" | "ledger" | "limiter" | "log"
  >;
  readonly #faults: FaultNotices;
  readonly #requests: TimedRequests;
  readonly #steps: IntakeSteps;

  constructor(context: ZeromqContext, faults: FaultNotices, requests: TimedRequests, steps: IntakeSteps) {
    this.#context = context;
    this.#faults = faults;
    this.#requests = requests;
    this.#steps = steps;
  }

  /** The message is counted as accepted already; what becomes of it is counted here. Never throws a Fault. */
  take(message: Message, publisher: PublisherPeer): void {
    const { envelope } = message;
    if (envelope === undefined) {
      this.#refuseUnreadable(message, publisher);
      return;
    }
    const forgery = this.#forgery(envelope.from, publisher);
    if (message.marked) this.#context.ledger.count("broker-key-removed");
    if (forgery !== undefined) {
      this.#refuseForged(forgery, envelope, publisher);
      return;
    }
    const misplaced = publishFault(message.topic);
    if (misplaced !== undefined) {
      this.#context.ledger.refuse("topic-not-yours");
      if (mayBeTold(envelope)) this.#faults.tell(envelope.from, noticeOf(misplaced, envelope), publisher);
      return;
    }
    this.#steps.spoke(envelope.from);
    const spoken = withSpeaker(message, envelope.from, publisher);
    if (!this.#steps.waitAtStart(spoken, publisher)) this.route(spoken, publisher);
  }

  /** Routes a message whose sender and topic are in order, or tells the sender why not. */
  route(message: Message, publisher: PublisherPeer): void {
    const { exchange, ledger } = this.#context;
    const { envelope } = message;
    if (envelope === undefined) {
      ledger.malformed("payload-unreadable");
      return;
    }
    let withdraw: (() => void) | undefined;
    try {
      withdraw = this.#requests.follow(message, envelope, publisher);
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.detail?.["reason"] === shareFullReason) ledger.refuse("requests-share-full");
      else ledger.refuse("requests-full");
      this.#faults.tell(envelope.from, noticeOf(fault, envelope), publisher);
      return;
    }
    try {
      const { lost } = exchange.submit(message);
      if (lost !== undefined && mayBeTold(envelope))
        this.#faults.tell(envelope.from, lostNotice(lost, envelope), publisher);
    } catch (thrown) {
      withdraw?.();
      this.#tellUnrouted(asFault(thrown), envelope, publisher);
    }
  }

  #tellUnrouted(fault: Fault, envelope: Envelope, publisher: PublisherPeer): void {
    const { ledger, log } = this.#context;
    if (fault.code === "internal") log("error", "routing failed", { cause: String(fault.cause) });
    if (fault.code === "not-found" && envelope.type !== "request") ledger.count(`${envelope.type}-to-nobody`);
    else if (mayBeTold(envelope)) this.#faults.tell(envelope.from, noticeOf(fault, envelope), publisher);
  }

  #refuseUnreadable(message: Message, publisher: PublisherPeer): void {
    this.#context.ledger.malformed("payload-unreadable");
    const why = message.problem ?? "the payload is not an envelope";
    warn(this.#context, publisher.remote, "a message could not be read", {
      topic: cutText(shownTopic(message.topic)),
      why,
    });
    const sender = readableSender(message);
    if (sender === "answer") return;
    const { from, messageId } = sender;
    const isFree = from !== undefined && this.#forgery(from, publisher) === undefined;
    const agent = publisher.principal?.agent ?? (isFree ? from : publisher.declared);
    if (agent === undefined) return;
    const fault = new Fault("malformed", why);
    this.#faults.tell(agent, noticeOf(fault, { message_id: messageId, to: shownTopic(message.topic) }), publisher);
  }

  #refuseForged(forgery: Fault, envelope: Envelope, publisher: PublisherPeer): void {
    const { ledger } = this.#context;
    const proved = publisher.principal?.agent;
    const claimed = cutText(envelope.from);
    if (proved === undefined && publisher.declared === envelope.from) {
      ledger.refuse("name-asleep");
      warn(this.#context, publisher.remote, "a message in a name that sleeps was refused", {
        claimed,
        why: forgery.message,
      });
    } else {
      ledger.refuse("from-forged");
      warn(this.#context, publisher.remote, "a forged sender was refused", { proved, claimed, why: forgery.message });
    }
    // If the connection has not said who it is, nobody is told: only the agent whose name was taken could be.
    const agent = proved ?? publisher.declared;
    if (agent !== undefined && mayBeTold(envelope)) this.#faults.tell(agent, noticeOf(forgery, envelope), publisher);
  }

  /** Why the connection may not speak as `from`; undefined if it may (ZeroMQ §8.1, §8.2). */
  #forgery(from: string, { principal: proved }: PublisherPeer): Fault | undefined {
    if (from.startsWith("$"))
      return new Fault("forbidden", "names that begin with $ are the broker's; write your own name into from");
    const problem = agentNameProblem(from);
    if (problem !== undefined)
      return new Fault(
        "forbidden",
        `${cutText(JSON.stringify(from))} ${problem}, so it is nobody's name; write your own into from`,
      );
    if (proved === undefined) return isOwned(from, this.#context) ? ownedFault(from, this.#context) : undefined;
    if (from === proved.agent || this.#context.identity.proxied(proved).has(from)) return undefined;
    return new Fault(
      "forbidden",
      `this connection proved to be ${proved.agent} and cannot speak as ${from}; write ${proved.agent} into from`,
    );
  }
}

/** The message with the speaker that guards of rooms check: the agent, not the proxy that carries it. */
function withSpeaker(message: Message, from: string, { principal: proved }: PublisherPeer): Message {
  if (proved === undefined || message.speaker?.agent === from) return message;
  const { payload, topic, receivedAt, trust, origin } = message;
  return Message.fromPayload(payload, { topic, receivedAt, trust, origin, speaker: speakerOf(from, proved) });
}

/**
 * What can be read of a payload that is not an envelope; "answer" if it is a response or a fault, which are never
 * answered.
 */
export function readableSender({ payload, unread }: Message): ReadableSender | "answer" {
  // Bytes that are no UTF-8 may be an envelope otherwise.
  const json = unread === undefined ? readJson(payload.toString("utf8")) : { value: unread };
  if ("problem" in json || !isObject(json.value)) return { from: undefined, messageId: undefined };
  const { from, type, content, message_id: id } = json.value;
  if (typeof type === "string" && type.toLowerCase() === "response") return "answer";
  if (isObject(content) && content["kind"] === "fault") return "answer";
  return {
    from: typeof from === "string" ? from : undefined,
    messageId: typeof id === "string" ? id : undefined,
  };
}

/** What a payload that is no envelope still tells of its sender. */
interface ReadableSender {
  readonly from: string | undefined;
  readonly messageId: string | undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
