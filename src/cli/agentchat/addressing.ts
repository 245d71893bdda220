import type { Roster } from "../../../clients/typescript/agentchat/client.js";
import type { Chat } from "./chat.js";
import { CommandFailure, exitCodes, serverCode } from "./exit.js";
import { untrustedText } from "./harmless.js";

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
