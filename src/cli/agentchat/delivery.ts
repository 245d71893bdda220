import { randomUUID } from "node:crypto";
import type { Roster } from "../../../clients/typescript/agentchat/client.js";
import { untrustedText } from "../output.js";
import type { Chat } from "./chat.js";
import { CommandFailure, exitCodes, serverCode } from "./exit.js";

/** Marks the messages of these commands: a refusal names the message that it refuses. */
const mark = "cli-";

/** A `msg_id` for {@link deliver}. */
export function newMsgId(): string {
  return `${mark}${randomUUID()}`;
}

/** Sends a message and waits until the server has accepted or refused it. @throws AgentChatError the refusal */
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
 * Sends a message; if only members may send to the channel, it joins the channel first.
 * @throws AgentChatError the refusal; CommandFailure if this agent is not invited
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

/** Joins a channel. @throws CommandFailure if this agent is not invited; AgentChatError any other refusal */
export async function enter(chat: Chat, channel: string): Promise<void> {
  try {
    await chat.join(channel);
  } catch (thrown) {
    if (serverCode(thrown) !== "NOT_INVITED") throw thrown;
    const who = untrustedText(chat.agentId ?? "@agent-id");
    throw new CommandFailure(
      exitCodes.refused,
      `NOT_INVITED: ${channel} is for invited agents, and ${who} was not invited: a member can run ` +
        `agentchat invite SERVER '${channel}' ${who}; then use that identity, --identity FILE`,
      thrown,
    );
  }
}

/** True for the refusal of a message of {@link deliver}, which throws it: nobody else needs to report it. */
export function isTold(error: Error): boolean {
  return refOf(error)?.startsWith(mark) === true;
}

/**
 * Waits until the server has handled everything sent before. It answers in order, so the answer to a PING shows it,
 * even if it is a refusal. A server refuses a PING only for its rate; any other refusal without a reference is about an
 * earlier message that the server could not read.
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
 * Does something that is addressed to `to`. If `to` is not an id, but the name of an agent, the refusal tells the id.
 * @throws what `act` throws; CommandFailure with the ids
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

/** The members of each channel; a channel that refuses to list them is left out. */
async function rostersOf(chat: Chat, channels: readonly string[]): Promise<readonly Roster[]> {
  const asked = await Promise.allSettled(channels.map((channel) => chat.roster(channel)));
  return asked.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
}

/** The ids of the agents with this display name. */
function bearersOf(name: string, rosters: readonly Roster[]): readonly string[] {
  return [
    ...new Set(
      rosters.flatMap(({ names }) =>
        Object.entries(names).flatMap(([agent, called]) => (called === name ? [agent] : [])),
      ),
    ),
  ];
}
