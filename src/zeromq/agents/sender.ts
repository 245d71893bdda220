import { readJson, type Message } from "../../core/index.js";

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
