import type { Ledger } from "../core/index.js";
import type { LoginAudit } from "./login-audit.js";
import type { LoopDelay } from "./loop-delay.js";
import type { LatencyHistogram } from "./request-latency.js";

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

/** What the two kinds of doors say of their connections. */
export interface OpenDoors {
  readonly zmq: Iterable<{ readonly door: "in" | "out" }>;
  /** Open WebSockets, whatever they speak. */
  readonly websockets: number;
  /** Those of them that a dialect has, by its name. */
  readonly sessions: Readonly<Record<string, number>>;
}

/** Connections by door and dialect; `none`: WebSockets that have not said yet what they speak. */
export function doorCounts({ zmq, websockets, sessions }: OpenDoors): readonly DoorCount[] {
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

/** The reasons of the ledger under which a connection was not let in, or only to be told so. */
const exact: ReadonlySet<string> = new Set([
  "zmtp-turned-away",
  "zmtp-full",
  "zmtp-too-old",
  "zmtp-mechanism",
  "zmtp-not-zmtp",
  "zmtp-handshake-timeout",
  "ws-unknown-path",
  "ws-connections-full",
  "ws-half-open-full",
  "ws-address-hasty",
]);
const refused = /^(?:zmtp-refused-[a-z-]+|ws-[a-z-]+-(?:refused|full))$/;
/** Said of connections that were let in. */
const letIn: ReadonlySet<string> = new Set(["ws-pre-login-full"]);

/** Which door a reason of the ledger closed; undefined if it is about something else than a refused connection. */
export function refusedAt(reason: string): "zeromq" | "websocket" | undefined {
  if (letIn.has(reason) || !(exact.has(reason) || refused.test(reason))) return undefined;
  return reason.startsWith("ws-") ? "websocket" : "zeromq";
}
