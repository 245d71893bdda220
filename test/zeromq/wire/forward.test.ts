import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { defaultLimits, principal, type Ledger, type Router, type WireSubscriber } from "../../../src/core/index.js";
import { encodeFrame, moreFlag } from "../../../src/zeromq/wire/codec.js";
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

describe("forwarding", () => {
  it("leaves the rest of a chunk for later when it has made a thousand copies, whichever way they went", () => {
    const [plain, inspecting] = [new Ear(), new Ear("all")];
    router.subscribe("alice", plain);
    router.subscribe("bob", inspecting);
    for (const ear of [plain, inspecting])
      ear.heardOne = () => {
        ledger.copies.copies += 1_000;
      };
    const both = Buffer.concat([message("alice", "1"), message("bob", "2")]);
    expect(push(world.publisher(), Buffer.concat([both, both, both])), "behind each but the last").toBe(5);
    expect([plain.heard, inspecting.heard]).toEqual([Array(3).fill("alice=1"), Array(3).fill("bob=2")]);
    expect(ledger.messages.accepted).toBe(6);
  });

  it("leaves the rest of a chunk for later behind a message that took long", () => {
    // Nobody receives them, so they are parsed, as for a mailbox.
    policy.onReceived = ({ topic }) => {
      if (topic === "alice") world.clock.advance(2);
    };
    const topics = ["bob", "bob", "alice", "bob", "alice", "alice", "bob"];
    const all = topics.map((topic, at) => message(topic, String(at)));
    expect(push(world.publisher(), Buffer.concat(all)), "behind each slow one").toBe(3);
    expect(policy.messages.map(({ topic, payload }) => [topic, payload])).toEqual(
      topics.map((topic, at) => [topic, String(at)]),
    );
  });

  it("sends consecutive messages of one topic as one range", () => {
    const ear = new Ear();
    router.subscribe("alice", ear);
    push(world.publisher(), Buffer.concat([message("alice", "1"), message("alice", "2"), message("alice", "3")]));
    expect(ear.heard).toEqual(["alice=1", "alice=2", "alice=3"]);
    expect(ear.ranges).toBe(1);
    expect(ledger.messages).toMatchObject({ accepted: 3, routed: 3 });
  });

  it("lends one copy to more than 64 subscribers, whatever its size", () => {
    for (const [count, lasting] of [
      [64, false],
      [65, true],
    ] as const) {
      const ears = Array.from({ length: count }, () => new Ear());
      for (const ear of ears) router.subscribe(`room${String(count)}`, ear);
      push(world.publisher(), message(`room${String(count)}`, "1"));
      expect(new Set(ears.map(({ given }) => given[0]?.lasting))).toEqual(new Set([lasting]));
      expect(new Set(ears.map(({ given }) => given[0]?.chunk)).size).toBe(1);
    }
  });

  it("keeps claude apart from claude_code, and topics of equal length from each other", () => {
    const [claude, code, other] = [new Ear(), new Ear(), new Ear()];
    router.subscribe("claude", claude);
    router.subscribe("claude_code", code);
    router.subscribe("claudf", other);
    push(
      world.publisher(),
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

  it("keeps a topic apart from the longer one before it that begins alike", () => {
    const [claude, code] = [new Ear(), new Ear()];
    router.subscribe("claude", claude);
    router.subscribe("claude_code", code);
    push(
      world.publisher(),
      Buffer.concat([message("claude_code", "1"), message("claude", "2"), message("claude_code", "3")]),
    );
    expect([claude.heard, code.heard]).toEqual([["claude=2"], ["claude_code=1", "claude_code=3"]]);
  });

  it("reads how long a payload is from its own header, whatever bytes the topic holds", () => {
    const ear = new Ear();
    const topic = "\0\0\0\u0003x";
    router.subscribe(topic, ear);
    const [long, short] = ["p".repeat(300), "q"];
    push(world.publisher(), Buffer.concat([message(topic, long), message(topic, short), message(topic, long)]));
    expect(ear.heard).toEqual([long, short, long].map((payload) => `${topic}=${payload}`));
    expect(ear.ranges).toBe(1);
  });

  it("gives several hearers of much one copy that lasts, and a single one or little the chunk itself", () => {
    const [one, other, tap] = [new Ear(), new Ear(), new Ear()];
    router.subscribe("one", one);
    for (const ear of [one, other]) router.subscribe("two", ear);
    const give = (topic: string, size: number): Buffer => {
      const chunk = message(topic, "x".repeat(size));
      world.publisher().push(chunk);
      return chunk;
    };
    const alone = give("one", 20_000);
    expect(one.given.pop()).toEqual({ chunk: alone, size: alone.length, observed: false, lasting: false });
    const little = give("two", 10_000);
    for (const ear of [one, other]) expect(ear.given.pop()?.chunk).toBe(little);
    const much = give("two", 20_000);
    const [first, second] = [one.given.pop(), other.given.pop()];
    expect(first).toMatchObject({ observed: false, lasting: true });
    expect([first?.chunk === much, first?.chunk === second?.chunk]).toEqual([false, true]);
    router.tap(tap);
    give("one", 20_000);
    expect([one.given.pop()?.lasting, tap.given.pop()]).toMatchObject([true, { observed: true, lasting: true }]);
    expect(tap.heard).toEqual([`one=${"x".repeat(20_000)}`]);
  });

  it("copies of the chunk only what is to last: ranges of 16 KiB and more, wherever they lie", () => {
    const ears = [new Ear(), new Ear()];
    for (const ear of ears) router.subscribe("two", ear);
    const headers = message("two", "x".repeat(1_000)).length - 1_000;
    for (const [range, lasting] of [
      [16 * 1024, true],
      [16 * 1024 - 1, false],
      [300, false],
    ] as const) {
      const [before, two] = [message("nobody", "y".repeat(20_000)), message("two", "x".repeat(range - headers))];
      push(world.publisher(), Buffer.concat([before, two]));
      for (const { given } of ears) {
        const last = given.pop();
        expect([last?.size, last?.lasting]).toEqual([range, lasting]);
        expect(last?.chunk.length).toBe(lasting ? range : before.length + range);
      }
    }
  });

  it("tells the policy how well the sender is proved", () => {
    const trusts: string[] = [];
    policy.onReceived = ({ trust, speaker }) => trusts.push(`${trust} ${String(speaker?.agent)}`);
    push(world.publisher(), message("nobody", "1"));
    push(world.publisher("PLAIN", defaultLimits, principal("ada", "proved")), message("nobody", "1"));
    expect(trusts).toEqual(["claimed undefined", "proved ada"]);
  });

  it("gives the policy what nobody receives, what a reader receives, and what is guarded, in order", () => {
    const ear = new Ear();
    const order: string[] = [];
    router.subscribe("wire", {
      forward: (...range) => {
        order.push("wire");
        ear.forward(...range);
      },
      deliver: () => true,
    } as WireSubscriber);
    router.subscribe("reader", { deliver: () => true });
    router.guard("#secret", () => undefined);
    policy.onReceived = ({ topic }) => order.push(topic);
    push(
      world.publisher(),
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
    push(world.publisher(), message("$events", "{}"), message("$broker", "{}"));
    expect(policy.messages.map(({ topic }) => topic)).toEqual(["$events", "$broker"]);
    expect(ear.heard).toEqual([]);
  });

  it("gives the policy everything a PLAIN publisher says", () => {
    const ear = new Ear();
    router.subscribe("bob", ear);
    push(world.publisher("PLAIN"), message("bob", "1"), message("bob", "2"));
    expect(policy.messages).toHaveLength(2);
    expect(ear.heard).toEqual([]);
  });

  it("notices at the next message that a route came or went while the policy looked", () => {
    const ear = new Ear();
    const end = router.subscribe("eve", ear);
    policy.onReceived = ({ topic }) => {
      if (topic === "bob") router.subscribe("bob", ear);
      else end();
    };
    push(
      world.publisher(),
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

  it("lets taps hear ranges, and looks for a tap that parses", () => {
    const [ear, tap] = [new Ear(), new Ear()];
    router.subscribe("bob", ear);
    router.tap(tap);
    push(world.publisher(), message("bob", "1"), message("nobody", "2"));
    expect([ear.heard, tap.heard]).toEqual([["bob=1"], ["bob=1"]]);
    expect(policy.messages.map(({ topic }) => topic)).toEqual(["nobody"]);
    const untap = router.tap({ deliver: () => true });
    push(world.publisher(), message("bob", "3"));
    expect(policy.messages.map(({ topic }) => topic)).toEqual(["nobody", "bob"]);
    untap();
    push(world.publisher(), message("bob", "4"));
    expect([ear.heard, tap.heard]).toEqual([
      ["bob=1", "bob=4"],
      ["bob=1", "bob=4"],
    ]);
  });

  it("stops reading as soon as the policy closes the connection", () => {
    policy.onReceived = (_, peer) => {
      peer.close("test");
    };
    push(world.publisher(), Buffer.concat([message("nobody", "1"), message("nobody", "2")]), message("nobody", "3"));
    expect(policy.messages).toHaveLength(1);
    expect(ledger.messages.accepted).toBe(1);
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
        const run = (cuts: readonly number[], receivers = 1): unknown => {
          world = new ForwardWorld();
          ({ router, ledger, policy } = world);
          const ears = ["alice", "bob", "zoë", "x".repeat(300)].map((name) => {
            const ear = new Ear();
            router.subscribe(name, ear);
            ear.heardOne = () => {
              ledger.copies.copies += receivers - 1;
              ledger.copies.written += receivers - 1;
            };
            return ear;
          });
          const bytes = Buffer.concat(messages);
          const ends = [
            ...cuts.map((place) => place % (bytes.length + 1)).sort((one, other) => one - other),
            bytes.length,
          ];
          push(world.publisher(), ...ends.map((end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end)));
          expect(isExact(ledger)).toBe(true);
          return [
            ears.map(({ heard }) => heard),
            policy.messages.map(({ topic: to, payload: body }) => [to, body]),
            world.commands,
            ledger.messages,
            ledger.reasons,
          ];
        };
        expect(run(places)).toEqual(run([]));
        expect(run(places, 600), "it stops after every two").toEqual(run([]));
      }),
      { seed: 7, numRuns: 150 },
    );
  });
});
