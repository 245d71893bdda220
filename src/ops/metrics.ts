import { Counter, Gauge, Registry, type OpenMetricsContentType } from "prom-client";
import { faultCodes, type CopyLedger, type FaultCode } from "../core/index.js";
import type { MailFigures } from "../mailbox/index.js";
import type { LogFigures } from "../room-log/index.js";
import { refusedAt, type MetricSources } from "./metric-sources.js";

/** One row of a metric: its labels and its value. No label may come from a client. */
type Row = readonly [labels: Readonly<Record<string, string>>, value: number];

/** The histogram of answers. Its text is made here and not by the library, so that recording is only an addition. */
const latencyName = "synaptic_request_duration_seconds";
const latencyHelp =
  "How long requests that the broker follows were open until they were answered. " +
  "Requests between plain ZeroMQ agents are not followed.";
const end = "# EOF\n";
/**
 * Rows that exist from the start. Alarms (docs/operations.md) ask by how much a row grows; one that appears with its
 * first count would not have grown.
 */
const alarmReasons = ["agent-doubled", "dialect-failed"];
const alarmLoginFailures: readonly FaultCode[] = ["unauthenticated", "rate-limited"];
/** Places that refuse logins and are not a dialect of sessions. */
const sessionless = ["zmq", "http"];

/**
 * The broker's metrics as OpenMetrics text. Nothing is counted here: everything is read from plain integers when
 * somebody asks.
 */
export class Metrics {
  readonly #registry = new Registry<OpenMetricsContentType>();
  readonly #sources: MetricSources;

  constructor(sources: MetricSources) {
    this.#sources = sources;
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.#ledgers();
    this.#presence();
    this.#mailboxes();
    this.#roomLogs();
    this.#logins();
    this.#process();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics. */
  async text(): Promise<string> {
    const text = await this.#registry.metrics();
    return `${text.slice(0, -end.length)}${this.#sources.latency.text(latencyName, latencyHelp)}${end}`;
  }

  #ledgers(): void {
    const { ledger } = this.#sources;
    this.#counter(
      "synaptic_messages_accepted",
      "Messages read, of whatever kind. Equals the sum of synaptic_messages by result.",
      [],
      () => [[{}, ledger.messages.accepted]],
    );
    this.#counter("synaptic_messages", "What became of messages.", ["result"], () =>
      Object.entries(ledger.messages).flatMap(([result, value]): Row[] =>
        result === "accepted" ? [] : [[{ result }, value]],
      ),
    );
    for (const [name, what, copies] of [
      ["copies", "Copies of messages for their receivers", ledger.copies],
      ["tap_copies", "Copies of messages for taps and prefix subscriptions", ledger.taps],
    ] as const) {
      this.#counter(`synaptic_${name}`, `${what}. Equals written, dropped and pending.`, [], () => [
        [{}, copies.copies],
      ]);
      this.#counter(`synaptic_${name}_written`, `${what} whose last byte the system has taken.`, [], () => [
        [{}, copies.written],
      ]);
      this.#counter(`synaptic_${name}_dropped`, `${what} that were dropped, by reason.`, ["reason"], () =>
        dropped(copies),
      );
      this.#gauge(`synaptic_${name}_pending`, `${what} that wait.`, [], () => [[{}, copies.pending]]);
    }
    this.#counter(
      "synaptic_reasons",
      "Everything refused, dropped or cut, by the broker's word for it.",
      ["reason"],
      () => Object.entries({ ...zeros(alarmReasons), ...ledger.reasons }).map(([reason, value]) => [{ reason }, value]),
    );
    this.#counter(
      "synaptic_faults",
      "Faults told to WebSocket sessions, to ZeroMQ agents, and at the ZeroMQ handshake, by code.",
      ["at", "code"],
      () =>
        faultCodes.flatMap((code): Row[] => [
          [{ at: "session", code }, ledger.reasons[`refused-${code}`] ?? 0],
          [{ at: "zeromq", code }, ledger.reasons[`told-${code}`] ?? 0],
          [{ at: "zeromq_handshake", code }, ledger.reasons[`zmtp-refused-${code}`] ?? 0],
        ]),
    );
    this.#counter(
      "synaptic_connections_refused",
      "Connections that were not let in, by door and reason.",
      ["door", "reason"],
      () =>
        Object.entries(ledger.reasons).flatMap(([reason, value]): Row[] => {
          const door = refusedAt(reason);
          return door === undefined ? [] : [[{ door, reason }, value]];
        }),
    );
  }

  #presence(): void {
    const { agents, backlogBytes, connections, openRequests, rooms, sessions } = this.#sources;
    this.#gauge("synaptic_connections", "Open connections.", ["door", "dialect"], () =>
      [...connections()].map(({ door, dialect, count }) => [{ door, dialect }, count]),
    );
    this.#gauge("synaptic_sessions", "WebSocket sessions that have logged in.", ["dialect"], () =>
      Object.entries(sessions()).map(([dialect, value]) => [{ dialect }, value]),
    );
    this.#gauge("synaptic_agents", "Agents that are online and listed.", ["dialect"], () =>
      Object.entries(tally(agents(), ({ dialect }) => dialect)).map(([dialect, value]) => [{ dialect }, value]),
    );
    this.#gauge("synaptic_rooms", "Rooms.", ["kind"], () => {
      const kinds = tally(rooms(), ({ inviteOnly }) => (inviteOnly ? "invite_only" : "public"));
      return ["public", "invite_only"].map((kind) => [{ kind }, kinds[kind] ?? 0]);
    });
    this.#gauge("synaptic_backlog_bytes", "Unsent bytes of all connections.", [], () => [[{}, backlogBytes()]]);
    this.#gauge("synaptic_open_requests", "Requests that wait for an answer.", [], () => [[{}, openRequests()]]);
  }

  #mailboxes(): void {
    const { mailboxes } = this.#sources;
    const gauge = (name: string, help: string, read: (figures: MailFigures) => number): void => {
      this.#gauge(name, help, [], () => [[{}, read(mailboxes())]]);
    };
    gauge("synaptic_mailboxes", "Mailboxes.", ({ boxes }) => boxes);
    gauge(
      "synaptic_mailboxes_nearly_full",
      "Mailboxes of whose bounds nine tenths are used.",
      ({ nearlyFull }) => nearlyFull,
    );
    this.#gauge("synaptic_mailbox_messages", "Messages in mailboxes, by where they stand.", ["state"], () => {
      const { waiting, leased, dead } = mailboxes();
      return Object.entries({ waiting, leased, dead }).map(([state, value]) => [{ state }, value]);
    });
    gauge("synaptic_mailbox_bytes", "Bytes of what waits in mailboxes or is leased.", ({ bytes }) => bytes);
    gauge(
      "synaptic_mailbox_oldest_seconds",
      "How long the oldest of it has been there.",
      ({ oldestMs }) => oldestMs / 1_000,
    );
    gauge(
      "synaptic_mailbox_disk_bytes",
      "Bytes of the file of the mailboxes. It never shrinks.",
      ({ diskBytes }) => diskBytes,
    );
    gauge("synaptic_mailbox_failing", "1 while the mailboxes cannot be written.", ({ isFailing }) =>
      isFailing ? 1 : 0,
    );
    this.#counter("synaptic_mailbox_syncs", "Writes of mailboxes that were forced onto the disk (fsync).", [], () => [
      [{}, mailboxes().syncs],
    ]);
  }

  #roomLogs(): void {
    const { roomLogs } = this.#sources;
    const gauge = (name: string, help: string, read: (figures: LogFigures) => number): void => {
      this.#gauge(name, help, [], () => [[{}, read(roomLogs())]]);
    };
    gauge("synaptic_durable_rooms", "Rooms that remember what is said, on disk.", ({ rooms }) => rooms);
    gauge(
      "synaptic_durable_rooms_forgetting",
      "Durable rooms that are full, so that their oldest messages go.",
      ({ forgetting }) => forgetting,
    );
    gauge("synaptic_room_log_messages", "Messages that durable rooms remember.", ({ messages }) => messages);
    gauge("synaptic_room_log_bytes", "Bytes of what durable rooms remember, as they count.", ({ bytes }) => bytes);
    this.#counter("synaptic_room_log_syncs", "Writes of durable rooms that were forced onto the disk.", [], () => [
      [{}, roomLogs().syncs],
    ]);
    this.#counter("synaptic_room_log_failures", "Writes of durable rooms that could not be kept.", [], () => [
      [{}, roomLogs().failures],
    ]);
  }

  #logins(): void {
    const { logins, sessions } = this.#sources;
    this.#counter(
      "synaptic_logins",
      "Logins, on ZeroMQ one per connection that names itself.",
      ["dialect", "trust"],
      () => nested(logins.logins, "trust"),
    );
    this.#counter("synaptic_login_failures", "Logins that were refused.", ["dialect", "code"], () =>
      [...new Set([...sessionless, ...Object.keys(sessions()), ...Object.keys(logins.failures)])].flatMap((dialect) =>
        nested({ [dialect]: { ...zeros(alarmLoginFailures), ...logins.failures[dialect] } }, "code"),
      ),
    );
    this.#counter(
      "synaptic_sessions_displaced",
      "Sessions that a newer one of the same agent has taken over from.",
      [],
      () => [[{}, logins.displaced]],
    );
    this.#counter(
      "synaptic_tokens_cut",
      "Sessions and connections that were cut because their token was revoked or has expired.",
      [],
      () => [[{}, logins.cut]],
    );
  }

  #process(): void {
    const { isReady, loopDelay, residentBytes, startedAt } = this.#sources;
    this.#gauge("synaptic_ready", "1 while the broker takes work.", [], () => [[{}, isReady() ? 1 : 0]]);
    this.#gauge("synaptic_start_time_seconds", "When the broker was made, in seconds since the epoch.", [], () => [
      [{}, startedAt / 1_000],
    ]);
    this.#gauge("synaptic_resident_memory_bytes", "Resident memory of the process.", [], () => [[{}, residentBytes()]]);
    this.#gauge(
      "synaptic_event_loop_delay_seconds",
      "How late the event loop was, since about the last reading.",
      ["statistic"],
      () => Object.entries(loopDelay()).map(([statistic, value]) => [{ statistic }, value]),
    );
  }

  /** A count that only grows; OpenMetrics adds `_total` to its name. */
  #counter(name: string, help: string, labelNames: readonly string[], read: () => readonly Row[]): void {
    new Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.inc(labels, value);
      },
    });
  }

  #gauge(name: string, help: string, labelNames: readonly string[], read: () => readonly Row[]): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.set(labels, value);
      },
    });
  }
}

function dropped(copies: CopyLedger): readonly Row[] {
  return Object.entries(copies.dropped).map(([reason, value]) => [{ reason }, value]);
}

function nested(counts: Readonly<Record<string, Readonly<Record<string, number>>>>, label: string): readonly Row[] {
  return Object.entries(counts).flatMap(([dialect, words]) =>
    Object.entries(words).map(([word, value]): Row => [{ dialect, [label]: word }, value]),
  );
}

function zeros(words: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(words.map((word) => [word, 0]));
}

/** Counts items by the word that `wordOf` gives them. */
function tally<T>(all: Iterable<T>, wordOf: (one: T) => string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const one of all) counts[wordOf(one)] = (counts[wordOf(one)] ?? 0) + 1;
  return counts;
}
