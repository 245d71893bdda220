import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { encodeCommand } from "../../../src/zeromq/wire/commands.js";
import { greeting, hello, message, RawPeer, ready } from "./raw-peer.js";
import { startWorld, until, type World } from "./world.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const ping = (ttlSeconds: number): Buffer => encodeCommand("PING", Buffer.from([0, ttlSeconds * 10]));
/** So long that it does not go before those who say much. */
const much = message("bob", Buffer.alloc(5_000));

describe("a peer whose bytes wait for their turn", () => {
  let clock: FakeClock;
  let world: World;
  /** While it is true, those who say much wait for those whose messages go to crowds. */
  let isHeld: boolean;
  const open: RawPeer[] = [];
  const peerAt = async (url: string): Promise<RawPeer> => {
    const peer = await RawPeer.connect(url);
    open.push(peer);
    return peer;
  };
  const publisher = async (): Promise<RawPeer> => {
    const peer = await RawPeer.open(world.inUrl, "PUB");
    open.push(peer);
    return peer;
  };
  const holds = async (peer: RawPeer): Promise<void> => {
    isHeld = true;
    peer.send(much);
    await until(() => world.listener.unheardSince < Infinity, "it waits");
  };

  beforeEach(async () => {
    clock = new FakeClock();
    world = await startWorld({ clock });
    isHeld = false;
    Object.defineProperty(world.flusher, "isBehind", { get: () => isHeld });
  });
  afterEach(async () => {
    for (const peer of open.splice(0)) peer.close();
    await world.listener.stop();
  });

  it.each([
    ["90 s", [encodeCommand("PONG", Buffer.alloc(0)), ping(0)], "zmtp-silent"],
    ["its own TTL", [ping(20)], "zmtp-ttl-passed"],
  ] as const)("is not silent for %s, and may be later", async (_what, before, reason) => {
    const peer = await publisher();
    peer.send(...before);
    await peer.frame();
    await holds(peer);
    clock.advance(200_000);
    expect(world.ledger.reasons).toEqual({});
    isHeld = false;
    await until(() => world.policy.messages.length === 1, "it is heard");
    clock.advance(19_000);
    expect(world.ledger.reasons).toMatchObject({ "test-received": 1 });
    clock.advance(75_000);
    await peer.closed;
    expect(world.ledger.reasons[reason]).toBe(1);
  });

  it("has as much more time for its handshake as it has waited", async () => {
    const step = 500;
    const late = await peerAt(world.inUrl);
    world.policy.onPublisher = () => {
      if (late.socket.bytesWritten === 0) late.send(greeting("NULL"));
      clock.advance(step);
    };
    const crowd = await Promise.all(Array.from({ length: 18 }, () => peerAt(world.inUrl)));
    for (const peer of crowd) {
      peer.send(greeting("NULL"));
      await peer.read(64);
    }
    const connectedAt = clock.monotonic();
    for (const peer of crowd) peer.send(ready("PUB"));
    await late.read(64);
    clock.advance(12_000 - (clock.monotonic() - connectedAt));
    await turn();
    expect(world.ledger.reasons, "more than 4 s of 12 it waited behind the crowd").toEqual({});
    world.policy.onPublisher = () => undefined;
    late.send(ready("PUB"));
    expect((await late.frame()).body.toString("latin1")).toMatch(/READY/);
  });

  it("has its handshake waited for while the broker keeps its proof", async () => {
    let keep: () => void = () => undefined;
    world.policy.tokens.set("alice", "secret");
    world.policy.keeping = new Promise((resolve) => {
      keep = resolve;
    });
    const peer = await peerAt(world.outUrl);
    peer.send(greeting("PLAIN"), hello("alice", "secret"), ready("SUB", {}, "INITIATE"));
    await peer.read(64);
    expect((await peer.frame()).body.toString("latin1")).toMatch(/WELCOME/);
    await turn();
    clock.advance(60_000);
    keep();
    expect((await peer.frame()).body.toString("latin1")).toMatch(/READY/);
    expect(world.ledger.reasons).toEqual({});
  });

  it("has what it said behind its login heard in turns, also when that waited for the disk", async () => {
    let keep: () => void = () => undefined;
    world.policy.tokens.set("alice", "secret");
    world.policy.keeping = new Promise((resolve) => {
      keep = resolve;
    });
    world.policy.onReceived = () => {
      clock.advance(1);
    };
    const said = Array.from({ length: 300 }, (_, at) => message("bob", String(at).padEnd(100)));
    const peer = await peerAt(world.inUrl);
    peer.send(greeting("PLAIN"), hello("alice", "secret"), ready("PUB", {}, "INITIATE"), ...said);
    await peer.read(64);
    expect((await peer.frame()).body.toString("latin1")).toMatch(/WELCOME/);
    await turn();
    keep();
    await world.policy.keeping;
    await Promise.resolve();
    const atOnce = world.policy.messages.length;
    expect(atOnce).toBeGreaterThan(0);
    expect(atOnce, "a piece, in one turn").toBeLessThan(200);
    peer.send(message("bob", "last"));
    await until(() => world.policy.messages.length === said.length + 1, "all of it");
    expect(world.policy.messages.map(({ payload }) => payload.trim())).toEqual([...said.keys(), "last"].map(String));
  });

  it("is not quiet when the broker stops, and is heard to the end", async () => {
    const peer = await publisher();
    await holds(peer);
    const log: string[] = [];
    const draining = world.listener.drain(new AbortController().signal).then(() => log.push("drained"));
    for (let ms = 0; ms < 1_000; ms += 5) {
      clock.advance(5);
      await turn();
    }
    expect(peer.isClosed).toBe(false);
    isHeld = false;
    await until(() => world.policy.messages.length === 1, "it is heard");
    while (log.length === 0) {
      clock.advance(5);
      await turn();
    }
    await draining;
    await peer.closed;
    expect(world.policy.messages).toHaveLength(1);
  });
});
