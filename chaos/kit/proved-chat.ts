import type { TestKey } from "../../test/kit/agentchat-keys.js";
import { ChatWire, type ChatFrame } from "../../test/kit/chat-wire.js";

/** An AgentChat session that has proved its key; with `hears`, which is given every frame, it has a mailbox. */
export async function enterProved(url: string, key: TestKey, hears?: (frame: ChatFrame) => void): Promise<ChatWire> {
  const wire = await ChatWire.open(url);
  if (hears !== undefined)
    wire.socket.on("message", (data: Buffer) => {
      for (const line of data.toString().split("\n")) hears(JSON.parse(line) as ChatFrame);
    });
  wire.say({ type: "IDENTIFY", name: "party", pubkey: key.spki, ...(hears !== undefined && { mailbox: true }) });
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
