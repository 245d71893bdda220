import { randomUUID } from "node:crypto";
import type { Chat } from "./chat.js";
import { CommandFailure, exitCodes, serverCode } from "./exit.js";
import { untrustedText } from "./harmless.js";

/** A message's refusal names it, so the messages of these commands bear a mark. */
const mark = "cli-";

/** A `msg_id` for {@link deliver}. */
export function newMsgId(): string {
  return `${mark}${randomUUID()}`;
}

/** Says something and waits until the server has taken or refused it. @throws AgentChatError the refusal */
export async function deliver(chat: Chat, to: string, text: string, msgId = newMsgId()): Promise<void> {
  const refusals: Error[] = [];
  const refused = (error: Error): void => {
    if (refOf(error) === msgId) refusals.push(error);
  };
  chat.on("error", refused);
  try {
    await chat.send(to, text, { msgId });
    await answered(chat);
  } finally {
    chat.off("error", refused);
  }
  const [refusal] = refusals;
  if (refusal !== undefined) throw refusal;
}

/**
 * Says something; a channel that only its members speak in is entered first.
 * @throws AgentChatError the refusal, CommandFailure if one is not invited
 */
export async function deliverInside(chat: Chat, to: string, text: string, msgId: string): Promise<void> {
  try {
    await deliver(chat, to, text, msgId);
  } catch (thrown) {
    if (serverCode(thrown) !== "NOT_INVITED" || !to.startsWith("#")) throw thrown;
    await enter(chat, to);
    await deliver(chat, to, text, msgId);
  }
}

/** Joins a channel. @throws CommandFailure if one is not invited, AgentChatError any other refusal */
export async function enter(chat: Chat, channel: string): Promise<void> {
  try {
    await chat.join(channel);
  } catch (thrown) {
    if (serverCode(thrown) !== "NOT_INVITED") throw thrown;
    const who = untrustedText(chat.agentId ?? "@agent-id");
    throw new CommandFailure(
      exitCodes.refused,
      `NOT_INVITED: ${channel} is for those who were invited, and ${who} was not: a member can run agentchat invite SERVER '${channel}' ${who}; then come with that identity, --identity FILE`,
      thrown,
    );
  }
}

/** True for the refusal of a message that {@link deliver} sent: it throws it itself. */
export function isTold(error: Error): boolean {
  return refOf(error)?.startsWith(mark) === true;
}

/**
 * A server answers in order: with the answer to a PING, a good one or not, everything before it is dealt with. It
 * refuses a PING for its rate only;
 * any other refusal that names nothing is one of what was said before, which it could not read.
 * @throws AgentChatError such a refusal
 */
async function answered(chat: Chat): Promise<void> {
  try {
    await chat.ping();
  } catch (thrown) {
    const code = serverCode(thrown);
    if (code !== "RATE_LIMITED" && (code === undefined || !(thrown instanceof Error) || refOf(thrown) === undefined))
      throw thrown;
  }
}

function refOf(error: Error): string | undefined {
  return "ref" in error && typeof error.ref === "string" ? error.ref : undefined;
}
