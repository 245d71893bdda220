import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { defaultLimits, Ledger, Router, type Message, type WireSubscriber } from "../../../src/core/index.js";
import { encodeFrame, FrameReader, IllegalBytes, moreFlag } from "../../../src/zeromq/wire/codec.js";
import { encodeCommand } from "../../../src/zeromq/wire/commands.js";
import { Forwarder } from "../../../src/zeromq/wire/forward.js";
import { RouteCache } from "../../../src/zeromq/wire/route-cache.js";
import type { PublisherPeer } from "../../../src/zeromq/wire/index.js";
import { FakeClock } from "../../kit/fake-clock.js";
import { message } from "./raw-peer.js";
import { isExact, OpenPolicy } from "./world.js";

/** Takes ranges and messages and writes down what was in them. */
class Ear implements WireSubscriber {
  readonly heard: string[] = [];
  ranges = 0;
  readonly inspects: boolean;

  constructor(inspects = false) {
    this.inspects = inspects;
  }

  deliver(given: Message): boolean {
    this.heard.push(`${given.topic}=${given.payload.toString("latin1")}`);
    return true;
  }

  forward(chunk: Buffer, start: number, end: number, count: number): void {
    const reader = new FrameReader(1e9);
    reader.feed(Buffer.from(chunk.subarray(start, end)));
    let topic = "";
    let seen = 0;
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      if ((frame.flags & moreFlag) !== 0) topic = frame.body.toString();
      else {
        this.heard.push(`${topic}=${frame.body.toString("latin1")}`);
        seen += 1;
      }
    }
    expect(seen).toBe(count);
    this.ranges += 1;
  }
}

let router: Router;
let ledger: Ledger;
let policy: OpenPolicy;
let commands: string[];
let isOpen: boolean;

function publisher(mechanism: "NULL" | "PLAIN" = "NULL", limits = defaultLimits): Forwarder {
  const peer: PublisherPeer = {
    id: "p",
    remote: "127.0.0.1",
    isLocal: true,
    mechanism,
    principal: undefined,
    socketType: "PUB",
    declared: undefined,
    close: () => {
      isOpen = false;
    },
  };
  const source = {
    peer,
    get isOpen() {
      return isOpen;
    },
    command: (body: Buffer) => commands.push(body.toString("latin1")),
  };
  return new Forwarder({ ledger, limits, policy, routes: new RouteCache(router), clock: new FakeClock() }, source);
}

/** Pushes chunks that are overwritten afterwards, as the shared read buffer is. */
function push(to: Forwarder, ...chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    const borrowed = Buffer.from(chunk);
    to.push(borrowed);
    borrowed.fill(0xee);
  }
}

beforeEach(() => {
  router = new Router();
  ledger = new Ledger();
  policy = new OpenPolicy(router, ledger);
  commands = [];
  isOpen = true;
});

describe("forwarding", () => {
  it("sends consecutive messages of one topic as one range", () => {
    const ear = new Ear();
    router.subscribe("alice", ear);
    push(publisher(), Buffer.concat([message("alice", "1"), message("alice", "2"), message("alice", "3")]));
    expect(ear.heard).toEqual(["alice=1", "alice=2", "alice=3"]);
    expect(ear.ranges).toBe(1);
    expect(ledger.messages).toMatchObject({ accepted: 3, routed: 3 });
  });

  it("keeps claude apart from claude_code, and topics of equal length from each other", () => {
    const [claude, code, other] = [new Ear(), new Ear(), new Ear()];
    router.subscribe("claude", claude);
    router.subscribe("claude_code", code);
    router.subscribe("claudf", other);
    push(
      publisher(),
      Buffer.concat([
        message("claude", "1"),
        message("claude_code", "2"),
        message("claudf", "3"),
        message("claude", "4"),
      ]),
    );
    expect([claude.heard, code.heard, other.heard]).toEqual([
      ["claude=1", "claude=4"],
      ["claude_code=2"],
      ["claudf=3"],
    ]);
  });

  it("gives the policy what nobody receives, what a reader receives, and what is guarded, in order", () => {
    const ear = new Ear();
    const order: string[] = [];
    router.subscribe("wire", {
      forward: (...range) => {
        order.push("wire");
        ear.forward(...(range.slice(0, 4) as [Buffer, number, number, number]));
      },
      deliver: () => true,
    } as WireSubscriber);
    router.subscribe("reader", { deliver: () => true });
    router.guard("#secret", () => undefined);
    policy.onReceived = ({ topic }) => order.push(topic);
    push(
      publisher(),
      Buffer.concat(
        ["wire", "nobody", "wire", "reader", "#secret", "wire", "wire"].map((topic) => message(topic, "x")),
      ),
    );
    expect(order).toEqual(["wire", "nobody", "wire", "reader", "#secret", "wire"]);
    expect(ledger.messages).toMatchObject({ accepted: 7, routed: 4, refused: 3 });
  });

  it("gives the policy every topic that begins with $, subscribed or not", () => {
    const ear = new Ear();
    router.subscribe("$events", ear);
    push(publisher(), message("$events", "{}"), message("$broker", "{}"));
    expect(policy.messages.map(({ topic }) => topic)).toEqual(["$events", "$broker"]);
    expect(ear.heard).toEqual([]);
  });

  it("gives the policy everything a PLAIN publisher says", () => {
    const ear = new Ear();
    router.subscribe("bob", ear);
    push(publisher("PLAIN"), message("bob", "1"), message("bob", "2"));
    expect(policy.messages).toHaveLength(2);
    expect(ear.heard).toEqual([]);
  });

  it("notices at the next message that a route came or went while the policy handled a message", () => {
    const ear = new Ear();
    const end = router.subscribe("eve", ear);
    policy.onReceived = ({ topic }) => {
      if (topic === "bob") router.subscribe("bob", ear);
      else end();
    };
    push(
      publisher(),
      Buffer.concat([
        message("bob", "1"),
        message("bob", "2"),
        message("eve", "3"),
        message("nobody", "4"),
        message("eve", "5"),
      ]),
    );
    expect(ear.heard).toEqual(["bob=2", "eve=3"]);
    expect(policy.messages.map(({ payload }) => payload)).toEqual(["1", "4", "5"]);
  });

  it("lets taps hear ranges, and gives the policy what a tap parses", () => {
    const [ear, tap] = [new Ear(), new Ear()];
    router.subscribe("bob", ear);
    router.tap(tap);
    push(publisher(), message("bob", "1"), message("nobody", "2"));
    expect([ear.heard, tap.heard]).toEqual([["bob=1"], ["bob=1"]]);
    expect(policy.messages.map(({ topic }) => topic)).toEqual(["nobody"]);
    const untap = router.tap({ deliver: () => true });
    push(publisher(), message("bob", "3"));
    expect(policy.messages.map(({ topic }) => topic)).toEqual(["nobody", "bob"]);
    untap();
    push(publisher(), message("bob", "4"));
    expect([ear.heard, tap.heard]).toEqual([
      ["bob=1", "bob=4"],
      ["bob=1", "bob=4"],
    ]);
  });

  it("stops reading as soon as the policy closes the connection", () => {
    policy.onReceived = (_, peer) => {
      peer.close("test");
    };
    push(publisher(), Buffer.concat([message("nobody", "1"), message("nobody", "2")]), message("nobody", "3"));
    expect(policy.messages).toHaveLength(1);
    expect(ledger.messages.accepted).toBe(1);
  });

  it("drops and counts messages that have not exactly two parts, and topics that cannot be read", () => {
    const ear = new Ear();
    router.subscribe("bob", ear);
    push(
      publisher(),
      Buffer.concat([
        message("bob"),
        message("bob", "a", "b"),
        message("bob", "a", "b", "c", "d"),
        message("bob", "good"),
        message("x".repeat(1025), "y"),
        message(Buffer.from([0xc3, 0x28]), "y"),
      ]),
    );
    expect(ear.heard).toEqual(["bob=good"]);
    expect(ledger.messages).toMatchObject({ accepted: 6, routed: 1, malformed: 5 });
    expect(ledger.reasons).toMatchObject({ "zmtp-not-two-parts": 3, "zmtp-topic-unreadable": 2 });
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
        [router, ledger] = [new Router(), new Ledger()];
        router.subscribe("bob", bob);
        router.subscribe("eve", eve);
        push(publisher(), bytes.subarray(0, cut), bytes.subarray(cut));
        expect([eve.heard, bob.heard, ledger.messages.malformed]).toEqual([[], ["bob=next"], 1]);
      }
    }
  });

  it("takes an empty topic and an empty payload", () => {
    push(publisher(), message("", "x"), message("bob", ""));
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
    push(publisher(), Buffer.concat([ping, whole.subarray(0, 5), ping, whole.subarray(5), ping, whole]));
    expect(ear.heard).toEqual(["bob=1", "bob=1"]);
    expect(commands).toHaveLength(3);
  });

  it("reads as many commands between two parts as come, wherever they are cut, and keeps the first part once", () => {
    const [bob, eve] = [new Ear(), new Ear()];
    router.subscribe("bob", bob);
    router.subscribe("eve", eve);
    const to = publisher();
    const first = encodeFrame(moreFlag, Buffer.alloc(1_000_000, "t"));
    const pings = Buffer.concat(Array.from({ length: 20_000 }, () => encodeCommand("PING", Buffer.from([0, 0]))));
    const copied = vi.spyOn(Buffer.prototype, "copy");
    push(to, first, pings.subarray(0, 100_003), pings.subarray(100_003));
    // A copy of the first part with each command would be 20 GB.
    expect(copied.mock.calls.length).toBeLessThan(1_000);
    copied.mockRestore();
    expect(to.unfinishedBytes).toBe(first.length);
    push(to, encodeFrame(0, Buffer.from("x")), message("bob", "1"));
    expect([commands.length, to.unfinishedBytes, ledger.reasons["zmtp-topic-unreadable"], bob.heard]).toEqual([
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
      push(publisher(), Buffer.concat([message("bob", "1"), Buffer.from([0x08])]));
    }).toThrow(IllegalBytes);
    expect(ear.heard).toEqual(["bob=1"]);
  });

  it("refuses a frame and a message over their limits on the header", () => {
    const limits = { ...defaultLimits, zmqFrameMaxBytes: 1_000, zmqMessageMaxBytes: 1_500 };
    const reason = (...chunks: readonly Buffer[]): unknown => {
      try {
        push(publisher("NULL", limits), ...chunks);
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

  it("is the same however the bytes are cut", () => {
    const topic = fc.constantFrom("alice", "bob", "zoë", "nobody", "$broker", "x".repeat(300));
    const payload = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.integer({ min: 200, max: 90_000 }).map((size) => "p".repeat(size)),
    );
    const sent = fc.oneof(
      { weight: 8, arbitrary: fc.tuple(topic, payload).map(([to, body]) => message(to, body)) },
      {
        weight: 1,
        arbitrary: fc
          .array(payload, { minLength: 1, maxLength: 4 })
          .map((parts) => message(...(parts.length === 2 ? ["one"] : parts))),
      },
      { weight: 1, arbitrary: fc.constant(encodeCommand("PING", Buffer.from([0, 0, 1]))) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(topic, payload, fc.integer({ min: 1, max: 3 }))
          .map(([to, body, count]) =>
            Buffer.concat([
              encodeFrame(moreFlag, Buffer.from(to)),
              ...Array.from({ length: count }, () => encodeCommand("PING", Buffer.from([0, 0, 1]))),
              encodeFrame(0, Buffer.from(body)),
            ]),
          ),
      },
    );
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 15 }), fc.array(fc.nat(), { maxLength: 12 }), (messages, places) => {
        const run = (cuts: readonly number[]): unknown => {
          router = new Router();
          ledger = new Ledger();
          policy = new OpenPolicy(router, ledger);
          commands = [];
          const ears = ["alice", "bob", "zoë", "x".repeat(300)].map((name) => {
            const ear = new Ear();
            router.subscribe(name, ear);
            return ear;
          });
          const bytes = Buffer.concat(messages);
          const ends = [
            ...cuts.map((place) => place % (bytes.length + 1)).sort((one, other) => one - other),
            bytes.length,
          ];
          push(publisher(), ...ends.map((end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end)));
          expect(isExact(ledger)).toBe(true);
          return [
            ears.map(({ heard }) => heard),
            policy.messages.map(({ topic: to, payload: body }) => [to, body]),
            commands,
            ledger.messages,
            ledger.reasons,
          ];
        };
        expect(run(places)).toEqual(run([]));
      }),
      { seed: 7, numRuns: 150 },
    );
  });
});
