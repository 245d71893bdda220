import {
  Fault,
  Message,
  agentNameProblem,
  asFault,
  brokerTopic,
  cutText,
  eventsTopic,
  noticeOf,
  readJson,
  telemetryTopic,
  type Envelope,
} from "../../core/index.js";
import type { PublisherPeer } from "../wire/index.js";
import { warn, type ZeromqContext } from "./context.js";
import type { Faults } from "./fault-notices.js";
import { speakerOf } from "./names.js";
import { isOwned, ownedName } from "./rights.js";
import type { TimedRequests } from "./timed-requests.js";

/** What {@link Look} needs. */
export interface LookOptions {
  readonly context: ZeromqContext;
  readonly faults: Faults;
  readonly requests: TimedRequests;
  /** Marks an agent as seen speaking. */
  readonly spoke: (agent: string) => void;
  /**
   * Takes a message that nobody hears yet, in the first seconds after the start.
   * @returns false when it is to be judged now
   */
  readonly hold: (message: Message, publisher: PublisherPeer) => boolean;
}

/** Looks at a message that cannot pass as bytes: proves its `from`, routes it, tells its sender what went wrong. */
export class Look {
  readonly #options: LookOptions;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /** Counted as accepted already; counted once more as whatever becomes of it. Never throws a Fault. */
  message(message: Message, publisher: PublisherPeer): void {
    const { context, faults, spoke, hold } = this.#options;
    const { envelope } = message;
    if (envelope === undefined) {
      this.#malformed(message, publisher);
      return;
    }
    const forged = this.#forgery(envelope.from, publisher);
    if (forged !== undefined) {
      this.#forged(forged, envelope, publisher);
      return;
    }
    const misplaced = misplacedFault(message.topic);
    if (misplaced !== undefined) {
      context.ledger.refuse("topic-not-yours");
      if (mayBeTold(envelope)) faults.tell(envelope.from, noticeOf(misplaced, envelope), publisher);
      return;
    }
    spoke(envelope.from);
    const said = spokenBy(message, envelope.from, publisher);
    if (!hold(said, publisher)) this.judge(said, publisher);
  }

  /** Routes a message whose sender is in order, or tells the sender why not. */
  judge(message: Message, publisher: PublisherPeer): void {
    const { context, faults, requests } = this.#options;
    const { envelope } = message;
    if (envelope === undefined) {
      context.ledger.malformed("payload-unreadable");
      return;
    }
    let withdraw: (() => void) | undefined;
    try {
      withdraw = requests.follow(message, envelope, publisher);
    } catch (thrown) {
      context.ledger.refuse("requests-full");
      faults.tell(envelope.from, noticeOf(asFault(thrown), envelope), publisher);
      return;
    }
    try {
      context.exchange.submit(message);
    } catch (thrown) {
      withdraw?.();
      this.#refused(asFault(thrown), envelope, publisher);
    }
  }

  #refused(fault: Fault, envelope: Envelope, publisher: PublisherPeer): void {
    const { context, faults } = this.#options;
    if (fault.code === "internal") context.log("error", "routing failed", { cause: String(fault.cause) });
    if (fault.code === "not-found" && envelope.type !== "request") context.ledger.count(`${envelope.type}-to-nobody`);
    else if (mayBeTold(envelope)) faults.tell(envelope.from, noticeOf(fault, envelope), publisher);
  }

  #malformed(message: Message, publisher: PublisherPeer): void {
    const { context, faults } = this.#options;
    context.ledger.malformed("payload-unreadable");
    const sender = readableSender(message);
    const agent =
      publisher.principal?.agent ??
      (sender !== undefined && this.#forgery(sender.from, publisher) === undefined ? sender.from : publisher.declared);
    if (sender === undefined || agent === undefined) return;
    const fault = new Fault("malformed", message.problem ?? "the payload is no envelope");
    faults.tell(agent, noticeOf(fault, { message_id: sender.messageId, to: message.topic }), publisher);
  }

  #forged(forged: Fault, envelope: Envelope, publisher: PublisherPeer): void {
    const { context, faults } = this.#options;
    context.ledger.refuse("from-forged");
    const proved = publisher.principal?.agent;
    warn(context, publisher.remote, "a forged sender was refused", { proved, claimed: cutText(envelope.from) });
    // Where the connection has not said who it is, there is nobody to tell but the one whose name was taken.
    const agent = proved ?? publisher.declared;
    if (agent !== undefined && mayBeTold(envelope)) faults.tell(agent, noticeOf(forged, envelope), publisher);
  }

  #forgery(from: string, { principal: proved }: PublisherPeer): Fault | undefined {
    const { identity } = this.#options.context;
    if (from.startsWith("$"))
      return new Fault("forbidden", "names that begin with $ are the broker's; write your own name into from");
    const problem = agentNameProblem(from);
    if (problem !== undefined)
      return new Fault(
        "forbidden",
        `${cutText(JSON.stringify(from))} ${problem}, so it is nobody's name; write your own into from`,
      );
    if (proved === undefined) return isOwned(from, this.#options.context) ? ownedName(from) : undefined;
    if (from === proved.agent || identity.proxied(proved).has(from)) return undefined;
    return new Fault(
      "forbidden",
      `this connection proved to be ${proved.agent} and cannot speak as ${from}; write ${proved.agent} into from`,
    );
  }
}

/** Nothing is ever said about a response or a fault. */
function mayBeTold({ content, type }: Envelope): boolean {
  return type !== "response" && content.kind !== "fault";
}

/** The topics of the broker to which agents may publish. */
function misplacedFault(topic: string): Fault | undefined {
  if (!topic.startsWith("$") || topic === brokerTopic || topic === telemetryTopic) return undefined;
  return new Fault(
    "forbidden",
    topic === eventsTopic
      ? `only the broker publishes to ${eventsTopic}`
      : `there is no topic ${topic}; the broker answers at ${brokerTopic}`,
  );
}

/** The message with its speaker as guards want it: the agent, not the proxy that carries it. */
function spokenBy(message: Message, from: string, { principal: proved }: PublisherPeer): Message {
  if (proved === undefined || message.speaker?.agent === from) return message;
  const { payload, topic, receivedAt, trust, origin } = message;
  return Message.fromPayload(payload, { topic, receivedAt, trust, origin, speaker: speakerOf(from, proved) });
}

/** Who says to have sent a payload that is no envelope. */
export interface ReadableSender {
  readonly from: string;
  readonly messageId: string | undefined;
}

/** As deep as a payload is read to find its sender. */
const depthMax = 64;

/**
 * The sender of a malformed payload, where it can be read and may be told: it is an object with `from`, and neither a
 * response nor a fault,
 * which are never answered.
 */
export function readableSender({ payload }: Message): ReadableSender | undefined {
  const json = readJson(payload.toString("utf8"), depthMax);
  if ("problem" in json || !isObject(json.value)) return undefined;
  const { from, type, content, message_id: id } = json.value;
  if (typeof from !== "string" || (typeof type === "string" && type.toLowerCase() === "response")) return undefined;
  if (isObject(content) && content["kind"] === "fault") return undefined;
  return { from, messageId: typeof id === "string" ? id : undefined };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
