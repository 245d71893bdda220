import { fieldsOfType, textField, type Phrasebook } from "#dialect";

/** How an AgentChat client without a key speaks (AgentChat §2). */
export const phrasebook: Phrasebook = {
  login: (name) => [JSON.stringify({ type: "IDENTIFY", name, echo: false })],
  welcomed: (frame) => textField(fieldsOfType(frame, "WELCOME"), "agent_id")?.slice(1),
  say: (to, text) => JSON.stringify({ type: "MSG", to: to.startsWith("#") ? to : `@${to}`, content: text }),
  textOf: (frame) => textField(fieldsOfType(frame, "MSG"), "content"),
  refusalOf(frame) {
    const event = fieldsOfType(frame, "ERROR");
    const code = textField(event, "code");
    return code === undefined ? undefined : { code, message: textField(event, "message") ?? "" };
  },
  proofWanted: "AUTH_REQUIRED",
  perSecond: 1,
};
