import type { BacklogTotal, Clock, Exchange, Ledger, Limits, Log, Router } from "../../core/index.js";
import type { Conversations, Requests } from "../../conversation/index.js";
import type { Answerer } from "../../directory/index.js";
import type { Services } from "../../dialect/index.js";
import type { GoingOn } from "./session-loop.js";
import type { NameConflicts } from "./name-conflicts.js";

/** What every session of every dialect works with. */
export interface EngineContext {
  readonly exchange: Exchange;
  readonly router: Router;
  readonly ledger: Ledger;
  /** The bytes that wait of all connections. */
  readonly total: Pick<BacklogTotal, "take" | "release" | "leave">;
  readonly services: Services;
  readonly requests: Requests;
  readonly conversations: Conversations;
  readonly clock: Clock;
  /** The core's limits; those of the dialects are in the same object. */
  readonly limits: Limits;
  /** The settings of each dialect, by its name. */
  readonly settings: Readonly<Record<string, object>>;
  readonly newId: () => string;
  readonly log: Log;
  /** Answers what sessions ask the broker. */
  readonly desk: Answerer;
  readonly names: NameConflicts;
  readonly goOn: GoingOn;
  /** Shared data topics that are nobody's name. */
  readonly dataTopics: ReadonlySet<string>;
}
