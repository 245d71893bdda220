import { readJson, textField, type Frame, type Phrasebook } from "#dialect";
import { systemId } from "./codec.js";

type Fields = Readonly<Record<string, unknown>>;

/** How an Agent Network client speaks (Agent Network §1–3). */
export const phrasebook: Phrasebook = {
  login: (agentId, token = "") => [JSON.stringify({ type: "AUTH", token, agentId })],
  welcomed: (frame, name) => (systemContent(frame, "CONNECTED") === undefined ? undefined : name),
  say: (to, text) => plainMessage(to, "INFORM", { text }),
  spokenBy: (frame, name) => {
    const fields = fieldsOf(frame);
    return fields?.["senderId"] === "" ? JSON.stringify({ ...fields, senderId: name }) : frame;
  },
  textOf(frame) {
    const { senderId, content } = fieldsOf(frame) ?? {};
    if (senderId === systemId || !isFields(content)) return undefined;
    for (const part of [content, content["parameters"], content["data"]])
      if (isFields(part) && typeof part["text"] === "string") return part["text"];
    return undefined;
  },
  refusalOf(frame) {
    const error = systemContent(frame, "ERROR");
    const code = textField(error, "errorCode");
    if (code !== undefined) return { code, message: textField(error, "message") ?? "" };
    const answer = systemContent(frame, "RESPONSE")?.["error"];
    if (!isFields(answer)) return undefined;
    return { code: textField(answer, "code") ?? "", message: textField(answer, "message") ?? "" };
  },
  proofWanted: "AUTHENTICATION_FAILED",
  perSecond: 10,
};

/** A plain message without its sender, whom `spokenBy` adds. */
export function plainMessage(recipientId: string, messageType: string, content: Fields): string {
  return JSON.stringify({
    messageId: "1",
    conversationId: "1",
    senderId: "",
    recipientId,
    messageType,
    content,
    timestamp: 0,
    metadata: { priority: "NORMAL", encrypted: false, requiresResponse: false },
  });
}

/** The content of a frame that the broker has sent. */
function systemContent(frame: Frame, messageType: string): Fields | undefined {
  const fields = fieldsOf(frame);
  if (fields?.["senderId"] !== systemId || fields["messageType"] !== messageType) return undefined;
  return isFields(fields["content"]) ? fields["content"] : undefined;
}

function fieldsOf(frame: Frame): Fields | undefined {
  const json = typeof frame === "string" ? readJson(frame) : undefined;
  return json !== undefined && "value" in json && isFields(json.value) ? json.value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
