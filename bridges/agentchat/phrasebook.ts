import { readJson, type Frame, type Phrasebook } from "#dialect";

/** How an AgentChat client without a key speaks (AgentChat §2). */
export const phrasebook: Phrasebook = {
  login: (name) => [JSON.stringify({ type: "IDENTIFY", name, echo: false })],
  welcomed: (frame) => textIn(told(frame, "WELCOME"), "agent_id")?.slice(1),
  say: (to, text) => JSON.stringify({ type: "MSG", to: to.startsWith("#") ? to : `@${to}`, content: text }),
  textOf: (frame) => textIn(told(frame, "MSG"), "content"),
  refusalOf(frame) {
    const event = told(frame, "ERROR");
    const code = textIn(event, "code");
    return code === undefined ? undefined : { code, message: textIn(event, "message") ?? "" };
  },
  proofWanted: "AUTH_REQUIRED",
  perSecond: 1,
};

type Told = Readonly<Record<string, unknown>>;

/** The event of this type in a frame. */
function told(frame: Frame, type: string): Told | undefined {
  const json = typeof frame === "string" ? readJson(frame, 64) : { problem: "binary" };
  if ("problem" in json || typeof json.value !== "object" || json.value === null) return undefined;
  const event = json.value as Told;
  return event["type"] === type ? event : undefined;
}

function textIn(event: Told | undefined, field: string): string | undefined {
  const value = event?.[field];
  return typeof value === "string" ? value : undefined;
}
