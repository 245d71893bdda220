import type { Ledger } from "../core/index.js";
import type { MailFigures } from "../mailbox/index.js";
import type { LogFigures } from "../room-log/index.js";
import type { LoginAudit } from "./login-audit.js";
import type { LoopDelay } from "./loop-delay.js";
import type { LatencyHistogram } from "./request-latency.js";

/** How many connections of one kind one kind of door has. */
export interface DoorCount {
  readonly door: "publisher" | "subscriber" | "websocket";
  /** `none`: WebSockets that have not shown yet which dialect they speak. */
  readonly dialect: string;
  readonly count: number;
}

/**
 * The metrics are read from here when somebody asks for them. Nothing here may contain the name of an agent, a topic or
 * a room.
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
  readonly mailboxes: () => MailFigures;
  readonly roomLogs: () => LogFigures;
  readonly loopDelay: () => LoopDelay;
  readonly residentBytes: () => number;
  /** True while the broker takes work. */
  readonly isReady: () => boolean;
}

/**
 * Counts connections by door and dialect.
 * @param zmq all ZeroMQ connections
 * @param websockets how many WebSockets are open, whichever dialect they speak
 * @param sessions how many of them speak each dialect, by its name
 */
export function doorCounts(
  zmq: Iterable<{ readonly door: "in" | "out" }>,
  websockets: number,
  sessions: Readonly<Record<string, number>>,
): readonly DoorCount[] {
  let publishers = 0;
  let subscribers = 0;
  for (const { door } of zmq) {
    if (door === "in") publishers += 1;
    else subscribers += 1;
  }
  const spoken = Object.values(sessions).reduce((sum, count) => sum + count, 0);
  return [
    { door: "publisher", dialect: "zmq", count: publishers },
    { door: "subscriber", dialect: "zmq", count: subscribers },
    ...Object.entries(sessions).map(([dialect, count]): DoorCount => ({ door: "websocket", dialect, count })),
    { door: "websocket", dialect: "none", count: Math.max(0, websockets - spoken) },
  ];
}

/** Reasons of the ledger for which a connection was refused, or accepted only to be told that it is refused. */
const refusals: ReadonlySet<string> = new Set([
  "zmtp-turned-away",
  "zmtp-full",
  "zmtp-address-full",
  "zmtp-address-hasty",
  "zmtp-too-old",
  "zmtp-mechanism",
  "zmtp-not-zmtp",
  "zmtp-handshake-timeout",
  "ws-head-timeout",
  "ws-unknown-path",
  "ws-connections-full",
  "ws-half-open-full",
  "ws-address-hasty",
]);
const refusalPattern = /^(?:zmtp-refused-[a-z-]+|ws-[a-z-]+-(?:refused|full))$/;
/** Reasons that look like refusals, but belong to connections that were accepted. */
const accepted: ReadonlySet<string> = new Set(["ws-pre-login-full"]);

/** The kind of door that refused a connection for this reason of the ledger; undefined if the reason is another one. */
export function refusedAt(reason: string): "zeromq" | "websocket" | undefined {
  if (accepted.has(reason) || !(refusals.has(reason) || refusalPattern.test(reason))) return undefined;
  return reason.startsWith("ws-") ? "websocket" : "zeromq";
}
