import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeCommand } from "../../../src/zeromq/wire/commands.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { greeting, message, RawPeer, subscribe } from "./raw-peer.js";
import { startWorld, until, type World } from "./world.js";

const ping = (ttl: number, context: string): Buffer =>
  encodeCommand("PING", Buffer.concat([Buffer.from([ttl >> 8, ttl & 255]), Buffer.from(context)]));
const pong = encodeCommand("PONG", Buffer.alloc(0));

let clock: FakeClock;
let world: World;
const open: RawPeer[] = [];

beforeEach(async () => {
  clock = new FakeClock();
  world = await startWorld({ clock });
});

afterEach(async () => {
  for (const peer of open.splice(0)) peer.close();
  await world.listener.stop();
});

async function peerAt(door: "in" | "out", minor = 1): Promise<RawPeer> {
  const url = door === "in" ? world.inUrl : world.outUrl;
  const peer = await RawPeer.open(url, door === "in" ? "PUB" : "SUB", {}, minor);
  open.push(peer);
  return peer;
}

/** Sends, and resolves once it has been read: the answer to a PING comes in order. */
async function said(peer: RawPeer, ...parts: readonly Buffer[]): Promise<void> {
  peer.send(...parts, ping(0, "read?"));
  expect((await peer.frame()).body.toString("latin1")).toBe("\x04PONGread?");
}

/** Lets time pass in steps, with turns of the loop between them: what is sent leaves. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 5_000) {
    clock.advance(Math.min(left, 5_000));
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.each(["in", "out"] as const)("a peer at the door %s (15)", (door) => {
  it("gets its PING answered with its context, at most 16 bytes of it", async () => {
    const peer = await peerAt(door);
    peer.send(ping(0, ""), ping(0, "abc"), ping(0, "0123456789abcdefgh"));
    const heard = [await peer.frame(), await peer.frame(), await peer.frame()];
    expect(heard.map(({ flags, body }) => [flags, body.toString("latin1")])).toEqual([
      [4, "\x04PONG"],
      [4, "\x04PONGabc"],
      [4, "\x04PONG0123456789abcdef"],
    ]);
  });

  it("is pinged with TTL 0 after 30 s of silence, and again every 30 s", async () => {
    const peer = await peerAt(door);
    await pass(29_000);
    await said(peer);
    await pass(29_500);
    await said(peer);
    await pass(30_500);
    expect((await peer.frame()).body.toString("hex")).toBe("0450494e470000");
    await pass(29_000);
    expect(peer.unread).toHaveLength(0);
    await pass(1_500);
    expect((await peer.frame()).body.toString("hex")).toBe("0450494e470000");
    expect(peer.unread).toHaveLength(0);
  });

  it("that greets 3.0 is never pinged: such clients take a PING for a message, or hang up", async () => {
    const peer = await peerAt(door, 0);
    await pass(600_000);
    expect(peer.unread).toHaveLength(0);
    expect(peer.isClosed).toBe(false);
  });

  it("that greets 3.0 and pings us is pinged as any other", async () => {
    const peer = await peerAt(door, 0);
    await said(peer);
    await pass(30_500);
    expect((await peer.frame()).body.toString("hex")).toBe("0450494e470000");
  });

  it("is never closed for silence if it has never ponged: older clients do not", async () => {
    const peer = await peerAt(door);
    await pass(600_000);
    expect(world.listener.connections()).toHaveLength(1);
    expect(peer.isClosed).toBe(false);
  });

  it("is closed after 90 s of silence once it has ponged, without context even", async () => {
    const peer = await peerAt(door);
    await said(peer, pong);
    await pass(89_000);
    expect(world.listener.connections()).toHaveLength(1);
    await pass(1_500);
    await peer.closed;
    expect(world.ledger.reasons["zmtp-silent"]).toBe(1);
  });

  it("has its own TTL honoured, and withdrawn by a PING with TTL 0", async () => {
    const [brief, other] = [await peerAt(door), await peerAt(door)];
    other.send(ping(20, ""));
    await other.frame();
    await said(other);
    brief.send(ping(20, "ttl"));
    await brief.frame();
    clock.advance(1_900);
    expect(world.listener.connections()).toHaveLength(2);
    clock.advance(1_000);
    await brief.closed;
    expect(world.ledger.reasons["zmtp-ttl-passed"]).toBe(1);
    expect(other.isClosed).toBe(false);
  });
});

describe("liveness", () => {
  it("does not take a subscriber for dead for which bytes wait, and gives it 90 s when they have left", async () => {
    const subscriber = await peerAt("out");
    await said(subscriber, subscribe("bob"), pong);
    subscriber.socket.pause();
    const publisher = await peerAt("in");
    const waits = (): number => world.listener.connections().find(({ door }) => door === "out")?.buffered ?? 0;
    const large = message("bob", Buffer.alloc(500_000));
    for (let n = 0; n < 25; n += 1) publisher.send(large);
    await until(() => waits() > 1_000_000, "bytes that the system does not take");
    await pass(200_000);
    expect(waits()).toBeGreaterThan(0);
    subscriber.socket.resume();
    await until(() => waits() === 0, "all has left");
    await pass(89_000);
    expect(world.listener.connections().map(({ door }) => door)).toContain("out");
    await pass(1_500);
    await until(() => subscriber.isClosed, "closed");
    expect(world.ledger.reasons["zmtp-silent"]).toBe(1);
  });

  it("takes a subscriber for dead that answers no ping, however many messages the system takes for it", async () => {
    const subscriber = await peerAt("out");
    await said(subscriber, subscribe("bob"), pong);
    const publisher = await peerAt("in");
    for (let half = 0; half < 3; half += 1) {
      publisher.send(message("bob", "x"));
      await until(() => world.ledger.copies.written === half + 1, "the system has taken it");
      await pass(30_000);
    }
    await pass(1_000);
    await until(() => subscriber.isClosed, "closed");
    expect(world.ledger.reasons["zmtp-silent"]).toBe(1);
  });

  it("closes a handshake that takes more than 10 s, silently", async () => {
    const peer = await RawPeer.connect(world.inUrl);
    open.push(peer);
    await peer.read(11);
    peer.send(greeting("NULL"));
    await peer.read(53);
    clock.advance(9_400);
    expect(peer.isClosed).toBe(false);
    clock.advance(1_200);
    await peer.closed;
    expect(world.ledger.reasons["zmtp-handshake-timeout"]).toBe(1);
  });

  it("closes a publisher that lets our answers pile up", async () => {
    const peer = await peerAt("in");
    peer.socket.pause();
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => ping(0, "0123456789abcdef")));
    await until(
      () => {
        if (!peer.socket.writableNeedDrain) peer.send(many);
        return world.ledger.reasons["zmtp-answers-unread"] === 1;
      },
      "closed",
      15_000,
    );
    expect(world.listener.connections()).toEqual([]);
  });
});
