import { randomUUID } from "node:crypto";
import type { Chat } from "./chat.js";
import { serverCode } from "./exit.js";

/** A message's refusal names it, so the messages of these commands bear a mark. */
const mark = "cli-";

/** Says something and waits until the server has taken or refused it. @throws AgentChatError the refusal */
export async function say(chat: Chat, to: string, text: string): Promise<void> {
  const msgId = `${mark}${randomUUID()}`;
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

/** True for the refusal of a message that `say` sent: it throws it itself. */
export function isTold(error: Error): boolean {
  return refOf(error)?.startsWith(mark) === true;
}

/** A server answers in order: with the answer to a PING, a good one or not, everything before it is dealt with. */
async function answered(chat: Chat): Promise<void> {
  try {
    await chat.ping();
  } catch (thrown) {
    if (serverCode(thrown) === undefined) throw thrown;
  }
}

function refOf(error: Error): string | undefined {
  return "ref" in error && typeof error.ref === "string" ? error.ref : undefined;
}
