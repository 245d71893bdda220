import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ZeromqWorld, proved } from "../../kit/zeromq-world.js";

describe("rooms of a ZeroMQ connection", () => {
  let world: ZeromqWorld;
  const members = (room: string): readonly string[] => [...world.directory.members(room, undefined)];
  beforeEach(() => {
    world = new ZeromqWorld({ zmqInferredMs: 0 });
  });
  afterEach(async () => {
    await world.close();
  });

  it("make a member of a connection with one name, create what is missing, and let it go with the subscription", () => {
    const ada = world.subscriber(["#lab", "ada"]);
    world.clock.advance(1);
    expect(members("#lab")).toEqual(["ada"]);
    world.unsubscribe(ada, "#lab");
    expect(members("#lab")).toEqual([]);
  });

  it("are joined at once by a declared name", () => {
    const ada = world.subscriber([], { declared: "ada" });
    world.subscribe(ada, "#lab");
    expect(members("#lab")).toEqual(["ada"]);
  });

  it("are only listened to by a connection of several names, by a proxy, and by one without a name", () => {
    const several = world.subscriber(["ada", "bob", "#lab"]);
    const proxy = world.subscriber(["eve", "#lab"], { socketType: "XSUB" });
    const nameless = world.subscriber(["#lab"]);
    world.send(world.publisher(), "zoe", "#lab", "inform", "hello");
    expect([several, proxy, nameless].map(({ texts }) => texts)).toEqual([["hello"], ["hello"], ["hello"]]);
    expect(world.directory.rooms(undefined).find(({ name }) => name === "#lab")?.members ?? 0).toBe(0);
    expect(world.directory.agent("eve")).toMatchObject({ via: "proxy" });
  });

  it("are left when a second name makes it a carrier, and joined when it has one again", () => {
    const ada = world.subscriber(["ada", "#lab"]);
    world.clock.advance(1);
    world.subscribe(ada, "bob");
    world.clock.advance(world.limits.zmqNamingMs);
    expect(members("#lab")).toEqual([]);
    world.unsubscribe(ada, "bob");
    world.clock.advance(1);
    expect(members("#lab")).toEqual(["ada"]);
  });

  it("are entered under another name when they are paid for, where there are many", () => {
    const rooms = Array.from({ length: 1_000 }, (_, at) => `#r${String(at)}`);
    const carrier = world.subscriber([...rooms, "ada"]);
    world.clock.advance(1);
    expect([members("#r0"), members("#r999")]).toEqual([["ada"], ["ada"]]);
    const rename = (from: string, to: string): void => {
      world.unsubscribe(carrier, from);
      world.subscribe(carrier, to);
      world.clock.advance(world.limits.zmqNamingMs);
    };
    world.clock.advance(1_000);
    rename("ada", "bob");
    expect([members("#r0"), members("#r999")], "the last change was long ago").toEqual([["bob"], ["bob"]]);
    // Of the rooms 900 are paid for by 0.2 ms each, of the subscriptions 901 by 0.01 ms.
    rename("bob", "carol");
    expect([members("#r0"), members("#r999")]).toEqual([[], []]);
    expect(world.directory.agent("carol"), "the name itself does not wait").toMatchObject({ name: "carol" });
    world.clock.advance(100);
    expect([members("#r0"), members("#r999")]).toEqual([["carol"], ["carol"]]);
  });

  it("keep their member for its grace", () => {
    const ada = world.subscriber(["ada", "#lab"], { declared: "ada" });
    world.gone(ada);
    world.clock.advance(1_999);
    expect(members("#lab")).toEqual(["ada"]);
    world.clock.advance(1);
    expect(members("#lab")).toEqual([]);
  });

  it("sleep where the name may not enter, and wake when it was invited", () => {
    const owner = world.subscriber([], { principal: proved("owner") });
    const asOwner = world.publisher({ principal: proved("owner") });
    world.ask(asOwner, "owner", owner, "room.create", { room: "#inner", invite_only: true });
    const guest = world.subscriber(["#inner"], { principal: proved("guest") });
    const claimed = world.subscriber(["claimed", "#inner"]);
    const nameless = world.subscriber(["#inner"]);
    for (const outsider of [guest, claimed, nameless]) expect(outsider.faults).toEqual(["forbidden"]);
    world.send(asOwner, "owner", "#inner", "inform", "secret");
    world.ask(asOwner, "owner", owner, "room.invite", { room: "#inner", agent: "guest" });
    world.clock.advance(1_000);
    world.send(asOwner, "owner", "#inner", "inform", "welcome");
    expect(guest.heard.filter(({ topic }) => topic === "#inner").map(({ text }) => text)).toEqual(["welcome"]);
    for (const outsider of [claimed, nameless])
      expect(outsider.heard.filter(({ from }) => from === "owner")).toEqual([]);
  });

  it("cannot be made invite-only under a name that somebody listens to already", () => {
    const nameless = world.subscriber(["#inner"]);
    const owner = world.subscriber([], { principal: proved("owner") });
    const asOwner = world.publisher({ principal: proved("owner") });
    expect(world.ask(asOwner, "owner", owner, "room.create", { room: "#inner", invite_only: true })).toMatchObject([
      { data: { code: "conflict" } },
    ]);
    expect(nameless.heard).toEqual([]);
  });

  it("that are invite-only take nothing from a claimed name, nor from one that a proxy carries for another", () => {
    const owner = world.subscriber([], { principal: proved("owner") });
    world.subscribe(owner, "#inner");
    world.unsubscribe(owner, "#inner");
    world.ask(world.publisher({ principal: proved("owner") }), "owner", owner, "room.create", {
      room: "#vault",
      invite_only: true,
    });
    world.subscribe(owner, "#vault");
    world.identity.carried.set("owner", ["carried"]);
    const before = owner.heard.length;
    world.send(world.publisher(), "eve", "#vault", "inform", "from outside");
    world.send(world.publisher({ principal: proved("owner", ["proxy"]) }), "carried", "#vault", "inform", "carried in");
    expect(owner.heard.slice(before).filter(({ topic }) => topic === "#vault")).toEqual([]);
    world.send(world.publisher({ principal: proved("owner") }), "owner", "#vault", "inform", "inside");
    expect(owner.texts.at(-1)).toBe("inside");
  });

  it("sleep beyond the number that one agent may be in, and it is told", () => {
    world = new ZeromqWorld({ roomsPerAgentMax: 2 });
    const ada = world.subscriber([], { declared: "ada" });
    for (const room of ["#one", "#two", "#three"]) world.subscribe(ada, room);
    expect(ada.faults).toEqual(["full"]);
    world.send(world.publisher(), "bob", "#three", "inform", "?");
    expect(ada.texts).toHaveLength(1);
    world.unsubscribe(ada, "#one");
    world.clock.advance(1_000);
    expect(world.directory.rooms(undefined).find(({ name }) => name === "#three")?.members).toBe(1);
  });

  it("are still heard when they had to make room for others, and the agent is told", async () => {
    const full = new ZeromqWorld({ roomsMax: 4, roomsClaimedMax: 4 });
    const greedy = full.subscriber(["#a", "#b"], { declared: "greedy" });
    full.subscriber(["#new"], { declared: "eve" });
    expect(full.directory.rooms(undefined).map(({ name }) => name)).toEqual(["#agents", "#b", "#general", "#new"]);
    expect(greedy.heard).toMatchObject([{ topic: "greedy", kind: "fault", data: { code: "full", to: "#a" } }]);
    full.send(full.publisher(), "eve", "#a", "inform", "is anybody here?");
    expect(greedy.texts).toContain("is anybody here?");
    await full.close();
  });

  it("need a name for which there is room: one of many finds less, and whoever is refused is told", async () => {
    const full = new ZeromqWorld({ agentsClaimedMax: 4, agentsSharingMax: 2 });
    const many = full.subscriber(["m1", "m2", "m3"]);
    expect(many.heard).toMatchObject([{ topic: "m3", kind: "fault", data: { code: "full", agent: "m3" } }]);
    const ada = full.subscriber(["ada"]);
    expect(full.ask(full.publisher(), "ada", ada, "ping")).toMatchObject([{ text: "pong" }]);
    await full.close();
  });

  it("need a name for which there is room, and one address that suggests thousands leaves half of it", async () => {
    const full = new ZeromqWorld({ agentsSharingMax: 100 });
    const names = (of: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${of}${at}`);
    const onlineOf = (of: string): number => full.online.filter((name) => name.startsWith(of)).length;
    const greedy = full.subscriber(names("m", 60), { remote: "2001:db8::1" });
    full.subscriber(names("n", 60), { remote: "2001:db8::2" });
    full.clock.advance(10_000);
    expect(onlineOf("m") + onlineOf("n")).toBe(50);
    expect(greedy.faults).toContain("full");
    full.subscriber(names("other", 20), { remote: "192.0.2.1" });
    full.clock.advance(10_000);
    expect(onlineOf("other")).toBe(20);
    // This machine is trusted with all that is left.
    full.subscriber(names("own", 90));
    full.clock.advance(10_000);
    expect([onlineOf("own"), full.online.length]).toEqual([30, 100]);
    await full.close();
  });
});
