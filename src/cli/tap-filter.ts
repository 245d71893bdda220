import {
  agentNameProblem,
  brokerTopic,
  eventsTopic,
  everyone,
  Fault,
  isControlName,
  isRoom,
  subscriptionKind,
  topicKind,
  type Envelope,
  type MessageType,
} from "../core/index.js";

/** Which messages are shown. A field that is absent lets every value pass. */
export interface TapFilter {
  readonly from?: string;
  readonly to?: string;
  readonly type?: MessageType;
  /** `content.kind`; `chat` stands for messages without one. */
  readonly kind?: string;
  /** Also what is asked of the broker, its answers and its events, where nothing else asks for them. */
  readonly all?: boolean;
}

/**
 * Refuses names and topics that cannot exist: with them the filter would show nothing, which looks like silence.
 * @throws Fault malformed, with the rule
 */
export function checkTap(topics: readonly string[], { from, to }: TapFilter): void {
  for (const topic of topics) {
    if (isWildcard(topic))
      throw new Fault(
        "malformed",
        `${JSON.stringify(topic)}: there are no wildcards; a topic that ends in . / or : is a prefix (prices.), ` +
          "no topic at all is everything, and --from, --type and --kind choose among it",
      );
    const rule = topicRule(topic);
    if (rule !== undefined) throw new Fault("malformed", `nothing is ever sent to ${JSON.stringify(topic)}: ${rule}`);
  }
  const addressee =
    to === undefined
      ? undefined
      : subscriptionKind(to) === "exact"
        ? topicRule(to)
        : "--to is one topic; a prefix is an argument: broker tap prices.";
  if (addressee !== undefined) throw new Fault("malformed", `--to ${JSON.stringify(to)}: ${addressee}`);
  const speaker =
    from === undefined || from.startsWith("$") || isControlName(from) ? undefined : agentNameProblem(from);
  if (speaker !== undefined)
    throw new Fault("malformed", `--from ${JSON.stringify(from)}: no agent can have a name that ${speaker}`);
}

/** True for what other systems write for many topics: `>`, `a.>`, `cl*`, `a/+/b`, `a/#`. */
function isWildcard(topic: string): boolean {
  return /\*|^[>+?]$|^#$|[./]>$|\/#$|(^|[/.])\+([/.]|$)/.test(topic);
}

/** True if only `all` shows what is asked of the broker, its answers and its events: nothing else names them. */
export function hidesBroker(topics: readonly string[], { from, to, kind, all }: TapFilter): boolean {
  return all !== true && topics.length === 0 && to === undefined && kind === undefined && from !== brokerTopic;
}

/** Makes the filter: true for a message that is shown. `topics`: names, rooms, prefixes; none: all messages. */
export function tapFilter(topics: readonly string[], filter: TapFilter): (envelope: Envelope) => boolean {
  const { from, to, type, kind } = filter;
  const hides = hidesBroker(topics, filter);
  // The operator also gets its own messages, which nobody may have asked for.
  const isAskedFor = (topic: string): boolean =>
    topics.length === 0 ||
    topics.some((one) => (subscriptionKind(one) === "exact" ? one === topic : topic.startsWith(one)));
  return (envelope) =>
    isAskedFor(envelope.to) &&
    !(hides && isOfBroker(envelope)) &&
    (from === undefined || envelope.from === from) &&
    (to === undefined || envelope.to === to) &&
    (type === undefined || envelope.type === type) &&
    (kind === undefined || (envelope.content.kind ?? "chat") === kind);
}

/** True for a request to the broker, its answer and its events; not for what it tells an agent unasked. */
function isOfBroker({ from, to, type }: Envelope): boolean {
  return to === brokerTopic || to === eventsTopic || (from === brokerTopic && type === "response");
}

/** Why no message can be sent to this topic, or to a topic with this prefix; undefined if one can. */
export function topicRule(topic: string): string | undefined {
  const kind = subscriptionKind(topic);
  if (kind === "tap") return undefined;
  if (topic.startsWith("#")) {
    const room = kind === "prefix" ? `${topic.slice(0, -1)}-` : topic;
    return isRoom(room) && !/[/:]/.test(topic)
      ? undefined
      : "a room is # and 1–64 of A-Z a-z 0-9 _ - . and does not end in .";
  }
  if (kind === "prefix" || topic === everyone || topicKind(topic) !== undefined) return undefined;
  return `no agent can have a name that ${agentNameProblem(topic) ?? "is this"}`;
}
