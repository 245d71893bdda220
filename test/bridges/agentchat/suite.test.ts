import { agentchat } from "../../../bridges/agentchat/index.js";
import { phrasebook } from "../../../bridges/agentchat/phrasebook.js";
import { keyFor } from "../../kit/agentchat-keys.js";
import { conformanceTests } from "../../kit/conformance.js";

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
  forged: (to, content, from) =>
    JSON.stringify({ type: "MSG", to: to.startsWith("#") ? to : `@${to}`, content, from: `@${from}` }),
  without: ["tokens", "agent-allowance"],
});
