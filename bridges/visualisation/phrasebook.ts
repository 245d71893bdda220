import { fieldsOfType, textField, type Frame, type Phrasebook } from "#dialect";

/** How a viewer speaks that commands agents (Visualisation §1.5, §5.1). */
export const phrasebook: Phrasebook = {
  login: (name, token) => [
    JSON.stringify({
      type: "handshake",
      version: "2.0",
      capabilities: [],
      clientId: name,
      ...(token !== undefined && { token }),
    }),
  ],
  welcomed: (frame, name) => (fieldsOfType(frame, "handshake_ack") === undefined ? undefined : name),
  say: (to, text) => JSON.stringify({ id: text, type: "control.execute", payload: { targetAgent: to, command: text } }),
  textOf: (frame) =>
    textField(inPayload(inPayload(fieldsOfType(frame, "control.result"), "payload"), "result"), "message"),
  refusalOf(frame: Frame) {
    const payload = inPayload(fieldsOfType(frame, "error"), "payload");
    const code = textField(payload, "code");
    return code === undefined ? undefined : { code, message: textField(payload, "message") ?? "" };
  },
  proofWanted: "AUTH_FAILED",
  isForViewers: true,
  perSecond: 10,
};

type Fields = Readonly<Record<string, unknown>>;

function inPayload(fields: Fields | undefined, name: string): Fields | undefined {
  const value = fields?.[name];
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}
