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

/** The parts of the broker that this folder works with. Each class names those that it uses. */
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
  /** Is told of logins. */
  readonly witness?: LoginListener;
}

/** Warnings of one kind about one network in the log: five at once, then one a minute. */
const warnings = { perSecond: 1 / 60, burst: 5 };

/**
 * Logs what somebody at `remote` did, unless that network has had its warnings of that kind. The caller counts it in
 * any case.
 */
export function warn(
  { limiter, log }: Pick<ZeromqContext, "limiter" | "log">,
  remote: string,
  event: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  if (limiter.take(`zeromq-log ${networkOf(remote)} ${event}`, warnings) === 0)
    log("warn", event, { remote, ...fields });
}
