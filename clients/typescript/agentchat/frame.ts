import { shapeProblemText } from "../../../src/core/index.js";
import { AgentChatError } from "./error.js";
import { commands, type Command } from "../../../bridges/agentchat/schema.js";

/** The calls that a server answers: every command but MSG. */
export type CallKind = Exclude<Command["type"], "MSG">;

/** What is about to be said. */
export type CommandFrame<T extends Command["type"] = Command["type"]> = Readonly<Record<string, unknown>> & {
  readonly type: T;
};

/**
 * Checks what can be checked before anything is sent, so that no refusal has to find its way back.
 * @throws AgentChatError INVALID_MSG
 */
export function checkFrame(frame: CommandFrame): void {
  const { type } = frame;
  const checked = commands[type].safeParse(frame);
  if (!checked.success)
    throw new AgentChatError("INVALID_MSG", `${type}: ${shapeProblemText(checked.error, frame)}; nothing was sent`, {
      call: type,
    });
}

/** An agent's id with its `@`. @throws AgentChatError INVALID_MSG if it is no text */
export function atSign(agent: unknown): string {
  if (typeof agent !== "string")
    throw new AgentChatError("INVALID_MSG", "an agent is named by its @agent-id, a text; nothing was sent");
  return agent.startsWith("@") ? agent : `@${agent}`;
}
