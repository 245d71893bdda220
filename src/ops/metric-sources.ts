import type { Ledger } from "../core/index.js";
import type { LatencyHistogram } from "./latency-histogram.js";
import type { LoginAudit } from "./login-audit.js";
import type { LoopDelay } from "./loop-delay.js";

/** How many connections one door has, of one kind. */
export interface DoorCount {
  readonly door: "publisher" | "subscriber" | "websocket";
  /** `none`: not known yet. */
  readonly dialect: string;
  readonly count: number;
}

/**
 * What the metrics are read from, at the moment they are asked for. Nothing here may carry the name of an agent, a
 * topic or a room.
 */
export interface MetricSources {
  /** Wall clock of the broker's start, milliseconds. */
  readonly startedAt: number;
  readonly ledger: Ledger;
  readonly logins: Pick<LoginAudit, "logins" | "failures" | "displaced" | "cut">;
  readonly latency: LatencyHistogram;
  readonly connections: () => Iterable<DoorCount>;
  /** Sessions that have logged in, by dialect. */
  readonly sessions: () => Readonly<Record<string, number>>;
  /** The dialect of each agent that is listed. */
  readonly agents: () => Iterable<{ readonly dialect: string }>;
  readonly rooms: () => Iterable<{ readonly inviteOnly: boolean }>;
  readonly backlogBytes: () => number;
  readonly openRequests: () => number;
  readonly loopDelay: () => LoopDelay;
  readonly residentBytes: () => number;
  /** True while the broker takes work. */
  readonly isReady: () => boolean;
}
