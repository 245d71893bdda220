import type { TestKey } from "../../test/kit/agentchat-keys.js";
import { ChatWire, type ChatFrame } from "../../test/kit/chat-wire.js";

/** An AgentChat session that has proved its key. */
export async function enterProved(url: string, key: TestKey): Promise<ChatWire> {
  const wire = await ChatWire.open(url);
  wire.say({ type: "IDENTIFY", name: "party", pubkey: key.spki });
  const { challenge_id: id, nonce } = await wire.hears(({ type }) => type === "CHALLENGE");
  const timestamp = Date.now();
  wire.say({
    type: "VERIFY_IDENTITY",
    challenge_id: id,
    timestamp,
    signature: key.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(id)}|${String(timestamp)}`),
  });
  await wire.hears(({ type }) => type === "VERIFY_SUCCESS");
  return wire;
}

/** A proposal from one key to another, signed. */
export function offer(by: TestKey, to: TestKey, task: string): ChatFrame {
  return { type: "PROPOSAL", to: `@${to.id}`, task, sig: by.signs(`@${to.id}|${task}||||`) };
}
