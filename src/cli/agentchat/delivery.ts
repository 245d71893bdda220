import { randomUUID } from "node:crypto";
import type { Roster } from "../../../clients/typescript/agentchat/client.js";
import { untrustedText } from "../output.js";
import type { Chat } from "./chat.js";
import { CommandFailure, exitCodes, serverCode } from "./exit.js";

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

/**
 * Does something that is addressed to `to`; where that is nobody's id, but somebody's name, the refusal tells the id.
 * @throws the refusal
 */
export async function addressing<T>(chat: Chat, to: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    if (serverCode(thrown) !== "AGENT_NOT_FOUND" || !(thrown instanceof Error)) throw thrown;
    const name = to.replace(/^@/, "");
    const bearers = bearersOf(name, await rostersOf(chat, ["#general", "#agents"]));
    if (bearers.length === 0) throw thrown;
    const known =
      bearers.length === 1
        ? `an agent called ${name} is ${bearers.join("")}`
        : `agents called ${name} are ${bearers.join(" ")}`;
    throw new CommandFailure(
      exitCodes.refused,
      untrustedText(`AGENT_NOT_FOUND: ${thrown.message.replace(/;.*$/, "")}; ${known}`),
      thrown,
    );
  }
}

/** A channel that cannot be looked into, or not now, tells nothing. */
async function rostersOf(chat: Chat, channels: readonly string[]): Promise<readonly Roster[]> {
  const asked = await Promise.allSettled(channels.map((channel) => chat.roster(channel)));
  return asked.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
}

/** The agents that bear a display name. */
function bearersOf(name: string, rosters: readonly Roster[]): readonly string[] {
  return [
    ...new Set(
      rosters.flatMap(({ names }) =>
        Object.entries(names).flatMap(([agent, called]) => (called === name ? [agent] : [])),
      ),
    ),
  ];
}
