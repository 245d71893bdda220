import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/index.js";
import { greeting, message, RawPeer, ready, subscribe } from "./raw-peer.js";
import { isExact, startWorld, until, type World, type WorldOptions } from "./world.js";

let world: World;
const open: RawPeer[] = [];

afterEach(async () => {
  for (const peer of open.splice(0)) peer.close();
  await world.listener.stop();
  expect(isExact(world.ledger)).toBe(true);
  expect([world.ledger.copies.pending, world.total.bytes]).toEqual([0, 0]);
});

async function start(options: WorldOptions): Promise<void> {
  world = await startWorld(options);
}

async function subscriberOf(topic: string): Promise<RawPeer> {
  const peer = await RawPeer.open(world.outUrl, "SUB");
  open.push(peer);
  peer.send(subscribe(topic));
  const before = world.router.route(topic)?.wires.length ?? 0;
  await until(() => (world.router.route(topic)?.wires.length ?? 0) > before || peer.isClosed, "the subscription");
  return peer;
}

async function publisher(): Promise<RawPeer> {
  return RawPeer.open(world.inUrl, "PUB");
}

describe("a subscriber that stops reading", () => {
  it("loses the newest messages, whole and counted, costs no more than its limit, and harms nobody (17)", async () => {
    const maxBytes = 300_000;
    await start({ limits: { zmqBacklogMaxBytes: maxBytes } });
    const stuck = await subscriberOf("news");
    const reader = await subscriberOf("news");
    stuck.socket.pause();
    const from = await publisher();
    const body = "x".repeat(1_000);
    let got = 0;
    let sent = 0;
    const reading = (async () => {
      for (;;) {
        const [, payload] = await reader.message();
        expect(payload).toBe(`${String(got).padStart(8, "0")}${body}`);
        got += 1;
      }
    })().catch(() => undefined);
    while (world.ledger.copies.dropped.full === 0 || sent < 20_000) {
      const batch = Array.from({ length: 100 }, (_, at) =>
        message("news", `${String(sent + at).padStart(8, "0")}${body}`),
      );
      from.send(...batch);
      sent += batch.length;
      await until(() => got === sent, `the reader has ${sent}`);
      expect(isExact(world.ledger)).toBe(true);
      for (const { buffered } of world.listener.connections()) expect(buffered).toBeLessThanOrEqual(maxBytes);
    }
    expect(world.ledger.messages).toMatchObject({ accepted: sent, routed: sent });
    expect(world.ledger.copies.copies).toBe(2 * sent);
    // It reads on: what it gets has no holes but the counted ones, and each message is whole.
    stuck.socket.resume();
    await until(() => world.ledger.copies.pending === 0, "the backlog is written");
    const kept = sent - world.ledger.copies.dropped.full;
    const numbers: number[] = [];
    while (numbers.length < kept) numbers.push(Number((await stuck.message())[1]?.slice(0, 8)));
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    expect(numbers.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, at) => at));
    expect(stuck.unread).toHaveLength(0);
    reader.close();
    from.close();
    await reading;
  });

  it("is disconnected when it makes no progress for as long as allowed (18)", async () => {
    await start({ limits: { stuckMs: 600, zmqBacklogMaxBytes: 1_000_000 } });
    const stuck = await subscriberOf("news");
    stuck.socket.pause();
    const from = await publisher();
    await until(() => {
      if (!from.socket.writableNeedDrain) from.send(message("news", "x".repeat(100_000)));
      return world.ledger.reasons["zmtp-stuck"] === 1;
    }, "disconnected");
    expect(world.ledger.copies.dropped.closed).toBeGreaterThan(0);
    from.close();
  });

  it("goes first when all backlogs together are too large, and only the largest does (18)", async () => {
    await start({ limits: { backlogTotalMaxBytes: 4_000_000 } });
    const small = await subscriberOf("small");
    const large = await subscriberOf("large");
    small.socket.pause();
    large.socket.pause();
    const from = await publisher();
    let turn = 0;
    await until(() => {
      if (!from.socket.writableNeedDrain)
        from.send(message((turn += 1) % 10 === 0 ? "small" : "large", "x".repeat(100_000)));
      return world.ledger.reasons["evicted-largest-backlog"] === 1;
    }, "evicted");
    await until(() => world.listener.connections().filter(({ door }) => door === "out").length === 1, "one is left");
    expect(world.ledger.reasons["zmtp-evicted"]).toBe(1);
    expect(world.router.route("large")).toBeUndefined();
    from.close();
  });
});

describe("crowds", () => {
  it("of half-open connections are delayed, turned away and forgotten, while agents go on", async () => {
    await start({ limits: { zmqHalfOpenMax: 200, zmqHandshakeMs: 1_500, zmqHoldMs: 1_500 } });
    const bob = await subscriberOf("bob");
    const from = await publisher();
    const crowd: RawPeer[] = [];
    for (let count = 0; count < 1_000; count += 1) {
      const peer = await RawPeer.connect(count % 2 === 0 ? world.inUrl : world.outUrl);
      if (count % 3 === 0) peer.send(greeting("NULL").subarray(0, count % 64));
      crowd.push(peer);
    }
    open.push(...crowd);
    await until(
      () => world.ledger.reasons["zmtp-turned-away"] !== undefined && world.ledger.reasons["zmtp-full"] !== undefined,
      "both kinds of refusal",
    );
    expect(world.ledger.reasons["zmtp-full"]).toBeGreaterThanOrEqual(200);
    expect(world.logged.filter(({ fields }) => fields["reason"] === "zmtp-full")).toHaveLength(1);
    from.send(message("bob", "hi"));
    expect(await bob.message()).toEqual(["bob", "hi"]);
    await Promise.all(crowd.map(({ closed }) => closed));
    const late = await RawPeer.open(world.outUrl, "SUB");
    open.push(late);
    expect(world.listener.connections()).toHaveLength(3);
    from.close();
  });

  it("of connections beyond the limit are kept in silence for 1–5 s (5)", async () => {
    await start({ limits: { zmqConnectionsMax: 2, zmqHoldMs: 1_500 } });
    const first = await RawPeer.open(world.outUrl, "SUB");
    const second = await RawPeer.open(world.outUrl, "SUB");
    const third = await RawPeer.connect(world.outUrl);
    open.push(first, second, third);
    third.send(greeting("NULL"), ready("SUB"));
    const before = systemClock.monotonic();
    await third.closed;
    expect(systemClock.monotonic() - before).toBeGreaterThan(900);
    expect(third.unread).toHaveLength(0);
    expect([first.isClosed, second.isClosed]).toEqual([false, false]);
    first.close();
    await until(() => world.listener.connections().length === 1, "room again");
    open.push(await RawPeer.open(world.outUrl, "SUB"));
  });
});

describe("large messages", () => {
  it("pass over many chunks, in order with small ones, to several subscribers", async () => {
    await start({});
    const [one, two] = [await subscriberOf("big"), await subscriberOf("big")];
    const from = await publisher();
    const large = Buffer.alloc(1_048_576, "L");
    for (let round = 0; round < 3; round += 1)
      from.send(message("big", "before"), message("big", large), message("big", "after"));
    for (const peer of [one, two]) {
      for (let round = 0; round < 3; round += 1) {
        expect(await peer.message()).toEqual(["big", "before"]);
        expect((await peer.message())[1]).toBe(large.toString());
        expect(await peer.message()).toEqual(["big", "after"]);
      }
    }
    from.close();
  });

  it("that never end count among all backlogs, and go with the connection", async () => {
    await start({});
    const from = await publisher();
    from.send(message("big", Buffer.alloc(1_000_000)).subarray(0, 900_000));
    await until(() => world.total.bytes > 800_000, "counted");
    expect(world.listener.connections()[0]?.buffered).toBe(world.total.bytes);
    from.close();
    await until(() => world.total.bytes === 0, "given back");
    expect(world.ledger.messages.accepted).toBe(0);
  });
});
