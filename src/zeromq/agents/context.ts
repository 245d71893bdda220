import {
  networkOf,
  type Clock,
  type Exchange,
  type Ledger,
  type Limits,
  type Log,
  type Router,
} from "../../core/index.js";
import type { Requests } from "../../conversation/index.js";
import type { Directory } from "../../directory/index.js";
import type { Identity, Limiter, LoginListener } from "../../identity/index.js";

/** What the parts of this folder need; built once by the composition root. */
export interface ZeromqContext {
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
  /** Hears of logins. */
  readonly witness?: LoginListener;
}

/** Warnings that one address gets written into the log: a few, then one a minute. */
const warnings = { perSecond: 1 / 60, burst: 5 };

/** Logs what somebody at `remote` did, unless that address fills the log already. Whoever calls counts it. */
export function warn(
  { limiter, log }: ZeromqContext,
  remote: string,
  event: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  if (limiter.take(`local-log ${networkOf(remote)}`, warnings) === 0) log("warn", event, { remote, ...fields });
}
