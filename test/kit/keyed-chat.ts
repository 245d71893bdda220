import type { TestKey } from "./agentchat-keys.js";
import { ChatWire, type ChatFrame } from "./chat-wire.js";

/** A frame of this type. */
export const ofType =
  (wanted: string) =>
  ({ type }: ChatFrame): boolean =>
    type === wanted;

/** Answers the challenge that was heard, or is to come. */
export async function proves(chat: ChatWire, key: TestKey): Promise<void> {
  const { challenge_id, nonce } = await chat.hears(ofType("CHALLENGE"));
  const timestamp = Date.now();
  const signature = key.signs(`AGENTCHAT_AUTH|${String(nonce)}|${String(challenge_id)}|${String(timestamp)}`);
  chat.say({ type: "VERIFY_IDENTITY", challenge_id, signature, timestamp });
  await chat.hears(ofType("VERIFY_SUCCESS"));
}

/** An agent that has proved its key; `mailbox` as IDENTIFY says it. */
export async function enterWithKey(url: string, key: TestKey, mailbox: unknown = false): Promise<ChatWire> {
  const chat = await ChatWire.open(url);
  chat.say({ type: "IDENTIFY", name: "keyed", pubkey: key.pem, mailbox });
  await proves(chat, key);
  return chat;
}

/** A proposal of a task and no more, signed. */
export function proposalOf(key: TestKey, to: TestKey, task: string): ChatFrame {
  return { type: "PROPOSAL", to: `@${to.id}`, task, sig: key.signs(`@${to.id}|${task}||||`) };
}

/** A step about a proposal, signed; `field` is what its signature covers, under its name. */
export function stepOf(
  key: TestKey,
  type: "ACCEPT" | "REJECT" | "COMPLETE" | "DISPUTE",
  id: unknown,
  field: Readonly<Record<string, string>> = {},
): ChatFrame {
  const [covered = ""] = Object.values(field);
  return { type, proposal_id: id, ...field, sig: key.signs(`${type}|${String(id)}|${covered}`) };
}
