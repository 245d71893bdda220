import { z } from "zod";
import { contactsSetting, limit } from "#dialect";

/** Agent Network's own limits (Agent Network §2.8, §2.9, §3.5, §7). */
export const limits = z.object({
  networkRatePerSecond: limit(10, "Agent Network: messages per second of one agent. A rate of 0 is off."),
  networkRateBurst: limit(50, "Agent Network: messages that one agent may send at once before its rate counts."),
  networkBroadcastMs: limit(10_000, "Agent Network: messages to `all`: one per this many milliseconds. 0 is off."),
  networkBroadcastBurst: limit(
    2,
    "Agent Network: messages to `all` that may be sent at once before their rate counts.",
  ),
  networkBatchMax: limit(50, "Agent Network: messages that one frame of MessagePack holds at most."),
  networkHeartbeatMs: limit(30_000, "Agent Network: the heartbeat interval that clients are told, milliseconds."),
  networkHeartbeatsMax: limit(60, "Agent Network: heartbeats of one connection in 10 s that are free of its rate."),
  networkSilenceMs: limit(
    90_000,
    "Agent Network: a connection is ended (4408) after 3 heartbeat intervals without a sign of life, and after so many milliseconds at least.",
  ),
  networkAgentsPerUserMax: limit(10, "Agent Network: agents of one user that are connected at once."),
  networkAwaitedMax: limit(32, "Agent Network: absent agents of whose coming one session is told; the oldest goes."),
  networkAwaitedTotalMax: limit(10_000, "Agent Network: the same of all sessions together; the oldest goes."),
});

/** The limits of Agent Network, with numbers for all. */
export type NetworkLimits = z.output<typeof limits>;

/** Who may have to do with whom (protocols §1.20). */
export const settings = z
  .strictObject({ contacts: contactsSetting })
  .describe("Who may have to do with agents of Agent Network.");

/** The settings of Agent Network, with a value for all. */
export type NetworkSettings = z.output<typeof settings>;
