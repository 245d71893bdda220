import { z } from "zod";
import { limit } from "#dialect";

/** AgentChat's own limits (AgentChat §7). */
export const limits = z.object({
  agentchatRatePerSecond: limit(1, "AgentChat: messages per second of one session. A rate of 0 is off."),
  agentchatBurst: limit(10, "AgentChat: messages that one session may send at once before its rate counts."),
});

const strictness = z.enum(["lenient", "strict"]).default("lenient");

/** How strict AgentChat is (AgentChat §3, §5). */
export const settings = z
  .strictObject({
    identity: strictness.describe("strict: every AgentChat client must prove that it owns a key."),
    signatures: strictness.describe("strict: a message whose signature does not verify is refused."),
  })
  .describe("How strict AgentChat is.");

/** The limits of AgentChat, with numbers for all. */
export type AgentchatLimits = z.output<typeof limits>;

/** The settings of AgentChat, with a value for all. */
export type AgentchatSettings = z.output<typeof settings>;
