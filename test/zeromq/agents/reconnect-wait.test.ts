import { afterEach, describe, expect, it } from "vitest";
import { ZeromqWorld, proved } from "../../kit/zeromq-world.js";

describe("a name whose last connection is gone", () => {
  let world: ZeromqWorld;
  afterEach(async () => {
    await world.close();
  });

  it.each([
    ["declared", { declared: "bob" }, 2_000],
    ["proved", { principal: proved("bob") }, 2_000],
    ["inferred", {}, 10_000],
  ])("stays online for its grace: %s", (_how, facts, graceMs) => {
    world = new ZeromqWorld();
    const bob = world.subscriber(["bob"], facts);
    world.gone(bob);
    world.clock.advance(graceMs - 1);
    expect(world.directory.agent("bob")).toBeDefined();
    world.clock.advance(1);
    expect(world.directory.agent("bob")).toBeUndefined();
    expect(world.router.route("bob")).toBeUndefined();
  });

  it("is away without grace when the connection lives and cancels the name", () => {
    world = new ZeromqWorld();
    const bob = world.subscriber(["bob"]);
    world.unsubscribe(bob, "bob");
    expect(world.directory.agent("bob")).toBeUndefined();
    expect(world.router.route("bob")).toBeUndefined();
  });

  it("gets what was held in order, before anything new, and each message once", () => {
    world = new ZeromqWorld();
    const tap = world.subscriber([""]);
    const bob = world.subscriber(["bob"]);
    world.gone(bob);
    const ada = world.publisher();
    for (const text of ["1", "2", "3"]) world.send(ada, "ada", "bob", "request", text);
    expect(world.ledger.copies.pending).toBe(3);
    expect(world.isExact).toBe(true);
    const back = world.subscriber(["bob"]);
    world.send(ada, "ada", "bob", "request", "4");
    expect(back.texts).toEqual(["1", "2", "3", "4"]);
    expect(tap.texts.filter((text) => text?.length === 1)).toEqual(["1", "2", "3", "4"]);
    expect(world.ledger.copies).toMatchObject({ pending: 0, written: 4 });
    expect(world.isExact).toBe(true);
    world.clock.advance(20_000);
    expect(world.directory.agent("bob")).toBeDefined();
  });

  it("gets it at READY where the name is declared", () => {
    world = new ZeromqWorld();
    world.gone(world.subscriber([], { declared: "bob" }));
    world.send(world.publisher(), "ada", "bob", "inform", "while you were away");
    expect(world.subscriber([], { declared: "bob" }).texts).toEqual(["while you were away"]);
  });

  it("is not what somebody else's subscription to it as a topic releases", () => {
    world = new ZeromqWorld();
    world.gone(world.subscriber([], { declared: "bob" }));
    world.send(world.publisher(), "ada", "bob", "inform", "for bob");
    const mallory = world.subscriber(["bob"], { declared: "mallory" });
    expect(mallory.texts).toEqual([]);
    expect(world.subscriber([], { declared: "bob" }).texts).toEqual(["for bob"]);
  });

  it("tells whoever asked that nobody came back, and counts the rest", () => {
    world = new ZeromqWorld();
    const ada = world.subscriber(["ada"]);
    world.gone(world.subscriber(["bob"]));
    const id = world.send(world.publisher(), "ada", "bob", "request", "there?");
    world.send(world.publisher(), "ada", "bob", "inform", "by the way");
    const bot = world.session("bot");
    bot.say("bob", "request", "there?");
    world.clock.advance(10_000);
    expect(ada.heard).toMatchObject([{ kind: "fault", inReplyTo: id, data: { code: "not-found", to: "bob" } }]);
    expect(bot.heard.map(({ content }) => content.kind)).toEqual(["fault"]);
    expect(world.ledger.copies.dropped.expired).toBe(3);
    expect(world.isExact).toBe(true);
  });

  it("does not give what expired meanwhile, and tells its sender", () => {
    world = new ZeromqWorld();
    const ada = world.subscriber(["ada"]);
    world.gone(world.subscriber(["bob"]));
    world.send(world.publisher(), "ada", "bob", "request", "quick", {
      expires_at: new Date(world.clock.now() + 500).toISOString(),
    });
    world.clock.advance(600);
    expect(world.subscriber(["bob"]).texts).toEqual([]);
    expect(ada.faults).toEqual(["timeout"]);
    expect(world.isExact).toBe(true);
  });

  it("holds no more than the limits allow, and says so", () => {
    world = new ZeromqWorld({ heldPerNameMax: 2 });
    const ada = world.subscriber(["ada"]);
    world.gone(world.subscriber(["bob"]));
    for (const text of ["1", "2", "3"]) world.send(world.publisher(), "ada", "bob", "request", text);
    expect(ada.faults).toEqual(["full"]);
    expect(world.ledger.copies.dropped.full).toBe(1);
    expect(world.subscriber(["bob"]).texts).toEqual(["1", "2"]);
    expect(world.isExact).toBe(true);
  });

  it("holds no more bytes than all held messages may take together", () => {
    world = new ZeromqWorld({ heldMaxBytes: 10_000 });
    for (const name of ["bob", "eve"]) world.gone(world.subscriber([name]));
    for (const to of ["bob", "eve"]) world.send(world.publisher(), "ada", to, "inform", "x".repeat(6_000));
    expect(world.ledger.copies).toMatchObject({ pending: 1, dropped: { full: 1 } });
  });

  it("holds something of everybody, however much one connection sends", () => {
    world = new ZeromqWorld({ heldMaxBytes: 100_000 });
    for (const name of ["bob", "eve"]) world.gone(world.subscriber([name]));
    const flooder = world.publisher();
    for (let n = 0; n < 30; n += 1) world.send(flooder, "max", "bob", "inform", "x".repeat(6_000));
    const { full } = world.ledger.copies.dropped;
    expect(full).toBeGreaterThan(20);
    for (const text of ["1", "2", "3"]) world.send(world.publisher(), "ada", "eve", "inform", text);
    expect(world.ledger.copies.dropped.full).toBe(full);
    expect(world.subscriber(["eve"]).texts).toEqual(["1", "2", "3"]);
  });

  it("gives a session of another dialect what was held, before what is new", () => {
    world = new ZeromqWorld();
    world.gone(world.subscriber(["bob"]));
    world.send(world.publisher(), "ada", "bob", "inform", "1");
    const bob = world.session("bob");
    world.send(world.publisher(), "ada", "bob", "inform", "2");
    expect(bob.heard.map(({ content }) => content.message)).toEqual(["1", "2"]);
    expect(world.isExact).toBe(true);
  });

  it("begins with the last of its connections", () => {
    world = new ZeromqWorld();
    const first = world.subscriber([], { declared: "bob" });
    const second = world.subscriber(["bob"]);
    world.gone(second);
    world.clock.advance(9_000);
    world.gone(first);
    world.clock.advance(1_500);
    world.send(world.publisher(), "ada", "bob", "inform", "still held");
    expect(world.ledger.copies.pending).toBe(1);
  });

  it("drops what it holds when the broker stops, counted", async () => {
    world = new ZeromqWorld();
    world.gone(world.subscriber(["bob"]));
    world.send(world.publisher(), "ada", "bob", "inform", "late");
    await world.agents.stop();
    expect(world.ledger.copies).toMatchObject({ pending: 0, dropped: { expired: 1 } });
    expect(world.isExact).toBe(true);
  });
});
