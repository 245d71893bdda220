import type { Clock, Exchange, Ledger, Limits, Log, Requests, Router } from "../core/index.js";
import type { Directory, Identity, Limiter } from "../services/index.js";

/** What the parts of this folder need; built once by the composition root. */
export interface LocalContext {
  readonly router: Router;
  readonly exchange: Exchange;
  readonly ledger: Ledger;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly directory: Directory;
  readonly identity: Identity;
  readonly limiter: Limiter;
  readonly requests: Requests;
  readonly newId: () => string;
  readonly log: Log;
  /** Shared topics that are nobody's name (`topics` in the configuration). */
  readonly dataTopics: readonly string[];
  /** What `broker.status` answers the operator. */
  readonly status: () => Readonly<Record<string, unknown>>;
}
