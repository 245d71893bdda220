import type { z } from "zod";
import type { AnyDialect } from "#dialect";
import { agentNetwork } from "./agent-network/index.js";
import type { limits as networkLimits, settings as networkSettings } from "./agent-network/options.js";
import { agentchat } from "./agentchat/index.js";
import type { limits as agentchatLimits, settings as agentchatSettings } from "./agentchat/options.js";
import { pan } from "./pan/index.js";
import type { limits as panLimits } from "./pan/options.js";
import { visualisation } from "./visualisation/index.js";
import type { limits as visualisationLimits, settings as visualisationSettings } from "./visualisation/options.js";

/** The dialects that a broker answers to. `echo` is template and fixture, not for production. */
export const dialects: readonly AnyDialect[] = [pan, agentchat, agentNetwork, visualisation];

/** Their settings, under the name of each, for programs in TypeScript. */
export interface DialectSettings {
  readonly agentchat?: z.input<typeof agentchatSettings> | undefined;
  readonly "agent-network"?: z.input<typeof networkSettings> | undefined;
  readonly visualisation?: z.input<typeof visualisationSettings> | undefined;
}

/** Their limits. */
export type DialectLimits = z.input<typeof panLimits> &
  z.input<typeof agentchatLimits> &
  z.input<typeof networkLimits> &
  z.input<typeof visualisationLimits>;
