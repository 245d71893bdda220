import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeFrame, encodeMessage } from "../../../src/zeromq/wire/codec.js";
import { encodeCommand } from "../../../src/zeromq/wire/commands.js";
import { Message, type Envelope } from "../../../src/core/index.js";
import type { SubscriberPeer } from "../../../src/zeromq/wire/index.js";
import { message, RawPeer, ready } from "./raw-peer.js";
import { startWorld, until, type World } from "./world.js";

const asMessage = (byte: 0 | 1, topic: string): Buffer =>
  encodeFrame(0, Buffer.concat([Buffer.from([byte]), Buffer.from(topic)]));
const forms = {
  "as messages (3.0)": {
    subscribe: (topic: string) => asMessage(1, topic),
    cancel: (topic: string) => asMessage(0, topic),
  },
  "as commands (3.1)": {
    subscribe: (topic: string) => encodeCommand("SUBSCRIBE", Buffer.from(topic)),
    cancel: (topic: string) => encodeCommand("CANCEL", Buffer.from(topic)),
  },
  mixed: {
    subscribe: (topic: string) => encodeCommand("SUBSCRIBE", Buffer.from(topic)),
    cancel: (topic: string) => asMessage(0, topic),
  },
};
const ping = encodeCommand("PING", Buffer.from([0, 0, 0x2a]));

let world: World;
let subscriber: RawPeer;

beforeEach(async () => {
  world = await startWorld({ limits: { zmqSubscriptionsMax: 3, zmqNamesMax: 1, zmqTopicMaxBytes: 20 } });
  subscriber = await RawPeer.open(world.outUrl, "SUB");
});

afterEach(async () => {
  subscriber.close();
  await world.listener.stop();
});

/** Resolves once everything sent so far has been read: PING is answered in order. */
async function settled(): Promise<void> {
  subscriber.send(ping);
  expect((await subscriber.frame()).body.toString("latin1")).toBe("\x04PONG\x2a");
}

const changes = (): string[] => world.policy.events.filter((event) => /^(un)?subscribed/.test(event));

describe.each(Object.entries(forms))("subscriptions %s", (_, { subscribe, cancel }) => {
  it("are a set: two SUBSCRIBE and one CANCEL leave nothing (8)", async () => {
    subscriber.send(subscribe("a"), subscribe("a"), cancel("a"));
    await settled();
    expect(changes()).toEqual(["subscribed a", "unsubscribed a"]);
    expect(world.router.size).toBe(0);
  });

  it("survive a CANCEL of something else, and one too many (8)", async () => {
    subscriber.send(cancel("b"), subscribe("a"), cancel("b"), cancel("a"), cancel("a"), subscribe("a"));
    await settled();
    expect(changes()).toEqual(["subscribed a", "unsubscribed a", "subscribed a"]);
  });

  it("may be empty: everything", async () => {
    subscriber.send(subscribe(""));
    await settled();
    expect(changes()).toEqual(["subscribed "]);
  });

  it("beyond the limit or too long are refused alone, counted and told", async () => {
    subscriber.send(
      subscribe("a"),
      subscribe("b"),
      subscribe("c"),
      subscribe("d"),
      subscribe("x".repeat(21)),
      subscribe("x".repeat(5_000)),
      asMessage(1, ""),
      cancel("x".repeat(5_000)),
    );
    await settled();
    expect(changes()).toHaveLength(3);
    expect(world.ledger.reasons).toMatchObject({ "zmtp-subscriptions-full": 2, "zmtp-subscription-too-long": 2 });
    expect(world.policy.losses.map(({ fault, topic }) => [fault.code, fault.detail?.["subscription"], topic])).toEqual([
      ["full", "d", "d"],
      ["too-large", "x".repeat(21), undefined],
      ["too-large", "x".repeat(64), undefined],
      ["full", "", ""],
    ]);
    expect(world.logged.map(({ fields }) => fields["reason"])).toEqual([
      "zmtp-subscriptions-full",
      "zmtp-subscription-too-long",
    ]);
  });

  it("that can be a name have room of their own behind all others, since they may come last", async () => {
    const others = ["#a", "b.", "c/"];
    subscriber.send(...others.map(subscribe), subscribe("#d"), subscribe("zed"), subscribe("zoe"), subscribe("zed"));
    await settled();
    expect(changes()).toEqual([...others, "zed"].map((topic) => `subscribed ${topic}`));
    subscriber.send(cancel("zed"), cancel("zed"), subscribe("zoe"));
    await settled();
    expect(changes().slice(4)).toEqual(["unsubscribed zed", "subscribed zoe"]);
  });

  it("are any bytes", async () => {
    const packed = Buffer.from([0xc8, 0, 0, 0x2e]);
    const text = subscribe("");
    // The same form, with these bytes behind it: the body is 4 bytes longer.
    const bytes = Buffer.concat([text, packed]);
    bytes[1] = (bytes[1] ?? 0) + packed.length;
    subscriber.send(bytes);
    await settled();
    const publisher = await RawPeer.open(world.inUrl, "PUB");
    publisher.send(message(packed, "x"), message(Buffer.from([0xc9, 0, 0, 0x2e]), "not this"), message(packed, "y"));
    expect(await subscriber.message()).toEqual([packed.toString("latin1"), "x"]);
    expect(await subscriber.message()).toEqual([packed.toString("latin1"), "y"]);
    publisher.close();
  });
});

describe("a subscriber", () => {
  it("may send frames of any length up to the limit, in pieces of any size, and is served behind them", async () => {
    const long = encodeCommand("SUBSCRIBE", Buffer.alloc(100_000, "s"));
    const bytes = Buffer.concat([
      long,
      asMessage(1, "m".repeat(70_000)),
      encodeCommand("CANCEL", Buffer.alloc(3_000, "s")),
      encodeCommand("FUTURE", Buffer.alloc(200_000)),
      encodeFrame(0, Buffer.alloc(90_000, "?")),
      encodeCommand("PING", Buffer.concat([Buffer.from([0, 0]), Buffer.alloc(5_000, "p")])),
      asMessage(1, "bob"),
    ]);
    for (let at = 0; at < bytes.length; at += 777) subscriber.send(bytes.subarray(at, at + 777));
    expect((await subscriber.frame()).body.toString("latin1")).toBe(`\x04PONG${"p".repeat(16)}`);
    await until(() => changes().length === 1, "the subscription behind");
    expect(changes()).toEqual(["subscribed bob"]);
    expect(world.ledger.reasons).toEqual({ "zmtp-subscription-too-long": 2, "zmtp-upstream-ignored": 1 });
    expect(subscriber.isClosed).toBe(false);
  });

  it("that is closed for its bytes leaves one line in the log, with the remedy", async () => {
    for (let times = 0; times < 3; times += 1) {
      const peer = await RawPeer.open(world.outUrl, "SUB", { "X-Agent": "ada" });
      peer.send(Buffer.from("020000000000100001", "hex"));
      await peer.closed;
    }
    expect(world.ledger.reasons["zmtp-frame-too-large"]).toBe(3);
    const line = { name: "ada", reason: "zmtp-frame-too-large", remedy: expect.stringContaining("1048576") as string };
    expect(world.logged).toMatchObject([{ fields: line }]);
    const publisher = await RawPeer.open(world.inUrl, "PUB", { "X-Agent": "bob" });
    publisher.send(Buffer.from("0103626f62020000000000100001", "hex"));
    await publisher.closed;
    expect(world.policy.losses.at(-1)).toMatchObject({ peer: { declared: "bob" }, fault: { code: "too-large" } });
  });

  it("may send unknown commands, empty frames and messages of its own; they are ignored (12)", async () => {
    subscriber.send(
      encodeCommand("FUTURE", Buffer.from("x")),
      Buffer.from([0, 0]),
      message("two", "parts"),
      encodeCommand("ERROR", Buffer.from([0])),
    );
    await settled();
    expect(subscriber.isClosed).toBe(false);
    expect(world.ledger.reasons["zmtp-upstream-ignored"]).toBe(3);
  });

  it.each([
    ["READY twice", ready("SUB"), "zmtp-ready-twice"],
    ["PING under 7 bytes", encodeCommand("PING", Buffer.from([0])), "zmtp-short-ping"],
    ["reserved flags", Buffer.from([0x40, 0]), "zmtp-reserved-flags"],
    ["MORE on a command", Buffer.from([0x05, 0]), "zmtp-command-more"],
    ["a name longer than the body", Buffer.from([0x04, 2, 9, 0x41]), "zmtp-command-name"],
    ["a length of 2^53", Buffer.from("020020000000000000", "hex"), "zmtp-frame-too-large"],
    ["a frame over the limit", Buffer.from("020000000000100001", "hex"), "zmtp-frame-too-large"],
  ])("that sends %s is closed, and nobody else is (12)", async (_, bytes, reason) => {
    const publisher = await RawPeer.open(world.inUrl, "PUB");
    const other = await RawPeer.open(world.outUrl, "SUB");
    other.send(asMessage(1, "bob"));
    await until(() => changes().length === 1, "the subscription");
    subscriber.send(bytes);
    await subscriber.closed;
    expect(world.ledger.reasons[reason]).toBe(1);
    publisher.send(message("bob", "hi"));
    expect(await other.message()).toEqual(["bob", "hi"]);
    publisher.send(bytes);
    await publisher.closed;
    expect(world.ledger.reasons[reason]).toBe(2);
    other.close();
  });

  it("gets messages of the router, its own topic in deliverAs, each whole and in order", async () => {
    await until(() => world.policy.peers.length === 1, "the peer");
    const peer = world.policy.peers[0] as SubscriberPeer;
    const envelope: Envelope = {
      message_id: "1",
      timestamp: "t",
      from: "a",
      to: "all",
      type: "inform",
      priority: "NORMAL",
      content: { message: "m" },
    };
    const given = Message.of(envelope, { topic: "all", receivedAt: 0, trust: "claimed", origin: undefined });
    expect(peer.deliver(given, false)).toBe(true);
    expect(peer.deliverAs("alice", given)).toBe(true);
    const big = Message.fromPayload(Buffer.alloc(300_000, "b"), {
      topic: "big",
      receivedAt: 0,
      trust: "claimed",
      origin: undefined,
    });
    expect(peer.deliver(big, false)).toBe(true);
    expect(peer.deliver(given, true)).toBe(true);
    expect(given.wire?.equals(encodeMessage("all", given.payload))).toBe(true);
    const heard = [
      await subscriber.message(),
      await subscriber.message(),
      await subscriber.message(),
      await subscriber.message(),
    ];
    expect(heard.map(([topic]) => topic)).toEqual(["all", "alice", "big", "all"]);
    expect(heard.map((parts) => parts[1]?.length)).toEqual([
      given.payload.length,
      given.payload.length,
      300_000,
      given.payload.length,
    ]);
    await until(() => world.ledger.copies.written === 3 && world.ledger.taps.written === 1, "the ledger");
  });

  it("hears nothing invite-only without a token", async () => {
    await until(() => world.policy.peers.length === 1, "the peer");
    expect((world.policy.peers[0] as SubscriberPeer).sight).toBe("direct");
  });
});
