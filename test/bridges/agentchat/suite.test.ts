import { agentchat } from "../../../bridges/agentchat/index.js";
import { phrasebook } from "../../../bridges/agentchat/phrasebook.js";
import { keyFor } from "../../kit/agentchat-keys.js";
import type { Frame } from "../../../src/dialect/index.js";
import { conformanceTests } from "../../kit/conformance.js";

interface Told {
  readonly type: string;
  readonly kind?: string;
  readonly data?: unknown;
  readonly ref?: string;
}

const read = (frame: Frame): Told => JSON.parse(frame.toString()) as Told;

conformanceTests({
  dialect: agentchat,
  // With a key, so that a name can be had again: ids of sessions without one are random.
  phrasebook: {
    ...phrasebook,
    login: (name) => [JSON.stringify({ type: "IDENTIFY", name, pubkey: keyFor(name).spki, echo: false })],
  },
  command: (type) => JSON.stringify({ type }),
  join: (channel) => JSON.stringify({ type: "JOIN", channel }),
  leave: (channel) => JSON.stringify({ type: "LEAVE", channel }),
  joinWithHistory: (channel, replay) => JSON.stringify({ type: "JOIN", channel, replay }),
  list: () => JSON.stringify({ type: "LIST_CHANNELS" }),
  senderOf: (frame) => (JSON.parse(frame.toString()) as { from?: string }).from?.slice(1),
  questions: {
    ask: (kind, data, msg_id) => JSON.stringify({ type: "ASK", kind, data, msg_id }),
    answerOf(frame) {
      const { type, ref: id = "", kind = "", data } = read(frame);
      return type === "ANSWER" ? { id, kind, data } : undefined;
    },
    refusedIdOf(frame) {
      const { type, ref } = read(frame);
      return type === "ERROR" ? ref : undefined;
    },
  },
  forged: (to, content, from) =>
    JSON.stringify({ type: "MSG", to: to.startsWith("#") ? to : `@${to}`, content, from: `@${from}` }),
  without: ["tokens", "agent-allowance"],
});
