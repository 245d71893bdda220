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
  world = await startWorld({ limits: { zmqSubscriptionsMax: 3, zmqTopicMaxBytes: 20 } });
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

  it("beyond the limit, too long, or not UTF-8 are ignored and counted", async () => {
    subscriber.send(
      subscribe("a"),
      subscribe("b"),
      subscribe("c"),
      subscribe("d"),
      subscribe("x".repeat(21)),
      asMessage(1, ""),
      Buffer.from("000301c328", "hex"),
    );
    await settled();
    expect(changes()).toHaveLength(3);
    expect(world.ledger.reasons).toMatchObject({ "zmtp-subscriptions-full": 2, "zmtp-subscription-unreadable": 2 });
  });
});

describe("a subscriber", () => {
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

  it("may inspect only with the scope of that name", async () => {
    await until(() => world.policy.peers.length === 1, "the peer");
    expect((world.policy.peers[0] as SubscriberPeer).inspects).toBe(false);
  });
});
