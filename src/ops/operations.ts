import type { Clock, Ledger, Lifecycle, Limits, Log } from "../core/index.js";
import { RefusedLogins, rehearse, type IdentityTokens, type Limiter, type LoginListener } from "../identity/index.js";
import type { MailboxEvent } from "../mailbox/index.js";
import type { Pages } from "../websocket/edge/front-page.js";
import { AuditLog } from "./audit-log.js";
import type { LatencyHistogram } from "./request-latency.js";
import { LoginAudit } from "./login-audit.js";
import { MailAudit } from "./mail-audit.js";
import { LoopDelayMonitor, type LoopDelay } from "./loop-delay.js";
import type { MetricSources } from "./metric-sources.js";
import type { Metrics } from "./metrics.js";
import { OperatorAccess, operationsPages, Readiness } from "./pages.js";
import { TokenWatch, type TokenConnections } from "./token-watch.js";

/** The parts and counts of a broker that its operations read. */
export interface OperationsOptions extends Pick<
  MetricSources,
  "agents" | "rooms" | "backlogBytes" | "openRequests" | "mailboxes" | "roomLogs"
> {
  readonly auditPath: string;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly limiter: Limiter;
  readonly identity: IdentityTokens;
  readonly latency: LatencyHistogram;
}

/** The parts that have connections. They are made after the operations, because they report logins to them. */
export interface WatchedConnections extends Pick<MetricSources, "connections" | "sessions"> {
  /** The parts whose connections end when their token does. */
  readonly tokenConnections: readonly TokenConnections[];
}

/** Everything by which an operator watches a broker. */
export interface Operations {
  readonly audit: AuditLog;
  /** Takes logins as they happen. */
  readonly witness: LoginListener;
  /** The last logins that were refused. */
  readonly refused: RefusedLogins;
  /** How late the event loop was, of the last ten seconds or so. */
  readonly loopDelay: () => LoopDelay;
  /** Takes what is done to mailboxes. */
  readonly mailWitness: (event: MailboxEvent) => void;
  /** `/healthz`, `/readyz`, `/metrics`. */
  readonly pages: Pages;
  /** These start before the first door opens. */
  readonly before: readonly Lifecycle[];
  /** These start after the last door has opened. */
  readonly after: readonly Lifecycle[];
  /** Tells which connections are counted, and cut when their token ends. Call it once, before any part starts. */
  watch(connections: WatchedConnections): void;
}

/** How long after its start a broker loads what its start did without, milliseconds. */
const lateMs = 1_000;

/** The library of metrics would be a tenth of what a start loads. */
const loadMetrics = (): Promise<typeof import("./metrics.js")> => import("./metrics.js");

/** Loads what a start did without, soon after it: a build may take the files away while the broker runs. */
function lateLoad(clock: Clock, log: Log): Lifecycle {
  let cancel = (): void => undefined;
  return {
    start() {
      cancel = clock.after(lateMs, () => {
        Promise.all([loadMetrics(), rehearse(clock)]).then(
          () => {
            log("debug", "everything is loaded");
          },
          (thrown: unknown) => {
            log("error", "not everything can be loaded", { cause: String(thrown) });
          },
        );
      });
      return Promise.resolve();
    },
    drain: () => Promise.resolve(),
    stop() {
      cancel();
      return Promise.resolve();
    },
  };
}

/** Builds the operations of a broker. Nothing is opened yet. */
export function assembleOperations(options: OperationsOptions): Operations {
  const { auditPath, clock, identity, ledger, limiter, limits, log } = options;
  const audit = new AuditLog({ path: auditPath, limits, clock, log });
  const refused = new RefusedLogins(clock);
  const logins = new LoginAudit(audit, limiter, limits, (name) => identity.isProtected(name), refused);
  const witness: LoginListener = (event) => {
    logins.take(event);
  };
  const mail = new MailAudit(audit, limiter, limits, log);
  const loop = new LoopDelayMonitor(clock);
  const readiness = new Readiness();
  let watched: WatchedConnections = { tokenConnections: [], connections: () => [], sessions: () => ({}) };
  const sources: MetricSources = {
    ...options,
    connections: () => watched.connections(),
    sessions: () => watched.sessions(),
    ledger,
    logins,
    startedAt: clock.now(),
    loopDelay: () => loop.read(),
    residentBytes: () => process.memoryUsage.rss(),
    isReady: () => readiness.missing === undefined,
  };
  let made: Promise<Metrics> | undefined;
  const metrics = (): Promise<Metrics> => (made ??= loadMetrics().then((module) => new module.Metrics(sources)));
  const access = new OperatorAccess(identity, limiter, limits, (remote, { code }) => {
    witness({ event: "login.refused", dialect: "http", remote, code });
  });
  const pages = operationsPages(
    clock,
    () => readiness.missing,
    metrics,
    (bearer, remote) => access.allows(bearer, remote),
  );
  const watch = new TokenWatch(
    clock,
    (tokenId) => identity.endOf(tokenId),
    () => watched.tokenConnections,
  );
  return {
    audit,
    witness,
    refused,
    loopDelay: () => loop.read(),
    mailWitness: (event) => {
      mail.take(event);
    },
    pages,
    before: [audit, loop],
    after: [watch, readiness, lateLoad(clock, log)],
    watch(connections) {
      watched = connections;
    },
  };
}
