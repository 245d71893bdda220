import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Exchange,
  Fault,
  Ledger,
  Message,
  Router,
  notThere,
  type Envelope,
  type FaultCode,
  type MessageLedger,
  type Subscriber,
} from "../../src/core/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

interface Setup {
  readonly router: Router;
  readonly ledger: Ledger;
  readonly exchange: Exchange;
  readonly clock: FakeClock;
  /** Submits a payload to a topic. @returns receivers, or the fault's code */
  readonly submit: (topic: string, payload?: Record<string, unknown> | string) => number | FaultCode;
}

function open(): Setup {
  const router = new Router();
  const ledger = new Ledger();
  const clock = new FakeClock();
  let ids = 0;
  const exchange = new Exchange(router, ledger, clock, () => `id-${String((ids += 1))}`);
  return {
    router,
    ledger,
    exchange,
    clock,
    submit(topic, payload = {}) {
      const text =
        typeof payload === "string"
          ? payload
          : JSON.stringify({ from: "py", type: "request", content: "x", ...payload });
      ledger.messages.accepted += 1;
      try {
        return exchange.submit(
          Message.fromPayload(Buffer.from(text), { topic, receivedAt: clock.now(), trust: "claimed", origin: {} }),
        ).receivers;
      } catch (error) {
        if (error instanceof Fault) return error.code;
        throw error;
      }
    },
  };
}

const ear = { deliver: (): boolean => true };
const settled = ({ routed, stored, refused, unroutable, malformed }: MessageLedger): number =>
  routed + stored + refused + unroutable + malformed;

describe("a submitted message", () => {
  it("is routed and counted once", () => {
    const { router, submit, ledger } = open();
    router.subscribe("ada", ear);
    expect(submit("ada")).toBe(1);
    expect(ledger.messages).toMatchObject({ accepted: 1, routed: 1 });
  });

  it("that cannot be read is malformed, in words for its sender", () => {
    const { submit, ledger, exchange } = open();
    expect([submit("ada", "{"), submit("ada", { type: "constructor" })]).toEqual(["malformed", "malformed"]);
    expect(ledger.messages.malformed).toBe(2);
    expect(ledger.reasons).toEqual({ "payload-unreadable": 2 });
    const message = Message.fromPayload(Buffer.from("[]"), {
      topic: "ada",
      receivedAt: 0,
      trust: "claimed",
      origin: {},
    });
    expect(() => exchange.submit(message)).toThrow("no JSON object");
  });

  it("that has expired is refused as timeout", () => {
    const { router, submit, ledger, clock } = open();
    router.subscribe("ada", ear);
    const expires_at = new Date(clock.now()).toISOString();
    expect(submit("ada", { expires_at })).toBe("timeout");
    expect(submit("ada", { expires_at: new Date(clock.now() + 1).toISOString() })).toBe(1);
    expect(ledger.messages).toMatchObject({ refused: 1, routed: 1 });
    expect(ledger.reasons).toEqual({ expired: 1 });
  });

  it("that nobody hears is not found, and says what to do", () => {
    const { submit, ledger } = open();
    expect([submit("ada"), submit("#nowhere"), submit("prices/eth"), submit("")]).toEqual([
      "not-found",
      "not-found",
      "not-found",
      "not-found",
    ]);
    expect(ledger.messages.unroutable).toBe(4);
    expect(notThere("#nowhere")).toContain("joining it makes it");
    expect(notThere("ada")).toContain("list of agents");
  });

  it("is not heard by a tap only", () => {
    const { router, submit } = open();
    router.tap(ear);
    expect(submit("ada")).toBe("not-found");
  });

  it("to everybody, to the broker or to a room that exists is routed even when nobody listens", () => {
    const { router, submit, ledger } = open();
    router.subscribe("#quiet", { deliver: () => false });
    expect(["all", "$broker", "$telemetry", "#quiet"].map((to) => submit(to))).toEqual([0, 0, 0, 0]);
    expect(ledger.messages.routed).toBe(4);
  });

  it("is refused by its topic's guard, counted under the guard's word", () => {
    const { router, submit, ledger } = open();
    let heard = 0;
    router.subscribe("#secret", { deliver: () => (heard += 1) > 0 });
    router.guard("#secret", () => new Fault("forbidden", "members only"));
    expect(submit("#secret")).toBe("forbidden");
    expect([heard, ledger.messages.refused, ledger.reasons]).toEqual([0, 1, { "guard-forbidden": 1 }]);
  });

  it("is followed after it was routed, by those who follow, and not when it was refused", () => {
    const { router, submit, exchange } = open();
    const log: string[] = [];
    router.subscribe("ada", { deliver: () => log.push("delivered") > 0 });
    const off = exchange.follow((envelope, message) => log.push(`followed ${envelope.from} ${message.topic}`));
    submit("ada");
    submit("eve");
    off();
    off();
    submit("ada");
    expect(log).toEqual(["delivered", "followed py ada", "delivered"]);
  });

  it("that answers without saying what is completed before anybody hears it, and no other message is", () => {
    const { router, submit, exchange } = open();
    const heard: unknown[] = [];
    exchange.complete(({ from, to }) => (from === "py" && to === "ada" ? "q1" : undefined));
    router.subscribe("ada", {
      deliver: ({ envelope, stampedPayload }) =>
        heard.push([envelope?.in_reply_to, (JSON.parse(String(stampedPayload)) as Envelope).in_reply_to]) > 0,
    });
    exchange.follow((envelope) => heard.push(envelope.in_reply_to));
    submit("ada", { type: "response" });
    submit("ada", { type: "response", in_reply_to: "" });
    submit("ada", { type: "response", in_reply_to: "q0" });
    submit("ada", { type: "inform" });
    submit("ada", { type: "response", from: "eve" });
    const none = undefined;
    expect(heard).toEqual([
      ["q1", "q1"],
      "q1",
      ["q1", "q1"],
      "q1",
      ["q0", "q0"],
      "q0",
      [none, none],
      none,
      [none, none],
      none,
    ]);
  });

  it("leaves the ledger exact, whatever it is", () => {
    const topic = fc.constantFrom("ada", "eve", "#room", "#secret", "all", "$broker", "x/", "");
    const payload = fc.oneof(
      fc.constant("{"),
      fc.constant({}),
      fc.constant({ type: "x" }),
      fc.constant({ expires_at: "2020-01-01T00:00:00Z" }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(topic, payload), { maxLength: 30 }), (messages) => {
        const { router, submit, ledger } = open();
        router.subscribe("ada", ear);
        router.subscribe("#room", ear);
        router.guard("#secret", () => new Fault("not-found", "no"));
        for (const [to, what] of messages) {
          submit(to, what);
          expect(settled(ledger.messages)).toBe(ledger.messages.accepted);
        }
        expect(ledger.messages.accepted).toBe(messages.length);
      }),
    );
  });
});

describe("an announcement of the broker's own", () => {
  it("comes from $broker, proved, with an id and the time", () => {
    const { router, exchange, clock, ledger } = open();
    const heard: (Envelope | undefined)[] = [];
    router.subscribe("ada", { deliver: (message) => heard.push(message.envelope) > 0 });
    expect(
      exchange.announce("ada", { type: "inform", content: { message: "hello" }, in_reply_to: "1" }).receivers,
    ).toBe(1);
    expect(heard).toEqual([
      {
        message_id: "id-1",
        timestamp: new Date(clock.now()).toISOString(),
        from: "$broker",
        to: "ada",
        type: "inform",
        priority: "NORMAL",
        content: { message: "hello" },
        in_reply_to: "1",
        trust: "proved",
      },
    ]);
    expect(ledger.messages).toMatchObject({ accepted: 1, routed: 1 });
  });

  it("that nobody hears is counted and refused to nobody", () => {
    const { exchange, ledger } = open();
    expect(exchange.announce("ada", { type: "inform", content: { message: "x" } }).receivers).toBe(0);
    expect(ledger.messages).toMatchObject({ accepted: 1, unroutable: 1 });
  });

  it("is hidden where it must be, and has no origin: it is the broker's own", () => {
    const { router, exchange } = open();
    const heard: Message[] = [];
    router.subscribe("ada", { deliver: (message) => heard.push(message) > 0 });
    exchange.announce("ada", { type: "inform", content: { message: "x" } }, true);
    exchange.announce("ada", { type: "inform", content: { message: "y" } });
    expect(heard.map(({ hidden, origin, trust }) => [hidden, origin, trust])).toEqual([
      [true, undefined, "proved"],
      [false, undefined, "proved"],
    ]);
  });
});

describe("a sealed message", () => {
  const sealedTo = (topic: string): Message => {
    const envelope: Envelope = {
      message_id: "s1",
      timestamp: "2026-01-01T00:00:00.000Z",
      from: "ada",
      to: topic,
      type: "inform",
      priority: "NORMAL",
      content: { message: "", kind: "sealed" },
    };
    const message = Message.of(envelope, { topic, receivedAt: 0, trust: "proved", origin: {} });
    message.raw = { dialect: "network", frame: "secret" };
    message.sealed = true;
    return message;
  };
  const all = (heard: string[], name: string): Subscriber => ({
    sight: "all",
    deliver: () => heard.push(name) > 0,
  });

  it("reaches who takes sealed ones at its exact topic, and neither keepers, wires, taps, prefixes nor followers", () => {
    const { router, exchange, ledger } = open();
    const heard: string[] = [];
    router.tap(all(heard, "tap"));
    router.subscribePrefix("b.", all(heard, "prefix"));
    router.subscribe("b.ob", all(heard, "another reader"));
    const wire = { ...all(heard, "wire"), forward: () => heard.push("bytes") };
    router.subscribe("b.ob", wire);
    router.keep("b.ob", {
      keep: () => {
        heard.push("keeper");
        return "kept";
      },
      arrived: () => undefined,
      left: () => undefined,
    });
    exchange.follow(() => heard.push("follower"));
    router.subscribe("b.ob", { ...all(heard, "session"), takesSealed: true });
    ledger.messages.accepted += 1;
    expect(exchange.submit(sealedTo("b.ob"))).toEqual({ receivers: 1, stored: false });
    expect(heard).toEqual(["session"]);
    expect(ledger.reasons).toMatchObject({ sealed: 1 });
    expect(ledger.messages).toMatchObject({ accepted: 1, routed: 1, stored: 0 });
  });

  it("is refused where nobody can take it, though others are there", () => {
    const { router, exchange, ledger } = open();
    const heard: string[] = [];
    router.subscribe("bob", all(heard, "reader"));
    ledger.messages.accepted += 1;
    expect(() => exchange.submit(sealedTo("bob"))).toThrow(expect.objectContaining({ code: "not-found" }));
    expect(heard).toEqual([]);
    expect(settled(ledger.messages)).toBe(1);
  });

  it("that its only receiver has no room for is told, though it is an inform", () => {
    const { router, exchange, ledger } = open();
    router.subscribe("bob", {
      takesSealed: true,
      deliver(message) {
        message.lose("full", "it reads too slowly");
        return true;
      },
    });
    ledger.messages.accepted += 1;
    expect(() => exchange.submit(sealedTo("bob"))).toThrow(new Fault("full", "it reads too slowly"));
    expect(ledger.reasons).toMatchObject({ "lost-full": 1 });
  });
});
