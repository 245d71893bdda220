import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../../src/core/index.js";
import { greeting, hello, message, RawPeer, ready, subscribe } from "./raw-peer.js";
import { startWorld, until, type World } from "./world.js";

describe("a name that PLAIN proves for the first time", () => {
  let world: World;
  let keep: { done: () => void; failed: (why: Error) => void };
  let open: RawPeer[];
  const plain = async (url: string, type: string, ...more: readonly Buffer[]): Promise<RawPeer> => {
    const peer = await RawPeer.connect(url);
    open.push(peer);
    peer.send(greeting("PLAIN"), hello("alice", "secret"), ready(type, {}, "INITIATE"), ...more);
    await peer.read(64);
    expect((await peer.frame()).body.toString("latin1")).toMatch(/WELCOME/);
    return peer;
  };
  beforeEach(async () => {
    open = [];
    world = await startWorld();
    world.policy.tokens.set("alice", "secret");
    world.policy.keeping = new Promise((done, failed) => {
      keep = { done, failed };
    });
  });
  afterEach(async () => {
    for (const peer of open) peer.close();
    await world.listener.stop();
  });

  it("gets READY on either door when that is on disk, not before, and nothing it said is lost", async () => {
    const sub = await plain(world.outUrl, "SUB", subscribe("alice"));
    const pub = await plain(world.inUrl, "PUB", message("bob", "early"));
    sub.send(subscribe("later"));
    pub.send(message("bob", "later"));
    const other = await RawPeer.open(world.outUrl, "SUB");
    open.push(other);
    expect([sub.unread.length, pub.unread.length, world.policy.messages.length]).toEqual([0, 0, 0]);
    expect(world.policy.events).toEqual(["subscriber SUB ?"]);
    keep.done();
    for (const peer of [sub, pub]) expect((await peer.frame()).body.toString("latin1")).toMatch(/READY/);
    await until(() => world.policy.messages.length === 2, "both messages");
    expect(world.policy.messages.map(({ payload }) => payload)).toEqual(["early", "later"]);
    await until(() => world.policy.events.includes("subscribed later"), "the second subscription");
    expect(world.policy.events.filter((event) => event.startsWith("subscribed"))).toEqual([
      "subscribed alice",
      "subscribed later",
    ]);
  });

  it("loses nothing of the much that it said in the same write, which is read in pieces", async () => {
    const said = Array.from({ length: 2_000 }, (_, at) => message("bob", String(at)));
    const pub = await plain(world.inUrl, "PUB", ...said);
    await new Promise((resolve) => setImmediate(resolve));
    keep.done();
    expect((await pub.frame()).body.toString("latin1")).toMatch(/READY/);
    await until(() => world.policy.messages.length === said.length, "all of them");
    expect(world.policy.messages.map(({ payload }) => payload)).toEqual(said.map((_, at) => String(at)));
  });

  it("is let in later where it could not be kept: the refusal passes", async () => {
    const sub = await plain(world.outUrl, "SUB");
    keep.failed(new Fault("unavailable", "the disk is full"));
    await until(() => world.ledger.reasons["zmtp-refused-unavailable"] === 1, "it is refused");
    expect([sub.unread.length, sub.isClosed]).toEqual([0, false]);
    expect(world.policy.events).toEqual([]);
  });

  it("is nobody's if its connection has gone meanwhile, or the broker stops", async () => {
    const [gone, stays] = [await plain(world.outUrl, "SUB"), await plain(world.outUrl, "SUB")];
    gone.socket.resetAndDestroy();
    await gone.closed;
    await world.listener.stop();
    await stays.closed;
    keep.done();
    await new Promise((resolve) => setImmediate(resolve));
    expect(world.policy.events).toEqual([]);
  });
});
