import { afterEach, describe, expect, it } from "vitest";
import { Fault } from "../../../src/core/index.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { greeting, hello, message, RawPeer, ready, subscribe } from "./raw-peer.js";
import { buildWorld, startWorld, until, type World, type WorldOptions } from "./world.js";

let world: World;
const open: RawPeer[] = [];

async function start(options: WorldOptions = {}): Promise<World> {
  world = await startWorld(options);
  return world;
}

async function connect(url: string): Promise<RawPeer> {
  const peer = await RawPeer.connect(url);
  open.push(peer);
  return peer;
}

afterEach(async () => {
  for (const peer of open.splice(0)) peer.close();
  await world.listener.stop();
});

describe("the doors", () => {
  it("say 11 bytes on accept, and the rest after the client's mechanism (1)", async () => {
    await start();
    const peer = await connect(world.inUrl);
    expect((await peer.read(11)).toString("hex")).toBe("ff00000000000000017f03");
    peer.send(greeting("NULL"));
    expect((await peer.read(53)).toString("latin1", 0, 5)).toBe("\x01NULL");
    expect(peer.unread).toHaveLength(0);
  });

  it("speak NULL and PLAIN on one port (1)", async () => {
    await start();
    world.policy.tokens.set("alice", "secret");
    const plain = await connect(world.outUrl);
    plain.send(greeting("PLAIN"), hello("alice", "secret"), ready("SUB", {}, "INITIATE"));
    expect((await plain.read(64)).toString("latin1", 12, 17)).toBe("PLAIN");
    expect((await plain.frame()).body.toString("latin1")).toBe("\x07WELCOME");
    expect((await plain.frame()).body.toString("latin1")).toMatch(/^\x05READY\x0bSocket-Type\0\0\0\x04XPUB$/);
    const bare = await connect(world.outUrl);
    bare.send(greeting("NULL"), ready("SUB"));
    expect((await bare.read(64)).toString("latin1", 12, 17)).toBe("NULL\0");
    await bare.frame();
    expect(
      world.policy.peers.map(({ mechanism, principal }) => [mechanism, principal?.agent, principal?.trust]),
    ).toEqual([
      ["PLAIN", "alice", "proved"],
      ["NULL", undefined, undefined],
    ]);
  });

  it("send a publisher 00 01 01 after both READY, once, and nothing of the kind before (2)", async () => {
    await start();
    const peer = await connect(world.inUrl);
    peer.send(greeting("NULL"));
    await peer.read(64);
    expect(peer.unread).toHaveLength(0);
    peer.send(ready("PUB"));
    expect((await peer.frame()).body.toString("latin1")).toContain("XSUB");
    expect((await peer.read(3)).toString("hex")).toBe("000101");
    const subscriber = await RawPeer.open(world.outUrl, "SUB");
    open.push(subscriber);
    subscriber.send(subscribe("bob"));
    await until(() => world.policy.events.includes("subscribed bob"), "the subscription");
    peer.send(message("bob", "hi"));
    expect(await subscriber.message()).toEqual(["bob", "hi"]);
    expect(peer.unread, "subscriptions are not forwarded").toHaveLength(0);
  });

  it("open at a port that the system chooses for 0 and for *, as libzmq does", async () => {
    await start({ inUrls: ["tcp://127.0.0.1:*"], outUrls: ["tcp://127.0.0.1:0"] });
    for (const url of [world.inUrl, world.outUrl]) expect(Number(new URL(url).port)).toBeGreaterThan(0);
    open.push(await RawPeer.open(world.inUrl, "PUB"));
  });

  it("close HTTP and ZMTP 1.0 at once (4)", async () => {
    await start();
    for (const bytes of [Buffer.from("GET / HTTP/1.1\r\n"), Buffer.from("ff00000000000000010000", "hex")]) {
      const peer = await connect(world.inUrl);
      peer.send(bytes);
      await peer.closed;
    }
    expect(world.ledger.reasons["zmtp-not-zmtp"]).toBe(2);
    expect(world.logged).toMatchObject([{ fields: { reason: "zmtp-not-zmtp", address: "127.0.0.1" } }]);
  });

  it("hold ZMTP 2.0 for 5 s, with one warning, and say nothing (4)", async () => {
    const clock = new FakeClock();
    await start({ clock });
    const peers = [await connect(world.inUrl), await connect(world.inUrl)];
    for (const peer of peers) {
      await peer.read(11);
      peer.send(Buffer.from("ff00000000000000017f01", "hex"));
    }
    await until(() => world.ledger.reasons["zmtp-too-old"] === 2, "both held");
    expect(world.logged).toHaveLength(1);
    expect(world.logged[0]?.fields).toMatchObject({
      address: "127.0.0.1",
      remedy: expect.stringContaining("libzmq 4") as unknown,
    });
    clock.advance(4_000);
    expect(world.listener.connections()).toEqual([]);
    expect(peers.some(({ isClosed }) => isClosed)).toBe(false);
    clock.advance(1_500);
    await Promise.all(peers.map(({ closed }) => closed));
    expect(peers.map(({ unread }) => unread.length)).toEqual([0, 0]);
  });

  it("refuse for good with ERROR instead of READY, then close, with one warning per address and minute", async () => {
    const clock = new FakeClock();
    await start({ clock });
    const refuse = async (): Promise<string> => {
      const peer = await connect(world.outUrl);
      peer.send(greeting("NULL"), ready("PUB", { "X-Agent": `alic${"e".repeat(15_000)}` }));
      await peer.read(64);
      const { flags, body } = await peer.frame();
      await peer.closed;
      expect([flags, peer.unread.length]).toEqual([4, 0]);
      return body.toString("latin1");
    };
    for (let times = 0; times < 3; times += 1)
      expect(await refuse()).toMatch(/^\x05ERROR.this address is for SUB sockets/);
    expect(world.logged).toHaveLength(1);
    expect(world.logged[0]?.fields).toMatchObject({
      address: "127.0.0.1",
      name: expect.stringMatching(/^alice{124}…$/) as unknown,
      door: "out",
      remedy: expect.stringContaining("other ZeroMQ address") as unknown,
    });
    expect(world.ledger.reasons["zmtp-refused-forbidden"]).toBe(3);
    clock.advance(60_001);
    await refuse();
    expect(world.logged).toHaveLength(2);
  });

  it("tell a wrong password so in place of WELCOME, and never the password to the log (5, 7)", async () => {
    await start();
    world.policy.tokens.set("alice", "secret");
    const peer = await connect(world.inUrl);
    peer.send(greeting("PLAIN"), hello("alice", "x".repeat(255)));
    await peer.read(64);
    expect((await peer.frame()).body.toString("latin1")).toMatch(/^\x05ERROR.the token is wrong/);
    await peer.closed;
    expect(JSON.stringify(world.logged)).not.toContain("xxx");
    expect(world.logged[0]?.fields["name"]).toBe("alice");
  });

  it("let the policy refuse for good with ERROR, or for now with silence (5)", async () => {
    const clock = new FakeClock();
    await start({ clock });
    let fault = new Fault("forbidden", "the name is taken: choose another");
    world.policy.onSubscriber = () => {
      throw fault;
    };
    const refused = await connect(world.outUrl);
    refused.send(greeting("NULL"), ready("SUB"));
    await refused.read(64);
    expect((await refused.frame()).body.toString("latin1")).toContain("the name is taken");
    await refused.closed;
    fault = new Fault("full", "too many agents");
    const held = await connect(world.outUrl);
    held.send(greeting("NULL"), ready("SUB"));
    await held.read(64);
    await until(() => world.ledger.reasons["zmtp-refused-full"] === 1, "held");
    clock.advance(900);
    expect(held.isClosed).toBe(false);
    clock.advance(1_000);
    await held.closed;
    expect(held.unread).toHaveLength(0);
    expect(world.policy.events).toEqual([]);
  });

  it("read Socket-Type and X-Agent, and tell the policy before any subscription (6)", async () => {
    await start();
    const subscriber = await connect(world.outUrl);
    subscriber.send(greeting("NULL"), ready("XSUB", { "X-Agent": "alice", Identity: "ignored" }), subscribe("bob"));
    const publisher = await RawPeer.open(world.inUrl, "XPUB", { "x-agent": "alice" });
    open.push(publisher);
    await until(() => world.policy.events.length === 3, "all events");
    expect(world.policy.events.filter((event) => event.includes("subscri"))).toEqual([
      "subscriber XSUB alice",
      "subscribed bob",
    ]);
    expect(world.policy.events).toContain("publisher XPUB alice");
    expect(world.listener.connections()).toEqual([
      {
        id: "zmq-out-1",
        door: "out",
        remote: "127.0.0.1",
        mechanism: "NULL",
        socketType: "XSUB",
        declared: "alice",
        trust: "claimed",
        subscriptions: 1,
        since: expect.any(Number) as number,
        buffered: 0,
        dropped: 0,
      },
      {
        id: "zmq-in-2",
        door: "in",
        remote: "127.0.0.1",
        mechanism: "NULL",
        socketType: "XPUB",
        declared: "alice",
        trust: "claimed",
        subscriptions: 0,
        since: expect.any(Number) as number,
        buffered: 0,
        dropped: 0,
      },
    ]);
    subscriber.close();
    publisher.close();
    await until(
      () => world.policy.events.includes("subscriber gone") && world.policy.events.includes("publisher gone"),
      "both gone",
    );
    expect(world.listener.connections()).toEqual([]);
    expect(world.router.size).toBe(0);
  });

  it("deliver what the policy sends while it lets a subscriber in, after READY (9)", async () => {
    await start();
    world.policy.onSubscriber = (peer) => {
      for (let count = 0; count < 100; count += 1)
        peer.forward(message("alice", "x".repeat(2_000)), 0, 2_016, 1, false, false);
    };
    const peer = await connect(world.outUrl);
    peer.send(greeting("NULL"), ready("SUB", { "X-Agent": "alice" }));
    await peer.read(64);
    expect((await peer.frame()).body.toString("latin1")).toContain("XPUB");
    for (let count = 0; count < 100; count += 1) expect(await peer.message()).toEqual(["alice", "x".repeat(2_000)]);
  });

  it("open the subscriber door first and the publisher door 250 ms later (10)", async () => {
    const clock = new FakeClock();
    const started = startWorldLater(clock);
    await until(() => clock.waiting > 1, "the delay");
    expect(world.listener.outEndpoints).toHaveLength(1);
    clock.advance(249);
    expect(world.listener.inEndpoints).toEqual([]);
    clock.advance(1);
    await started;
    expect(world.listener.inEndpoints).toHaveLength(1);
  });
});

async function startWorldLater(clock: FakeClock): Promise<void> {
  world = { ...buildWorld({ clock, limits: { publisherDoorDelayMs: 250 } }), inUrl: "", outUrl: "" };
  await world.listener.start();
}
