import { randomUUID } from "node:crypto";
import {
  agentNameProblem,
  defaultLimits,
  Fault,
  isNestedDeeper,
  jsonDepthMax,
  writeEnvelope,
  type Content,
  type Envelope,
  type MessageType,
} from "../../../src/core/index.js";
import { refuseNoJsonNumber } from "../shared/no-json-number.js";
import type { AgentOptions, Said, SendOptions } from "./options.js";
import { fieldsOf } from "./said-options.js";
import { shown } from "../shared/shown.js";

const { zmqTopicMaxBytes: topicMaxBytes } = defaultLimits;

/** What an application says, as the content of a message. In JavaScript anything can be given. @throws Fault malformed */
export function contentOf(said: Said): Content {
  const given: unknown = said;
  if (typeof given === "string") return { message: given };
  if (typeof given !== "object" || given === null || Array.isArray(given) || !("message" in given))
    throw new Fault("malformed", "say a text, or an object with a text under message");
  const { message, kind }: { readonly message: unknown; readonly kind?: unknown } = given;
  if (typeof message !== "string")
    throw new Fault("malformed", "message is no text; say a text there, and put values for programs under data");
  if (kind !== undefined && typeof kind !== "string")
    throw new Fault("malformed", "kind is no text; it names what data holds");
  return { ...given, message, ...(kind !== undefined && { kind }) };
}

/** @throws Fault malformed for what cannot be an agent's name. In JavaScript anything can be given */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string")
    throw new Fault("malformed", `the name is ${shown(name)}; give the agent's name as a text: name: "ada"`);
  const problem = agentNameProblem(name);
  if (problem !== undefined) throw new Fault("malformed", `the name ${shown(name)} ${problem}; choose another`);
}

/** @throws Fault malformed for what is no text of at most 1,024 bytes: no topic is longer */
export function checkTopic(topic: unknown): void {
  if (typeof topic !== "string")
    throw new Fault("malformed", `the topic is ${shown(topic)}; give a name or topic as a text`);
  const size = Buffer.byteLength(topic);
  if (size > topicMaxBytes)
    throw new Fault("malformed", `the topic has ${size} bytes; use a shorter one, of ${topicMaxBytes} at most`);
}

/** A message before it is an envelope. `more`: what only the agent itself writes into it. */
export interface Outgoing {
  readonly from: string;
  readonly to: string;
  readonly type: MessageType;
  readonly said: Said;
  readonly options: SendOptions;
  readonly more: Partial<Envelope>;
}

/**
 * A message as JSON.
 * @throws Fault malformed, also for what is nested deeper than readers read (protocols §3.17); too-large
 */
export function payloadOf(
  { from, to, type, said, options, more }: Outgoing,
  { displayName, messageMaxBytes }: Pick<AgentOptions, "displayName"> & { readonly messageMaxBytes: number },
): string {
  checkTopic(to);
  const { message_id: messageId = randomUUID(), priority = "NORMAL", ...fields } = fieldsOf(options);
  const payload = written({
    message_id: messageId,
    timestamp: new Date().toISOString(),
    from,
    to,
    type,
    priority,
    content: contentOf(said),
    ...fields,
    ...(displayName !== undefined && { from_name: displayName }),
    ...more,
  });
  // The broker closes the connection of an agent that sends more: messages that wait behind it would be lost, too.
  const size = Buffer.byteLength(payload);
  if (size > messageMaxBytes)
    throw new Fault(
      "too-large",
      `the message has ${size} bytes, and the broker takes ${messageMaxBytes} ` +
        "(its zmqFrameMaxBytes; if it is set otherwise, give the agent the same number as messageMaxBytes)",
    );
  return payload;
}

/** @throws Fault malformed for what cannot be written as JSON, or is nested deeper than readers read (protocols §3.17) */
function written(envelope: Envelope): string {
  let payload: string;
  try {
    payload = writeEnvelope(envelope);
  } catch (thrown) {
    const { message } = thrown instanceof Error ? thrown : { message: shown(thrown) };
    throw new Fault(
      "malformed",
      `the content cannot be written as JSON (${message.split("\n", 1)[0] ?? ""}); say plain texts, numbers, lists and objects`,
      { cause: thrown },
    );
  }
  refuseNoJsonNumber({ content: envelope.content }, payload);
  if (isNestedDeeper(payload, jsonDepthMax))
    throw new Fault(
      "malformed",
      `the message is nested deeper than ${jsonDepthMax} levels; say it flatter, or as a text`,
    );
  return payload;
}
