import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  defaultLimits,
  topicBytes,
  topicOf,
  type Ledger,
  type Router,
  type WireSubscriber,
} from "../../../src/core/index.js";
import { encodeFrame, encodeMessage, IllegalBytes, moreFlag } from "../../../src/zeromq/wire/codec.js";
import { encodeCommand } from "../../../src/zeromq/wire/commands.js";
import { Ear, ForwardWorld, push } from "./forward-world.js";
import { message } from "./raw-peer.js";
import { isExact, type OpenPolicy } from "./world.js";

let world: ForwardWorld;
let router: Router;
let ledger: Ledger;
let policy: OpenPolicy;
beforeEach(() => {
  world = new ForwardWorld();
  ({ router, ledger, policy } = world);
});

describe("forwarding of other shapes than a message of two parts", () => {
  it("drops, counts and tells of messages that have not exactly two parts, and of topics that are too long", () => {
    const ear = new Ear();
    router.subscribe("bob", ear);
    push(
      world.publisher(),
      Buffer.concat([
        message("bob"),
        message("bob", "a", "b"),
        message("bob", "a", "b", "c", "d"),
        message("bob", "good"),
        message("x".repeat(1025), "y"),
      ]),
    );
    expect(ear.heard).toEqual(["bob=good"]);
    expect(ledger.messages).toMatchObject({ accepted: 5, routed: 1, malformed: 4 });
    expect(ledger.reasons).toMatchObject({ "zmtp-not-two-parts": 3, "zmtp-topic-too-long": 1 });
    expect(policy.losses.map(({ fault }) => fault.code)).toEqual(["malformed", "malformed", "malformed", "too-large"]);
    expect(world.warned).toEqual([...Array<string>(3).fill("zmtp-not-two-parts"), "zmtp-topic-too-long"]);
  });

  it("tells of ten losses in a second at most, whatever comes", () => {
    const to = world.publisher();
    for (let n = 0; n < 50; n += 1) push(to, message("bob"));
    expect(policy.losses).toHaveLength(10);
    world.clock.advance(1_000);
    push(to, message("bob"));
    expect(policy.losses).toHaveLength(11);
    expect(ledger.reasons["zmtp-not-two-parts"]).toBe(51);
  });

  it("takes topics of any bytes, exactly, as bytes and as messages", () => {
    const [ear, other] = [new Ear(), new Ear()];
    const packed = Buffer.from([0x80, 0, 0, 0]);
    router.subscribe(topicOf(packed, 0, 4), ear);
    router.subscribe("\ufffd\0\0\0", other);
    const to = world.publisher();
    push(to, Buffer.concat([message(packed, "1"), message(packed, "2"), message("bob", "3"), message(packed, "$4")]));
    push(to, message(Buffer.from([0x81, 0, 0, 0]), "5"));
    expect([ear.given.length, ear.heard.length, other.heard]).toEqual([2, 3, []]);
    expect(policy.messages.map(({ topic, payload }) => [topicBytes(topic).toString("hex"), payload])).toEqual([
      ["626f62", "3"],
      ["81000000", "5"],
    ]);
    expect(encodeMessage(policy.messages[1]?.topic ?? "", Buffer.from("5"))).toEqual(
      message(Buffer.from([0x81, 0, 0, 0]), "5"),
    );
  });

  it("never takes parts of a longer message for a message of another topic, wherever it is cut", () => {
    const part = encodeFrame(moreFlag, Buffer.from("eve"));
    const last = encodeFrame(0, Buffer.from("eve"));
    const ping = encodeCommand("PING", Buffer.from([0, 0]));
    for (const parts of [
      [],
      [part],
      [part, part],
      [part, part, part],
      [part, part, part, part],
      [ping],
      [ping, part],
    ]) {
      const bytes = Buffer.concat([part, ...parts, part, last, message("bob", "next")]);
      for (let cut = 0; cut < bytes.length; cut += 1) {
        const [bob, eve] = [new Ear(), new Ear()];
        world = new ForwardWorld();
        ({ router, ledger, policy } = world);
        router.subscribe("bob", bob);
        router.subscribe("eve", eve);
        push(world.publisher(), bytes.subarray(0, cut), bytes.subarray(cut));
        expect([eve.heard, bob.heard, policy.messages, ledger.messages.malformed]).toEqual([[], ["bob=next"], [], 1]);
      }
    }
  });

  it("takes an empty topic and an empty payload", () => {
    push(world.publisher(), message("", "x"), message("bob", ""));
    expect(policy.messages.map(({ topic, payload }) => [topic, payload])).toEqual([
      ["", "x"],
      ["bob", ""],
    ]);
  });

  it("hands on commands between messages and between the parts of one", () => {
    const ear = new Ear();
    router.subscribe("bob", ear);
    const ping = encodeCommand("PING", Buffer.from([0, 0]));
    const whole = message("bob", "1");
    push(world.publisher(), Buffer.concat([ping, whole.subarray(0, 5), ping, whole.subarray(5), ping, whole]));
    expect(ear.heard).toEqual(["bob=1", "bob=1"]);
    expect(world.commands).toHaveLength(3);
  });

  it("reads as many commands between two parts as come, wherever they are cut, and keeps the first part once", () => {
    const [bob, eve] = [new Ear(), new Ear()];
    router.subscribe("bob", bob);
    router.subscribe("eve", eve);
    const to = world.publisher();
    const first = encodeFrame(moreFlag, Buffer.alloc(1_000_000, "t"));
    const pings = Buffer.concat(Array.from({ length: 20_000 }, () => encodeCommand("PING", Buffer.from([0, 0]))));
    const copied = vi.spyOn(Buffer.prototype, "copy");
    push(to, first, pings.subarray(0, 100_003), pings.subarray(100_003));
    // A copy of the first part with each command would be 20 GB.
    expect(copied.mock.calls.length).toBeLessThan(1_000);
    copied.mockRestore();
    expect(to.unfinishedBytes).toBe(first.length);
    push(to, encodeFrame(0, Buffer.from("x")), message("bob", "1"));
    expect([world.commands.length, to.unfinishedBytes, ledger.reasons["zmtp-topic-too-long"], bob.heard]).toEqual([
      20_000,
      0,
      1,
      ["bob=1"],
    ]);
    const ping = encodeCommand("PING", Buffer.from([0, 0]));
    const [one, other] = [message("bob", "2"), message("eve", "3")];
    push(
      to,
      Buffer.concat([
        one,
        other.subarray(0, 5),
        ping,
        ping,
        other.subarray(5),
        one,
        one.subarray(0, 5),
        ping,
        encodeFrame(moreFlag, Buffer.from("x")),
        ping,
        encodeFrame(0, Buffer.from("y")),
        one,
      ]),
    );
    expect([bob.heard, eve.heard]).toEqual([["bob=1", "bob=2", "bob=2", "bob=2"], ["eve=3"]]);
    expect(ledger.reasons["zmtp-not-two-parts"]).toBe(1);
    expect(isExact(ledger)).toBe(true);
  });

  it("forwards what came before illegal bytes, then refuses them", () => {
    const ear = new Ear();
    router.subscribe("bob", ear);
    expect(() => {
      push(world.publisher(), Buffer.concat([message("bob", "1"), Buffer.from([0x08])]));
    }).toThrow(IllegalBytes);
    expect(ear.heard).toEqual(["bob=1"]);
  });

  it("refuses a frame and a message over their limits on the header", () => {
    const limits = { ...defaultLimits, zmqFrameMaxBytes: 1_000, zmqMessageMaxBytes: 1_500 };
    const reason = (...chunks: readonly Buffer[]): unknown => {
      try {
        push(world.publisher("NULL", limits), ...chunks);
      } catch (thrown) {
        return thrown instanceof IllegalBytes ? thrown.reason : thrown;
      }
      return undefined;
    };
    expect(reason(message("bob", "x".repeat(1_001)).subarray(0, 14))).toBe("zmtp-frame-too-large");
    expect(reason(message("bob", "x".repeat(1_000)))).toBeUndefined();
    expect(reason(message("x".repeat(1_000), "x".repeat(1_000)))).toBe("zmtp-message-too-large");
    expect(reason(message("bob", "x".repeat(900), "x".repeat(900)))).toBe("zmtp-message-too-large");
  });

  it("takes a topic and a message that are as long as they may be, wherever in the chunk they lie", () => {
    push(world.publisher(), message("t".repeat(defaultLimits.zmqTopicMaxBytes), "x"));
    expect(policy.messages.map(({ topic }) => topic.length)).toEqual([defaultLimits.zmqTopicMaxBytes]);
    const limits = { ...defaultLimits, zmqFrameMaxBytes: 1_000, zmqMessageMaxBytes: 1_500 };
    const odd = (size: number): Buffer => message("bob", "x".repeat(900), "y".repeat(size - 923));
    push(world.publisher("NULL", limits), Buffer.concat([...Array<Buffer>(9).fill(message("bob", "x")), odd(1_500)]));
    expect(ledger.reasons["zmtp-not-two-parts"]).toBe(1);
    expect(() => {
      push(world.publisher("NULL", limits), odd(1_501));
    }).toThrow("zmtp-message-too-large");
  });

  it("takes a topic of the greatest length for a topic, and a longer one for none, though somebody subscribed to both", () => {
    const ear = new Ear();
    const [longest, longer] = [0, 1].map((more) => "t".repeat(defaultLimits.zmqTopicMaxBytes + more));
    for (const topic of [longest, longer]) router.subscribe(topic ?? "", ear);
    push(world.publisher(), message(longest ?? "", "x"), message(longer ?? "", "y"));
    expect([ear.heard, ledger.reasons["zmtp-topic-too-long"]]).toEqual([[`${longest ?? ""}=x`], 1]);
  });

  it("takes two parts that are together as long as a message may be, and not a byte more", () => {
    const limits = { ...defaultLimits, zmqFrameMaxBytes: 1_000, zmqMessageMaxBytes: 1_500 };
    push(world.publisher("NULL", limits), message("t".repeat(750), "x".repeat(750)));
    expect(policy.messages).toHaveLength(1);
    expect(() => {
      push(world.publisher("NULL", limits), message("t".repeat(750), "x".repeat(751)));
    }).toThrow("zmtp-message-too-large");
  });

  it("stops at the command that closes the connection", () => {
    const ear = new Ear();
    router.subscribe("bob", ear);
    world.closesAtCommand = true;
    const ping = encodeCommand("PING", Buffer.from([0, 0]));
    push(world.publisher(), Buffer.concat([message("bob", "1"), ping, message("bob", "2"), ping]), message("bob", "3"));
    expect([ear.heard, world.commands.length]).toEqual([["bob=1"], 1]);
  });

  it("refuses a length that is over the limit even where all its bytes, or as many as its lower half says, are there", () => {
    const forward = vi.fn(); // an Ear would refuse the length itself
    router.subscribe("bob", { forward, deliver: () => true } as WireSubscriber);
    const limits = { ...defaultLimits, zmqFrameMaxBytes: 1_000 };
    const topic = encodeFrame(moreFlag, Buffer.from("bob"));
    const beyond4GiB = Buffer.concat([topic, Buffer.from("020000000100000003", "hex"), Buffer.from("abc")]);
    for (const bytes of [message("bob", "x".repeat(1_001)), beyond4GiB])
      expect(() => {
        push(world.publisher("NULL", limits), bytes);
      }).toThrow("zmtp-frame-too-large");
    expect(forward).not.toHaveBeenCalled();
  });
});
