import { fieldsOfType, textField, type Phrasebook } from "#dialect";

/** How a PAN client speaks (PAN §1–6). */
export const phrasebook: Phrasebook = {
  login: (agentId, token = "") => [JSON.stringify({ type: "auth", agentId, name: agentId, token })],
  welcomed: (frame, name) => (fieldsOfType(frame, "system")?.["status"] === "success" ? name : undefined),
  say: (to, text) => JSON.stringify({ type: "chat", to, text, intent: "inform" }),
  textOf: (frame) => textField(fieldsOfType(frame, "chat"), "text"),
  refusalOf(frame) {
    const event = fieldsOfType(frame, "error");
    const code = textField(event, "code");
    return code === undefined ? undefined : { code, message: textField(event, "message") ?? "" };
  },
  perSecond: 5,
};
