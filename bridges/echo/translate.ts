import { brokerTopic, type Draft, type Envelope, type RenderMeta } from "#dialect";
import type { EchoCommand, EchoEvent } from "./schema.js";

/** What a `say` means in the core: text to an agent, a room or `all`. */
export function toDraft({ to, text }: Extract<EchoCommand, { type: "say" }>): Draft {
  return { to, content: { message: text } };
}

/** What the core says, in echo's words; undefined where echo has none. */
export function toEvent(envelope: Envelope, { replay }: Pick<RenderMeta, "replay">): EchoEvent | undefined {
  const { message_id: id, from, to, content } = envelope;
  const data = isRecord(content.data) ? content.data : {};
  // Only the broker tells of faults and of who comes and goes; from an agent the same words are its message.
  if (from === brokerTopic) {
    const { kind, message } = content;
    if (kind === "room.joined" || kind === "room.left")
      return {
        type: kind === "room.joined" ? "joined" : "left",
        room: String(data["room"]),
        agent: String(data["agent"]),
      };
    if (kind === "fault") return { type: "refused", code: String(data["code"]), message };
  }
  return { type: "heard", from, to, text: content.message, id, ...(replay && { replay }) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
