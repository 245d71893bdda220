import { randomUUID } from "node:crypto";
import type { Roster } from "../../../clients/typescript/agentchat/client.js";
import { untrustedText } from "../output.js";
import type { Chat } from "./chat.js";
import { CommandFailure, exitCodes, failureLine, serverCode } from "./exit.js";

/** Sends a message and waits until the server has taken or refused it. @throws AgentChatError as the library's deliver */
export async function deliver(chat: Chat, to: string, text: string, msgId: string = randomUUID()): Promise<void> {
  await chat.deliver(to, text, { msgId });
}

/** Refusals that say by their code that they are about a message, or about who or where it was for. */
const ofMessages: readonly string[] = ["CHANNEL_NOT_FOUND", "NOT_INVITED", "AGENT_NOT_FOUND"];

/**
 * What a failed delivery means for a command that ends with it: the exit code is 4, also where it is not known whether
 * the server has taken the message, and the words say so.
 */
export function undelivered(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || thrown instanceof CommandFailure) return thrown;
  const [code, msgId, ref] = (["code", "msgId", "ref"] as const).map((field) => textIn(thrown, field));
  if (code === "TIMEOUT" || (code === "CLOSED" && !thrown.message.startsWith("not connected")))
    return new CommandFailure(exitCodes.refused, failureLine(thrown), thrown);
  if (msgId === undefined || ref !== undefined || ofMessages.includes(code ?? "")) return thrown;
  return new CommandFailure(
    exitCodes.refused,
    `${failureLine(thrown)}; the server does not say what it refuses, so it is not known whether the message was taken: ` +
      "check before you send it again",
    thrown,
  );
}

function textIn(error: Error, field: "code" | "msgId" | "ref"): string | undefined {
  const [, value]: readonly unknown[] = Object.entries(error).find(([key]) => key === field) ?? [];
  return typeof value === "string" ? value : undefined;
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
