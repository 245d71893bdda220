import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Fault, type Message } from "../../src/core/index.js";
import { saysFailure } from "../../src/telemetry/overhearing.js";
import { payload, TalkWorld } from "./talk-world.js";

const windowMs = 100;

describe("overhearing", () => {
  it("hears nothing before somebody looks, and nothing afterwards", () => {
    const world = new TalkWorld();
    world.reads("bob");
    world.listens("zoe");
    const both = (): void => {
      world.says("ada", "bob");
      world.publishes(["zoe", payload("py", "1")]);
    };
    both();
    expect(world.heard).toEqual([]);
    world.overhearing.start();
    world.overhearing.start();
    both();
    expect(world.heard, "each once, also when it is started twice").toHaveLength(2);
    world.overhearing.stop();
    both();
    world.clock.advance(windowMs);
    expect(world.heard).toHaveLength(2);
    expect(world.wire.router.passing.watcher).toBeUndefined();
    expect(world.clock.waiting, "no timer is left").toBe(0);
  });

  it("hears what is said to agents, rooms, all and data topics, with its size and its time", () => {
    const world = new TalkWorld(["prices"]);
    for (const topic of ["bob", "#crypto", "prices", "all"]) world.reads(topic);
    world.overhearing.start();
    world.clock.advance(70);
    world.says("ada", "bob", { message_id: "q", type: "request", priority: "HIGH", in_reply_to: "p" });
    for (const topic of ["#crypto", "prices", "all"]) world.says("ada", topic);
    expect(world.heard[0]).toMatchObject({
      from: "ada",
      to: "bob",
      messageId: "q",
      type: "request",
      priority: "HIGH",
      inReplyTo: "p",
      at: 70,
      now: world.clock.now(),
      sealed: false,
      hidden: false,
      shared: false,
      envelope: { content: { message: "hello" } },
    });
    expect(world.heard[0]?.bytes).toBe(JSON.stringify(world.heard[0]?.envelope).length);
    expect(world.heard.map(({ to, shared }) => [to, shared])).toEqual([
      ["bob", false],
      ["#crypto", true],
      ["prices", true],
      ["all", true],
    ]);
  });

  it("hears who seals something for whom, and how much, but nothing of what it says", () => {
    const world = new TalkWorld();
    world.wire.router.subscribe("bob", { takesSealed: true, deliver: () => true });
    world.overhearing.start();
    const raw = { dialect: "agent-network", frame: "x".repeat(500) };
    world.says("ada", "bob", { message_id: "s" }, { sealed: true, raw });
    expect(world.heard).toMatchObject([
      { from: "ada", to: "bob", messageId: "s", sealed: true, hidden: true, bytes: 500 },
    ]);
    expect(world.heard[0]?.envelope).toBeUndefined();
    expect(() => {
      world.says("ada", "nobody", {}, { sealed: true, raw });
    }).toThrow(Fault);
    expect(world.heard, "nobody has got it").toHaveLength(1);
  });

  it("marks what is in an invite-only room, and what is from or for an agent that its contacts alone see", () => {
    const world = new TalkWorld();
    for (const topic of ["bob", "#secret", "shy"]) world.reads(topic);
    world.wire.router.guard("#secret", () => undefined);
    world.hidden.add("shy");
    world.overhearing.start();
    world.says("ada", "#secret");
    world.says("shy", "bob");
    world.says("ada", "shy");
    world.says("ada", "bob");
    world.wire.router.subscribe("#open", { deliver: () => true });
    world.says("ada", "#open", {}, { hidden: true });
    expect(world.heard.map(({ hidden }) => hidden)).toEqual([true, true, true, false, true]);
  });

  it("hears no questions to the broker, no events and no reports, but votes, and what the broker itself asks", () => {
    const world = new TalkWorld();
    for (const topic of ["bob", "$broker", "$events", "$telemetry"]) world.reads(topic);
    world.overhearing.start();
    for (const topic of ["$broker", "$events", "$telemetry"]) world.says("ada", topic);
    world.says("ada", "$broker", { type: "request" });
    world.exchange.announce("bob", { type: "inform", content: { message: "a fault", kind: "fault" } });
    world.exchange.announce("bob", { type: "response", content: { message: "an answer" } });
    world.exchange.announce("$events", { type: "inform", content: { message: "" } });
    expect(world.since()).toEqual([]);
    world.exchange.announce("bob", {
      type: "request",
      message_id: "v",
      content: { message: "", kind: "coordination.vote" },
    });
    world.exchange.announce("nobody", { type: "request", content: { message: "" } });
    world.says("bob", "$broker", { type: "response", message_id: "yes", in_reply_to: "v" });
    expect(world.since()).toEqual(["$broker request bob v", "bob response $broker yes"]);
  });

  it("hears commands of operators and their answers", () => {
    const world = new TalkWorld();
    for (const topic of ["bob", "control-1"]) world.reads(topic);
    world.overhearing.start();
    world.says("control-1", "bob", { type: "request", message_id: "c" });
    world.says("bob", "control-1", { type: "response", message_id: "r", in_reply_to: "c" });
    expect(world.since()).toEqual(["control-1 request bob c", "bob response control-1 r"]);
  });

  it("hears what goes into a mailbox when it is said, and nothing of what has been said before", () => {
    const world = new TalkWorld();
    const kept: Message[] = [];
    world.wire.router.keep("bob", {
      keep: (message) => {
        if (kept.some(({ envelope }) => envelope?.message_id === message.envelope?.message_id)) return "repeated";
        kept.push(message);
        return "kept";
      },
      arrived: () => undefined,
      left: () => undefined,
    });
    world.overhearing.start();
    world.says("ada", "bob", { message_id: "m" });
    world.says("ada", "bob", { message_id: "m" });
    for (const message of kept) world.exchange.release(message, () => undefined);
    expect(world.since()).toEqual(["ada inform bob m"]);
    world.reads("#crypto");
    world.says("ada", "#crypto", { message_id: "old", replay: true });
    expect(world.since()).toEqual([]);
  });

  it("does not hear what was refused or reached nobody", () => {
    const world = new TalkWorld();
    world.reads("#secret");
    world.wire.router.guard("#secret", () => new Fault("forbidden", "not yours"));
    world.overhearing.start();
    for (const to of ["#secret", "nobody"])
      expect(() => {
        world.says("ada", to);
      }).toThrow(Fault);
    expect(world.heard).toEqual([]);
  });

  it("goes on when a listener fails, and says so", () => {
    const world = new TalkWorld();
    world.reads("bob");
    const later: string[] = [];
    world.overhearing.add({
      heard: () => {
        throw new Error("a defect");
      },
      counted: () => undefined,
    });
    const end = world.overhearing.add({ heard: ({ to }) => later.push(to), counted: () => undefined });
    world.overhearing.start();
    world.says("ada", "bob");
    end();
    world.says("ada", "bob");
    expect([later, world.heard.length, world.failed.length]).toEqual([["bob"], 2, 2]);
  });
});

describe("overhearing what passes as bytes", () => {
  it("reads it whole at usual rates, and keeps nothing of the bytes", () => {
    const world = new TalkWorld();
    const ear = world.listens("bob");
    world.overhearing.start();
    const long = payload("ada", "2", { type: "request", content: { message: "x".repeat(300) } });
    world.publishes(["bob", payload("ada", "1")], ["bob", long]);
    world.clock.advance(windowMs);
    // The chunk has been overwritten by now.
    expect(world.heard.map(({ bytes, envelope }) => [bytes, envelope?.content.message])).toEqual([
      [payload("ada", "1").length, "hi"],
      [long.length, "x".repeat(300)],
    ]);
    expect(world.since()).toEqual(["ada inform bob 1", "ada request bob 2"]);
    expect(world.counted).toEqual([]);
    expect(ear.heard).toHaveLength(2);
    expect(world.wire.policy.messages, "nothing was parsed for anybody else").toEqual([]);
  });

  it("only counts what is no message of an agent", () => {
    const world = new TalkWorld();
    world.listens("bob");
    world.overhearing.start();
    const odd = [
      "",
      "{",
      "[]",
      "null",
      "\u0001",
      '{"from":"#room","type":"inform"}',
      '{"from":"ada"}',
      '{"from":"","type":"inform"}',
    ];
    world.publishes(...odd.map((text) => ["bob", text] as const));
    world.publishes(["bob", payload("ada", "1")]);
    world.clock.advance(windowMs);
    expect(world.since()).toEqual(["ada inform bob 1"]);
    const bytes = odd.reduce((sum, text) => sum + text.length + "bob".length + 4, 0);
    expect(world.counted).toEqual([["bob", odd.length, bytes]]);
  });

  it("reads 500 in 100 ms, counts the rest by topic, and begins anew", () => {
    const world = new TalkWorld();
    for (const topic of ["bob", "eve"]) world.listens(topic);
    world.overhearing.start();
    const flood = Array.from({ length: 700 }, (_, at) => ["bob", payload("ada", String(at))] as const);
    world.publishes(...flood);
    expect(world.heard).toHaveLength(500);
    world.publishes(["bob", payload("ada", "more")]);
    expect(world.heard).toHaveLength(500);
    world.clock.advance(windowMs);
    const framed = (text: string): number => text.length + "bob".length + 4;
    const rest = flood.slice(500).reduce((sum, [, text]) => sum + framed(text), framed(payload("ada", "more")));
    const sender = { from: "ada", hidden: false, shared: false, at: windowMs, now: world.clock.now() };
    expect(world.counted.splice(0)).toEqual([["bob", 201, rest, sender]]);
    world.publishes(...flood.slice(0, 500));
    world.clock.advance(windowMs);
    expect(world.heard).toHaveLength(1_000);
    expect(world.counted).toEqual([]);
  });

  it("tells what it did not read apart by its sender, as far as there are not too many", () => {
    const world = new TalkWorld(["prices"]);
    for (const topic of ["bob", "prices"]) world.listens(topic);
    world.hidden.add("shy");
    world.overhearing.start();
    world.publishes(...Array.from({ length: 600 }, () => ["bob", payload("ada", "1")] as const));
    const others = ["ada", "eve", "shy", "eve"].map((from) => ["prices", payload(from, "2")] as const);
    world.publishes(...others.slice(0, 1), ...Array.from({ length: 9 }, () => others).flat(), ["prices", "{"]);
    world.clock.advance(windowMs);
    const told = world.counted
      .splice(0)
      .map(([topic, count, , sender]) => [topic, count, sender?.from, sender?.hidden]);
    expect(told).toEqual([
      ["bob", 100, "ada", false],
      ["prices", 1, undefined, undefined],
      ["prices", 8, "ada", false],
      ["prices", 16, "eve", false],
      ["prices", 8, "shy", true],
    ]);
    const crowd = Array.from({ length: 2_000 }, (_, at) => ["bob", payload(`agent${String(at)}`, "3")] as const);
    world.publishes(...crowd);
    world.clock.advance(windowMs);
    expect(world.counted.length, "a thousand, and the rest in one").toBe(1_001);
    expect(world.counted.reduce((sum, [, count]) => sum + count, 0)).toBe(1_500);
  });

  it("still hears who says little while somebody floods", () => {
    const world = new TalkWorld();
    for (const topic of ["bob", "eve"]) world.listens(topic);
    world.overhearing.start();
    world.publishes(...Array.from({ length: 2_000 }, (_, at) => ["bob", payload("mallory", String(at))] as const));
    for (let at = 0; at < 8; at += 1) world.publishes(["eve", payload("ada", String(at))]);
    expect(world.heard.filter(({ from }) => from === "ada").map(({ messageId }) => messageId)).toEqual([
      "0",
      "1",
      "2",
      "3",
      "4",
    ]);
    expect(world.heard).toHaveLength(505);
    world.clock.advance(windowMs);
    expect(world.counted.map(([topic, count]) => [topic, count])).toEqual([
      ["bob", 1_500],
      ["eve", 3],
    ]);
  });

  it("reads a megabyte in 100 ms, and counts what is beyond it", () => {
    const world = new TalkWorld();
    world.listens("bob");
    world.overhearing.start();
    const large = payload("ada", "large", { content: { message: "x".repeat(600_000) } });
    world.publishes(["bob", large], ["bob", large], ["bob", payload("ada", "small")]);
    world.clock.advance(windowMs);
    expect(world.since()).toEqual(["ada inform bob large", "ada inform bob small"]);
    expect(world.counted.map(([topic, count]) => [topic, count])).toEqual([["bob", 1]]);
  });

  it("hears or counts everything that passes, whatever strangers write, and never fails", () => {
    const word = fc.constantFrom(
      "ada",
      "bob",
      "",
      "$x",
      "#r",
      "all",
      null,
      1,
      {},
      [],
      "x".repeat(200),
      "\u0000",
      "__proto__",
    );
    const written = fc.record(
      {
        from: word,
        type: fc.constantFrom("request", "RESPONSE", "inform", "shout", 7),
        message_id: word,
        in_reply_to: word,
        priority: word,
        content: fc.jsonValue(),
        expires_at: word,
        wait_ms: fc.constantFrom(0, -1, 1e300, "x"),
      },
      { requiredKeys: [] },
    );
    const odd = fc.oneof(
      written.map((fields) => Buffer.from(JSON.stringify(fields))),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ maxLength: 60 }).map((text) => Buffer.from(`{"from":"ada","type":"inform","content":${text}}`)),
      fc.constant(Buffer.from("[".repeat(5_000))),
    );
    fc.assert(
      fc.property(fc.array(odd, { maxLength: 40 }), (payloads) => {
        const world = new TalkWorld();
        const ear = world.listens("bob");
        world.overhearing.start();
        world.publishes(...payloads.map((bytes) => ["bob", bytes] as const));
        world.clock.advance(windowMs);
        const counted = world.counted.reduce((sum, [, count]) => sum + count, 0);
        // What the forgery check takes out goes to the policy, which counts it.
        expect(world.heard.length + counted).toBe(ear.heard.length);
        expect(ear.heard.length + world.wire.policy.messages.length).toBe(payloads.length);
        expect(world.failed).toEqual([]);
      }),
      { seed: 8, numRuns: 300 },
    );
  });

  it("shows topics that are no text as people read them", () => {
    const world = new TalkWorld();
    const topic = "\udfff\u00ff\u0001";
    world.listens(topic);
    world.overhearing.start();
    const [name, text] = [Buffer.from([0xff, 1]), Buffer.from(payload("ada", "1"))];
    const publisher = world.wire.publisher();
    publisher.push(Buffer.concat([Buffer.from([1, name.length]), name, Buffer.from([0, text.length]), text]));
    expect(world.heard.map(({ to, shared }) => [to, shared])).toEqual([["0xff01", true]]);
  });
});

describe("a response that says failure", () => {
  it("has data.error", () => {
    const response = (data: unknown): Parameters<typeof saysFailure>[0] => ({
      message_id: "1",
      timestamp: "",
      from: "a",
      to: "b",
      type: "response",
      priority: "NORMAL",
      content: { message: "", data },
    });
    for (const data of [{ error: "x" }, { error: {} }, { error: true }]) expect(saysFailure(response(data))).toBe(true);
    for (const data of [undefined, null, 1, "error", [], {}, { error: null }, { error: false }])
      expect(saysFailure(response(data))).toBe(false);
  });
});
