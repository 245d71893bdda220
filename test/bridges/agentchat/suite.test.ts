import { agentchat } from "../../../bridges/agentchat/index.js";
import { keyFor } from "../../kit/agentchat-keys.js";
import { dialectSuite } from "../../kit/dialect-suite.js";

dialectSuite({
  dialect: agentchat,
  path: "/agentchat",
  login: (name) => [JSON.stringify({ type: "IDENTIFY", name, pubkey: keyFor(name).spki, echo: false })],
  idOf: (name) => keyFor(name).id,
  command: (type) => JSON.stringify({ type }),
  say: (to, text) => JSON.stringify({ type: "MSG", to: `@${keyFor(to).id}`, content: text }),
  textOf: (frame) => {
    const event = JSON.parse(frame.toString()) as { type: string; content?: string };
    return event.type === "MSG" ? event.content : undefined;
  },
  isRefusal: (frame) => (JSON.parse(frame.toString()) as { type: string }).type === "ERROR",
});
