import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { faultCodes, Ledger, defaultLimits, type Envelope } from "../../src/core/index.js";
import { RequestsMemory } from "../../src/conversation/index.js";
import { LatencyHistogram, MeasuredRequests } from "../../src/ops/request-latency.js";
import { refusedAt, type MetricSources } from "../../src/ops/metric-sources.js";
import { Metrics } from "../../src/ops/metrics.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

const ledger = new Ledger();
const latency = new LatencyHistogram();
const sources: MetricSources = {
  startedAt: 1_500,
  ledger,
  latency,
  logins: { logins: { pan: { proved: 2 } }, failures: { zmq: { unauthenticated: 3 } }, displaced: 4, cut: 5 },
  connections: () => [{ door: "websocket", dialect: "pan", count: 6 }],
  sessions: () => ({ pan: 7 }),
  agents: () => [{ dialect: "zmq" }, { dialect: "zmq" }, { dialect: "pan" }],
  rooms: () => [{ inviteOnly: false }, { inviteOnly: true }, { inviteOnly: false }],
  backlogBytes: () => 8,
  openRequests: () => 9,
  mailboxes: () => ({
    boxes: 12,
    waiting: 13,
    leased: 14,
    dead: 15,
    bytes: 16,
    diskBytes: 17,
    syncs: 18,
    oldestMs: 19_500,
    nearlyFull: 20,
    isFailing: true,
  }),
  roomLogs: () => ({
    rooms: 21,
    messages: 22,
    bytes: 23,
    maxBytes: 24,
    forgetting: 25,
    syncs: 26,
    failures: 27,
  }),
  loopDelay: () => ({ p50: 0.001, p99: 0.25, max: 1 }),
  residentBytes: () => 10,
  isReady: () => true,
};
const metrics = new Metrics(sources);

/** Of a broker that nobody has spoken to. */
function fresh(): Metrics {
  return new Metrics({ ...sources, ledger: new Ledger(), logins: { logins: {}, failures: {}, displaced: 0, cut: 0 } });
}

/** Sample lines of the text, as `name{labels}` to value. */
async function samples(): Promise<ReadonlyMap<string, number>> {
  const lines = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

describe("metrics", () => {
  it("show the plain integers of this moment, twice without adding them up", async () => {
    ledger.messages.accepted = 11;
    ledger.messages.routed = 9;
    ledger.messages.refused = 2;
    ledger.copies.copies = 5;
    ledger.copies.dropped.full = 3;
    ledger.count("refused-forbidden", 6);
    ledger.count("told-not-found", 2);
    ledger.count("zmtp-refused-unauthenticated", 4);
    await samples();
    const now = await samples();
    expect(Object.fromEntries([...now].filter(([name]) => !/faults|_bucket/.test(name)))).toEqual({
      synaptic_messages_accepted_total: 11,
      'synaptic_messages_total{result="routed"}': 9,
      'synaptic_messages_total{result="stored"}': 0,
      'synaptic_messages_total{result="refused"}': 2,
      'synaptic_messages_total{result="unroutable"}': 0,
      'synaptic_messages_total{result="malformed"}': 0,
      synaptic_copies_total: 5,
      synaptic_copies_written_total: 0,
      synaptic_copies_pending: 0,
      ...Object.fromEntries(
        ["full", "closed", "expired", "unrenderable"].map((reason) => [
          `synaptic_copies_dropped_total{reason="${reason}"}`,
          reason === "full" ? 3 : 0,
        ]),
      ),
      synaptic_tap_copies_total: 0,
      synaptic_tap_copies_written_total: 0,
      synaptic_tap_copies_pending: 0,
      ...Object.fromEntries(
        ["full", "closed", "expired", "unrenderable"].map((reason) => [
          `synaptic_tap_copies_dropped_total{reason="${reason}"}`,
          0,
        ]),
      ),
      'synaptic_reasons_total{reason="agent-doubled"}': 0,
      'synaptic_reasons_total{reason="dialect-failed"}': 0,
      'synaptic_reasons_total{reason="refused-forbidden"}': 6,
      'synaptic_reasons_total{reason="told-not-found"}': 2,
      'synaptic_reasons_total{reason="zmtp-refused-unauthenticated"}': 4,
      'synaptic_connections_refused_total{door="zeromq",reason="zmtp-refused-unauthenticated"}': 4,
      'synaptic_connections{door="websocket",dialect="pan"}': 6,
      'synaptic_sessions{dialect="pan"}': 7,
      'synaptic_agents{dialect="zmq"}': 2,
      'synaptic_agents{dialect="pan"}': 1,
      'synaptic_rooms{kind="public"}': 2,
      'synaptic_rooms{kind="invite_only"}': 1,
      synaptic_backlog_bytes: 8,
      synaptic_open_requests: 9,
      synaptic_mailboxes: 12,
      synaptic_mailboxes_nearly_full: 20,
      'synaptic_mailbox_messages{state="waiting"}': 13,
      'synaptic_mailbox_messages{state="leased"}': 14,
      'synaptic_mailbox_messages{state="dead"}': 15,
      synaptic_mailbox_bytes: 16,
      synaptic_mailbox_oldest_seconds: 19.5,
      synaptic_mailbox_disk_bytes: 17,
      synaptic_mailbox_failing: 1,
      synaptic_mailbox_syncs_total: 18,
      synaptic_durable_rooms: 21,
      synaptic_durable_rooms_forgetting: 25,
      synaptic_room_log_messages: 22,
      synaptic_room_log_bytes: 23,
      synaptic_room_log_syncs_total: 26,
      synaptic_room_log_failures_total: 27,
      'synaptic_logins_total{dialect="pan",trust="proved"}': 2,
      'synaptic_login_failures_total{dialect="zmq",code="unauthenticated"}': 3,
      ...Object.fromEntries(
        ["zmq", "http", "pan"].map((dialect) => [
          `synaptic_login_failures_total{dialect="${dialect}",code="rate-limited"}`,
          0,
        ]),
      ),
      ...Object.fromEntries(
        ["http", "pan"].map((dialect) => [
          `synaptic_login_failures_total{dialect="${dialect}",code="unauthenticated"}`,
          0,
        ]),
      ),
      synaptic_sessions_displaced_total: 4,
      synaptic_tokens_cut_total: 5,
      synaptic_ready: 1,
      synaptic_start_time_seconds: 1.5,
      synaptic_resident_memory_bytes: 10,
      'synaptic_event_loop_delay_seconds{statistic="p50"}': 0.001,
      'synaptic_event_loop_delay_seconds{statistic="p99"}': 0.25,
      'synaptic_event_loop_delay_seconds{statistic="max"}': 1,
      synaptic_request_duration_seconds_sum: 0,
      synaptic_request_duration_seconds_count: 0,
    });
    expect(now.get('synaptic_faults_total{at="session",code="forbidden"}')).toBe(6);
    expect(now.get('synaptic_faults_total{at="zeromq",code="not-found"}')).toBe(2);
    expect(now.get('synaptic_faults_total{at="zeromq_handshake",code="unauthenticated"}')).toBe(4);
    expect([...now.keys()].filter((name) => name.startsWith("synaptic_faults_total"))).toHaveLength(
      3 * faultCodes.length,
    );
  });

  it("have every row that an alarm of docs/operations.md asks for, before anything was counted", async () => {
    const page = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
    const alarms = [...page.matchAll(/^\| `(.*synaptic_.+)` \|/gm)].map(([, expression = ""]) => expression);
    expect(alarms.length).toBeGreaterThan(4);
    const rows = [...(await fresh().text()).matchAll(/^(synaptic_\w+)(\{.*\})? \S+$/gm)].map(
      ([, name = "", labels = ""]) => ({ name, labels }),
    );
    for (const [, name, label] of alarms.flatMap((alarm) => [
      ...alarm.matchAll(/(synaptic_\w+)(?:\{(\w+="[^"]+")\})?/g),
    ])) {
      expect(
        rows.filter((row) => row.name === name && (label === undefined || row.labels.includes(label))),
        `${String(name)} ${String(label)}`,
      ).not.toEqual([]);
    }
  });

  it("are OpenMetrics: typed and told before their samples, each family once, ended by EOF", async () => {
    const text = await metrics.text();
    expect(metrics.contentType).toMatch(/^application\/openmetrics-text/);
    expect(text.endsWith("\n# EOF\n")).toBe(true);
    expect(text.match(/# EOF/g)).toHaveLength(1);
    expect(text).not.toMatch(/\n\n/);
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
      ([, name = "", type = ""]) => [name, type] as const,
    );
    expect(new Set(families.map(([name]) => name)).size).toBe(families.length);
    const suffixes: Readonly<Record<string, string>> = {
      counter: "_total",
      gauge: "",
      histogram: "_(bucket|sum|count)",
    };
    for (const line of text.split("\n").filter((one) => one !== "" && !one.startsWith("#"))) {
      const family = families.find(([name, type]) => new RegExp(`^${name}${suffixes[type] ?? "?"}[ {]`).test(line));
      expect(family, line).toBeDefined();
    }
  });

  it("count an answer in every bucket that is as long", async () => {
    for (const ms of [0.5, 1, 700, 120_000]) latency.record(ms);
    const now = await samples();
    const bucket = (le: string): number | undefined => now.get(`synaptic_request_duration_seconds_bucket{le="${le}"}`);
    expect([bucket("0.001"), bucket("0.5"), bucket("1.0"), bucket("60.0"), bucket("+Inf")]).toEqual([2, 2, 3, 3, 4]);
    expect(now.get("synaptic_request_duration_seconds_count")).toBe(4);
    expect(now.get("synaptic_request_duration_seconds_sum")).toBeCloseTo(120.7015);
  });

  it("are what the dashboard asks for, all of them and no others", async () => {
    const dashboard = readFileSync(new URL("../../deploy/grafana/synaptic-core.json", import.meta.url), "utf8");
    const asked = new Set(dashboard.match(/synaptic_[a-z_]+/g));
    const exported = new Set([...(await samples()).keys()].map((name) => name.replace(/\{.*/, "")));
    expect([...asked].sort()).toEqual([...exported].sort());
  });
});

describe("measured requests", () => {
  it("record how long those were open that were answered, and no others", () => {
    const clock = new FakeClock();
    const histogram = new LatencyHistogram();
    const requests = new MeasuredRequests(new RequestsMemory({ limits: defaultLimits, clock }), clock, histogram);
    const heard: string[] = [];
    requests.open({ from: "ada", to: "bob", messageId: "1", answered: ({ message_id: id }) => heard.push(id) });
    requests.open({ from: "ada", to: "bob", messageId: "2", timedOut: () => heard.push("late") });
    requests.open({ from: "ada", to: "eve", messageId: "3" })();
    expect(requests.pending("ada", "bob")?.messageId).toBe("1");
    clock.advance(20);
    const answer: Envelope = {
      message_id: "a",
      timestamp: "",
      from: "bob",
      to: "ada",
      type: "response",
      priority: "NORMAL",
      content: { message: "" },
      in_reply_to: "1",
    };
    expect(requests.answer(answer)).toBe(true);
    clock.advance(defaultLimits.requestTimeoutMs);
    expect([heard, requests.size]).toEqual([["a", "late"], 0]);
    expect(histogram.text("t", "h")).toMatch(
      /t_bucket\{le="0.01"\} 0\nt_bucket\{le="0.025"\} 1\n[\s\S]*t_sum 0.02\nt_count 1\n$/,
    );
    requests.close();
  });
});

describe("a reason of the ledger", () => {
  it("tells whether a connection was refused, and at which door", () => {
    expect(
      [
        "zmtp-refused-unauthenticated",
        "zmtp-full",
        "zmtp-address-full",
        "zmtp-address-hasty",
        "zmtp-too-old",
        "ws-origin-refused",
        "ws-connections-full",
        "ws-unknown-path",
        "ws-address-hasty",
      ].map(refusedAt),
    ).toEqual(["zeromq", "zeromq", "zeromq", "zeromq", "zeromq", "websocket", "websocket", "websocket", "websocket"]);
    expect(
      [
        "zmtp-stuck",
        "zmtp-reset",
        "ws-silent",
        "ws-pre-login-full",
        "nobody-there",
        "refused-forbidden",
        "zmtp-subscriptions-full",
      ].map(refusedAt),
    ).toEqual([undefined, undefined, undefined, undefined, undefined, undefined, undefined]);
  });
});
