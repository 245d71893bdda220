import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SleepingSubscriptions } from "../../../src/zeromq/agents/subscriptions.js";
import { ZeromqWorld, proved } from "../../kit/zeromq-world.js";

describe("what a connection hears", () => {
  let world: ZeromqWorld;
  beforeEach(() => {
    world = new ZeromqWorld({}, { dataTopics: ["prices"] });
  });
  afterEach(async () => {
    await world.close();
  });

  it("is what is for its own name, never what is for a longer one", () => {
    const claude = world.subscriber(["claude"]);
    const code = world.subscriber(["claude_code"]);
    const ada = world.publisher();
    world.send(ada, "ada", "claude_code", "inform", "for the coder");
    world.send(ada, "ada", "claude", "inform", "for claude");
    expect(claude.texts).toEqual(["for claude"]);
    expect(code.texts).toEqual(["for the coder"]);
  });

  it("is the name at once, before names are worked out and before it is listed", () => {
    const bob = world.subscriber([]);
    world.subscribe(bob, "bob");
    world.send(world.publisher(), "ada", "bob", "inform", "hello");
    expect(bob.texts).toEqual(["hello"]);
    expect(world.online).toEqual([]);
  });

  it("is the same for several claimed connections under one name", () => {
    const both = [world.subscriber(["bob"]), world.subscriber(["bob"], { declared: "bob" })];
    world.send(world.publisher(), "ada", "bob", "inform", "hello");
    expect(both.map(({ texts }) => texts)).toEqual([["hello"], ["hello"]]);
  });

  it("is its declared or proved name without a subscription, whatever it cancels", () => {
    const declared = world.subscriber([], { declared: "ada" });
    const owner = world.subscriber(["boss"], { principal: proved("boss") });
    world.unsubscribe(owner, "boss");
    expect(world.online).toEqual(["ada", "boss"]);
    world.send(world.publisher(), "eve", "ada", "inform", "to ada");
    world.send(world.publisher(), "eve", "boss", "inform", "to boss");
    expect([declared.texts, owner.texts]).toEqual([["to ada"], ["to boss"]]);
  });

  it("is everything for a tap of this machine, and nothing for one from elsewhere, which is told why", () => {
    const tap = world.subscriber(["", "news."]);
    const far = world.subscriber(["far", ""], { remote: "10.0.0.7" });
    world.send(world.publisher(), "ada", "news.sport", "inform", "goal");
    expect(tap.heard).toMatchObject([{ topic: "news.sport", observed: true, text: "goal" }]);
    expect(far.heard).toMatchObject([{ kind: "fault", data: { code: "forbidden", subscription: "" } }]);
    expect(world.ledger.reasons["subscription-asleep"]).toBe(1);
  });

  it("never makes a tap a receiver: a request that only a tap hears reached nobody", () => {
    world.subscriber([""]);
    const ada = world.subscriber(["ada"]);
    world.send(world.publisher(), "ada", "ghost", "request", "anybody?");
    expect(ada.faults).toEqual(["not-found"]);
    expect(world.ledger.messages.unroutable).toBe(1);
    expect(world.isExact).toBe(true);
  });

  it("is other agents' names for nobody with a token, even while they are not online", () => {
    const spy = world.subscriber(["spy", "claude"], { principal: proved("spy") });
    const claude = world.subscriber(["claude"]);
    world.send(world.publisher(), "ada", "claude", "inform", "private");
    expect(claude.texts).toEqual(["private"]);
    expect(spy.heard).toMatchObject([
      { topic: "spy", kind: "fault", data: { code: "forbidden", subscription: "claude" } },
    ]);
  });

  it("that looks like a room and is none is heard, and told once to its agent", () => {
    const ada = world.subscriber(["ada"], { declared: "ada" });
    world.subscribe(ada, "#bad room");
    world.subscribe(ada, "#all");
    world.clock.advance(world.limits.zmqNamingMs);
    expect(ada.heard).toMatchObject([
      { topic: "ada", kind: "fault", data: { code: "malformed", subscription: "#bad room" } },
    ]);
  });

  it("is a shared data topic, which is nobody's name", () => {
    const ada = world.subscriber(["ada", "prices"]);
    world.send(world.publisher(), "feed", "prices", "inform", "42");
    expect(ada.texts).toEqual(["42"]);
    world.clock.advance(world.limits.zmqInferredMs);
    expect(world.online).toEqual(["ada"]);
  });

  it("is told of an owned name only to the connection that asked for it", () => {
    world.identity.owned.add("boss");
    const boss = world.subscriber([], { principal: proved("boss") });
    const claimer = world.subscriber(["boss"]);
    expect(claimer.heard).toMatchObject([
      { topic: "boss", kind: "fault", text: expect.stringContaining("broker token boss") as string },
    ]);
    expect(boss.heard).toEqual([]);
  });
});

describe("a name that is proved while others claim it", () => {
  let world: ZeromqWorld;
  beforeEach(() => {
    world = new ZeromqWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  it.each([
    ["inferred", ["boss"], {}],
    ["declared", [], { declared: "boss" }],
  ])("is taken at once from whoever has it %s, and given back when it is free again", (_how, topics, facts) => {
    const claimer = world.subscriber(topics, facts);
    const owner = world.session("boss", "proved");
    world.send(world.publisher(), "ada", "boss", "inform", "for the owner");
    expect(claimer.texts).toEqual([expect.stringContaining("has an owner")]);
    expect(owner.heard.map(({ content }) => content.message)).toEqual(["for the owner"]);
    owner.end();
    expect(world.directory.agent("boss")).toBeUndefined();
    world.identity.owned.delete("boss");
    world.clock.advance(1_000);
    world.send(world.publisher(), "ada", "boss", "inform", "for anybody");
    expect(claimer.texts.at(-1)).toBe("for anybody");
  });

  it("is taken within a second when another process made a token for it", () => {
    const claimer = world.subscriber(["boss"]);
    world.identity.owned.add("boss");
    world.clock.advance(1_000);
    expect(claimer.faults).toEqual(["forbidden"]);
    expect(world.router.route("boss")).toBeUndefined();
  });

  it("sleeps for a new connection that declares it, which is told the remedy, on either door", () => {
    const owner = world.subscriber([], { principal: proved("boss") });
    const twin = world.subscriber(["boss", "#lab"], { declared: "boss" });
    const speaker = world.publisher({ declared: "boss" });
    expect(twin.heard).toMatchObject([
      {
        topic: "boss",
        data: { code: "forbidden", subscription: "boss" },
        text: expect.stringContaining("broker token boss") as string,
      },
    ]);
    world.send(world.publisher(), "ada", "boss", "inform", "for the owner");
    world.send(speaker, "boss", "all", "inform", "not by me");
    expect([owner.texts, twin.texts.length]).toEqual([["for the owner"], 1]);
    expect(world.ledger.reasons).toMatchObject({ "name-asleep": 1 });
    expect(world.directory.agents()).toHaveLength(1);
    expect(world.directory.rooms(undefined).map(({ name }) => name)).not.toContain("#lab");
  });

  it("wakes for whoever declared it as soon as it is free, and tells nobody twice", () => {
    const bot = world.session("bot");
    const twin = world.subscriber(["#lab"], { declared: "bot" });
    const speaker = world.publisher({ declared: "bot" });
    const ada = world.subscriber(["ada"]);
    world.clock.advance(5_000);
    expect(twin.faults).toEqual(["conflict"]);
    bot.end();
    world.clock.advance(1_000);
    expect(world.online).toEqual(["ada", "bot"]);
    expect(world.directory.members("#lab", undefined)).toEqual(["bot"]);
    world.send(world.publisher(), "ada", "bot", "inform", "welcome back");
    world.send(speaker, "bot", "ada", "inform", "thanks");
    expect([twin.texts.at(-1), ada.texts]).toEqual(["welcome back", ["thanks"]]);
    expect(twin.faults).toEqual(["conflict"]);
  });

  it("is not taken from a second connection of its owner", () => {
    const first = world.subscriber([], { principal: proved("boss") });
    const second = world.subscriber(["boss"], { principal: proved("boss") });
    world.send(world.publisher(), "ada", "boss", "inform", "both");
    expect([first.texts, second.texts]).toEqual([["both"], ["both"]]);
  });
});

describe("sleeping subscriptions", () => {
  it("are tried again in turn, a bounded number in each round, the longest untried first", () => {
    const sleeping = new SleepingSubscriptions();
    const tried: number[] = [];
    for (let n = 0; n < 2_500; n += 1) sleeping.add({ tryAgain: () => tried.push(n) < 0 });
    for (const expected of [1_000, 2_000, 3_000]) {
      sleeping.tryAgain();
      expect(tried).toHaveLength(expected);
    }
    expect(new Set(tried).size).toBe(2_500);
    expect(tried.slice(2_500)).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  it("leave when they wake or are cancelled", () => {
    const sleeping = new SleepingSubscriptions();
    let awake = false;
    sleeping.add({ tryAgain: () => awake });
    const cancel = sleeping.add({ tryAgain: () => false });
    sleeping.tryAgain();
    expect(sleeping.size).toBe(2);
    awake = true;
    sleeping.tryAgain();
    cancel();
    expect(sleeping.size).toBe(0);
  });
});
