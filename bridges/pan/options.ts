import { z } from "zod";
import { limit } from "#dialect";

/** PAN's own limits (PAN §2.1, §6). */
export const limits = z.object({
  panRatePerSecond: limit(5, "PAN: messages per second of one agent. A rate of 0 is off."),
  panRateBurst: limit(10, "PAN: messages that one agent may send at once before its rate counts."),
  panBroadcastMs: limit(10_000, "PAN: messages to `all`: one per this many milliseconds. 0 is off."),
  panBroadcastBurst: limit(2, "PAN: messages to `all` that may be sent at once before their rate counts."),
});

/** The limits of PAN, with numbers for all. */
export type PanLimits = z.output<typeof limits>;
