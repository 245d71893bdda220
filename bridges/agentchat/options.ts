import { z } from "zod";
import { limit } from "#dialect";

/** AgentChat's own limits (AgentChat §7). */
export const limits = z.object({
  agentchatRatePerSecond: limit(1, "AgentChat: messages per second of one session. A rate of 0 is off."),
  agentchatBurst: limit(10, "AgentChat: messages that one session may send at once before its rate counts."),
});

/** As many past messages as a room keeps. */
const replayMax = 20;

const strictness = z.enum(["lenient", "strict"]).default("lenient");

/** How strict AgentChat is, and what it does unasked (AgentChat §3, §4.4, §5). */
export const settings = z
  .strictObject({
    identity: strictness.describe("strict: every AgentChat client must prove that it owns a key."),
    signatures: strictness.describe("strict: a message whose signature does not verify is refused."),
    unproved: z
      .array(z.string().regex(/^@?[0-9a-f]{16}$/, "must be an agent id: @ and 16 of 0-9 a-f"))
      .readonly()
      .default([])
      .describe(
        "Agent ids whose keys are let in without proof, even if they were proved here before; " +
          "then whoever knows such a public key can come under its id, in other dialects whoever knows the id.",
      ),
    replay: z
      .int()
      .min(0)
      .max(replayMax)
      .default(0)
      .describe("JOIN of a public channel tells so many past messages if the client does not say how many it wants."),
  })
  .describe("How strict AgentChat is, and what it does unasked.");

/** The limits of AgentChat, with numbers for all. */
export type AgentchatLimits = z.output<typeof limits>;

/** The settings of AgentChat, with a value for all. */
export type AgentchatSettings = z.output<typeof settings>;
