import { readJson, type Frame, type Phrasebook } from "#dialect";

/** How a PAN client speaks (PAN §1–6). */
export const phrasebook: Phrasebook = {
  login: (agentId, token = "") => [JSON.stringify({ type: "auth", agentId, name: agentId, token })],
  welcomed: (frame, name) => (told(frame, "system")?.["status"] === "success" ? name : undefined),
  say: (to, text) => JSON.stringify({ type: "chat", to, text, intent: "inform" }),
  textOf: (frame) => textIn(told(frame, "chat"), "text"),
  refusalOf(frame) {
    const event = told(frame, "error");
    const code = textIn(event, "code");
    return code === undefined ? undefined : { code, message: textIn(event, "message") ?? "" };
  },
  perSecond: 5,
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
