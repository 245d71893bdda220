import { z } from "zod";
import { limit } from "#dialect";

/** Echo's own limits. */
export const limits = z.object({
  echoRatePerSecond: limit(5, "Echo: messages per second of one agent. A rate of 0 is off."),
  echoRateBurst: limit(10, "Echo: messages that one agent may send at once before its rate counts."),
});

export type EchoLimits = z.output<typeof limits>;
