import type { Clock, Exchange, Ledger, Limits, Log, Router } from "../../core/index.js";
import type { Conversations, Requests } from "../../conversation/index.js";
import type { Services } from "../../dialect/index.js";
import type { Speakers } from "./conflict.js";

/** What all parts of the engine share. */
export interface BridgeContext {
  readonly exchange: Exchange;
  readonly router: Router;
  readonly ledger: Ledger;
  readonly services: Services;
  readonly requests: Requests;
  readonly conversations: Conversations;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly newId: () => string;
  readonly log: Log;
  /** Who speaks on a WebSocket, in whatever dialect. */
  readonly speakers: Speakers;
  /** Shared data topics that are nobody's name. */
  readonly dataTopics: ReadonlySet<string>;
}
