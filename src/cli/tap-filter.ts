import {
  agentNameProblem,
  everyone,
  Fault,
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
}

/**
 * Refuses names and topics that cannot exist: with them the filter would show nothing, which looks like silence.
 * @throws Fault malformed, with the rule
 */
export function checkTap(topics: readonly string[], { from, to }: TapFilter): void {
  for (const topic of topics) {
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
  const speaker = from === undefined || from.startsWith("$") ? undefined : agentNameProblem(from);
  if (speaker !== undefined)
    throw new Fault("malformed", `--from ${JSON.stringify(from)}: no agent can have a name that ${speaker}`);
}

/** Makes the filter: true for a message that is shown. `topics`: names, rooms, prefixes; none: all messages. */
export function tapFilter(
  topics: readonly string[],
  { from, to, type, kind }: TapFilter,
): (envelope: Envelope) => boolean {
  // The operator also gets its own messages, which nobody may have asked for.
  const isAskedFor = (topic: string): boolean =>
    topics.length === 0 ||
    topics.some((one) => (subscriptionKind(one) === "exact" ? one === topic : topic.startsWith(one)));
  return (envelope) =>
    isAskedFor(envelope.to) &&
    (from === undefined || envelope.from === from) &&
    (to === undefined || envelope.to === to) &&
    (type === undefined || envelope.type === type) &&
    (kind === undefined || (envelope.content.kind ?? "chat") === kind);
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
