import { z } from "zod";
import { limit, webhookHostsSetting } from "#dialect";

/** Visualisation's own limits (Visualisation §1.8, §1.9). */
export const limits = z.object({
  visualisationRatePerSecond: limit(10, "Visualisation: messages per second of one connection. A rate of 0 is off."),
  visualisationRateBurst: limit(
    50,
    "Visualisation: messages that one connection may send at once before its rate counts.",
  ),
  visualisationHeartbeatMs: limit(30_000, "Visualisation: the heartbeat interval that clients are told, milliseconds."),
  visualisationHeartbeatsMax: limit(
    60,
    "Visualisation: heartbeats of one connection in 10 s that are free of its rate.",
  ),
  visualisationSilenceMs: limit(
    90_000,
    "Visualisation: a connection is ended (4408) after 3 heartbeat intervals without a sign of life, and after so many milliseconds at least.",
  ),
});

/** The limits of visualisation, with numbers for all. */
export type VisualisationLimits = z.output<typeof limits>;

/** Where answers may be POSTed (Visualisation §5.4). */
export const settings = z
  .strictObject({ webhookHosts: webhookHostsSetting })
  .describe("Where the broker may POST what comes of a command.");

/** The settings of visualisation, with a value for all. */
export type VisualisationSettings = z.output<typeof settings>;
