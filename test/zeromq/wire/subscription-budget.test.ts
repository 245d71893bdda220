import { afterEach, describe, expect, it } from "vitest";
import { defaultLimits, principal } from "../../../src/core/index.js";
import { encodeCommand } from "../../../src/zeromq/wire/commands.js";
import type { ZmtpPeer } from "../../../src/zeromq/wire/index.js";
import { SubscriptionBudget, type ConnectionBudget } from "../../../src/zeromq/wire/subscription-budget.js";
import { RawPeer } from "./raw-peer.js";
import { startWorld, until, type World } from "./world.js";

const kib = 1024;
const mib = 1024 * kib;
/** Takes 1 KiB with its overhead. */
const topic = "x".repeat(256);

function peer(id: string, more: Partial<ZmtpPeer> = {}): ZmtpPeer {
  return {
    id,
    remote: "127.0.0.1",
    isLocal: true,
    mechanism: "NULL",
    principal: undefined,
    socketType: "SUB",
    declared: undefined,
    close: () => undefined,
    ...more,
  };
}

function budget(zmqSubscriptionsTotalMaxBytes: number, zmqSubscriptionsMaxBytes = mib): SubscriptionBudget {
  return new SubscriptionBudget({ ...defaultLimits, zmqSubscriptionsMaxBytes, zmqSubscriptionsTotalMaxBytes });
}

/** Subscribes until it is refused. @returns how many times it was not */
function fill(connection: ConnectionBudget, atMost = 10_000): number {
  let taken = 0;
  while (taken < atMost && connection.take(topic)) taken += 1;
  return taken;
}

describe("the bytes of subscriptions", () => {
  it("are bounded for one connection", () => {
    expect(fill(budget(100 * mib, 64 * kib).open(peer("1")))).toBe(64);
  });

  it("are bounded over all; each connection has its assured part, and no more than what is left then", () => {
    const all = budget(128 * kib);
    const connections = Array.from({ length: 6 }, (_, at) => all.open(peer(String(at))));
    expect(connections.map((connection) => fill(connection))).toEqual([48, 24, 16, 16, 16, 16]);
  });

  it("are a quarter for tokens in any case, however many connections take their assured part", () => {
    const all = budget(512 * kib);
    for (let at = 0; at < 40; at += 1) fill(all.open(peer(String(at))));
    const ada = principal("ada", "proved", { proof: "token:ada" });
    expect(fill(all.open(peer("ada", { principal: ada })))).toBe(64);
    expect(fill(all.open(peer("new")))).toBe(16);
  });

  it("are given back by a CANCEL and with the connection, once", () => {
    const all = budget(128 * kib);
    const connection = all.open(peer("1"));
    fill(connection);
    connection.release(topic);
    expect(all.usedBytes).toBe(47 * kib);
    expect(fill(connection)).toBe(1);
    connection.close();
    connection.close();
    expect([all.usedBytes, fill(all.open(peer("2")))]).toEqual([0, 48]);
  });

  it("are a quarter at most for the connections of another machine, a token's apart", () => {
    const all = budget(400 * kib);
    const there = { remote: "192.0.2.1", isLocal: false };
    expect([fill(all.open(peer("1", there))), fill(all.open(peer("2", there)))]).toEqual([100, 16]);
    const ada = principal("ada", "proved", { proof: "token:ada" });
    expect(fill(all.open(peer("3", { ...there, principal: ada })))).toBeGreaterThan(100);
  });
});

describe("nine connections with 20,000 topics of 1,000 bytes each", () => {
  let world: World | undefined;
  const open: RawPeer[] = [];
  afterEach(async () => {
    for (const raw of open.splice(0)) raw.close();
    await world?.listener.stop();
  });

  it("take what the budget has, keep their lines, and leave others their names", async () => {
    // A twentieth of everything: the test is about the rule, not about gigabytes.
    const limits = { zmqSubscriptionsMaxBytes: defaultLimits.zmqSubscriptionsMaxBytes / 20 };
    const zmqSubscriptionsTotalMaxBytes = defaultLimits.zmqSubscriptionsTotalMaxBytes / 20;
    world = await startWorld({ limits: { ...limits, zmqSubscriptionsTotalMaxBytes } });
    const { ledger, outUrl, policy, router } = world;
    for (let at = 0; at < 9; at += 1) {
      const raw = await RawPeer.open(outUrl, "SUB");
      open.push(raw);
      for (let n = 0; n < 1_000; n += 1)
        raw.send(encodeCommand("SUBSCRIBE", Buffer.from(`${String(at)} ${String(n)} `.padEnd(1_000, "x"))));
    }
    await until(() => (ledger.reasons["zmtp-subscriptions-large"] ?? 0) + router.size === 9_000, "all are settled");
    expect(router.size * (512 + 2_000)).toBeLessThanOrEqual(zmqSubscriptionsTotalMaxBytes + 9 * 16 * kib);
    const late = await RawPeer.open(outUrl, "SUB");
    open.push(late);
    late.send(encodeCommand("SUBSCRIBE", Buffer.from("late")));
    await until(() => policy.events.includes("subscribed late"), "the name of a latecomer");
    expect(open.every(({ isClosed }) => !isClosed)).toBe(true);
  });
});
