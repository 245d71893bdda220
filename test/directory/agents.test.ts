import { describe, expect, it } from "vitest";
import { principal } from "../../src/core/index.js";
import { codeOf, openWorld } from "../kit/directory-world.js";

describe("agents in the directory", () => {
  it("are online from arrival to departure, and announced once each", () => {
    const { directory, arrive, events } = openWorld();
    const ada = arrive("ada");
    expect(directory.agent("ada")).toMatchObject({ name: "ada", dialect: "pan", trust: "shared", via: undefined });
    ada.depart();
    ada.depart();
    expect(directory.agent("ada")).toBeUndefined();
    expect(events).toEqual(["agent.online ada", "agent.offline ada"]);
  });

  it("are told about with everything a dialect needs", () => {
    const { router, arrive } = openWorld();
    const heard: unknown[] = [];
    router.subscribe("$events", { deliver: (message) => heard.push(message.envelope) > 0 });
    arrive("ada", { principal: principal("ada", "proved", { displayName: "Ada L." }), dialect: "zmq" });
    expect(heard).toMatchObject([
      {
        from: "$broker",
        to: "$events",
        type: "inform",
        trust: "proved",
        content: {
          message: "ada is online",
          kind: "agent.online",
          data: { agent: "ada", displayName: "Ada L.", dialect: "zmq", trust: "proved" },
        },
      },
    ]);
  });

  it("that only claim their names leave room for those who have a token", () => {
    const { arrive } = openWorld({ agentsMax: 3, agentsClaimedMax: 2 });
    const claimed = (name: string): unknown => arrive(name, { principal: principal(name, "claimed"), dialect: "zmq" });
    claimed("a");
    claimed("b");
    expect(codeOf(() => claimed("c"))).toBe("full");
    arrive("bot");
    expect(codeOf(() => arrive("one more"))).toBe("full");
  });

  it("that stand on one connection with others leave room for those with one of their own", () => {
    const { arrive } = openWorld({ agentsClaimedMax: 3, agentsSharingMax: 2 });
    const claimed = (name: string, sharing: boolean): unknown =>
      arrive(name, { principal: principal(name, "claimed"), dialect: "zmq", sharing });
    claimed("a", true);
    claimed("b", true);
    expect(codeOf(() => claimed("c", true))).toBe("full");
    claimed("d", false);
    expect(codeOf(() => claimed("e", false))).toBe("full");
  });

  it("of other dialects are counted while they are here", () => {
    const { directory, arrive } = openWorld();
    const bot = arrive("bot");
    arrive("ada", { principal: principal("ada", "claimed"), dialect: "zmq" });
    expect(directory.nonZmqPresences).toBe(1);
    bot.depart();
    expect(directory.nonZmqPresences).toBe(0);
  });

  it("are listed by name", () => {
    const { directory, arrive } = openWorld();
    for (const name of ["bob", "eve", "Ada"]) arrive(name);
    expect(directory.agents().map(({ name }) => name)).toEqual(["Ada", "bob", "eve"]);
    arrive("carl");
    expect(directory.agents().map(({ name }) => name)).toEqual(["Ada", "bob", "carl", "eve"]);
  });

  it("stay online while one of several connections lives, best proved first", () => {
    const { directory, arrive, events, clock } = openWorld();
    const one = arrive("ada", { dialect: "zmq", principal: principal("ada", "claimed") });
    clock.advance(5);
    const two = arrive("ada", { dialect: "pan", principal: principal("ada", "proved", { proof: "token:ada" }) });
    expect(directory.agent("ada")).toMatchObject({ dialect: "pan", trust: "proved", since: clock.now() - 5 });
    two.depart();
    expect(directory.agent("ada")).toMatchObject({ dialect: "zmq", trust: "claimed" });
    one.depart();
    expect(events).toEqual(["agent.online ada", "agent.offline ada"]);
  });

  it("that arrive unlisted are there, but in no list and no event until they are shown", () => {
    const { directory, arrive, events } = openWorld();
    const ada = arrive("ada", { listed: false });
    directory.join(ada, "#general", { create: true });
    expect(directory.agent("ada")?.name).toBe("ada");
    expect(directory.agents()).toEqual([]);
    expect(directory.members("#general", undefined)).toEqual([]);
    expect(events).toEqual([]);
    ada.show();
    ada.show();
    expect(directory.agents().map(({ name }) => name)).toEqual(["ada"]);
    expect(directory.members("#general", undefined)).toEqual(["ada"]);
    expect(events).toEqual(["agent.online ada", "room.joined ada #general"]);
  });

  it("that leave before they were shown leave without a word", () => {
    const { directory, arrive, events } = openWorld();
    const ada = arrive("ada", { listed: false });
    directory.join(ada, "#general", { create: true });
    ada.depart();
    ada.show();
    expect([directory.agent("ada"), events]).toEqual([undefined, []]);
  });

  it("are refused when there are too many, but not another connection of one that is there", () => {
    const { arrive } = openWorld({ agentsMax: 2 });
    const ada = arrive("ada");
    arrive("bob");
    expect(codeOf(() => arrive("eve"))).toBe("full");
    arrive("ada").depart();
    ada.depart();
    arrive("eve");
  });
});

describe("an agent's grace", () => {
  it("keeps it online and in its rooms for so long, then lets it go", () => {
    const { directory, arrive, events, clock } = openWorld();
    const ada = arrive("ada");
    directory.join(ada, "#general", { create: true });
    events.length = 0;
    ada.depart(2_000);
    clock.advance(1_999);
    expect(directory.agent("ada")?.name).toBe("ada");
    expect(directory.members("#general", undefined)).toEqual(["ada"]);
    expect(events).toEqual([]);
    clock.advance(1);
    expect(directory.agent("ada")).toBeUndefined();
    expect(directory.members("#general", undefined)).toEqual([]);
    expect(events).toEqual(["room.left ada #general", "agent.offline ada"]);
  });

  it("lets it come back without a word, into the rooms that it joins again", () => {
    const { directory, arrive, events, clock } = openWorld();
    const before = arrive("ada");
    for (const room of ["#general", "#old"]) directory.join(before, room, { create: true });
    events.length = 0;
    before.depart(2_000);
    const after = arrive("ada");
    expect(directory.join(after, "#general", { create: true })).toBe(true);
    expect(events).toEqual([]);
    clock.advance(2_000);
    expect(events).toEqual(["room.left ada #old"]);
    expect(directory.agent("ada")?.name).toBe("ada");
    expect(clock.waiting).toBe(1); // the end of #old, which is empty now
  });

  it("is one for all connections of a name: a second one takes the first one's rooms over", () => {
    const { directory, arrive, events, clock } = openWorld();
    for (const room of ["#one", "#two", "#three"]) {
      const presence = arrive("ada");
      directory.join(presence, room, { create: true });
      presence.depart(2_000);
      clock.advance(1_500);
    }
    expect(directory.rooms(undefined).filter(({ members }) => members === 1)).toHaveLength(3);
    expect(clock.waiting).toBe(1);
    events.length = 0;
    clock.advance(500);
    expect(events.at(-1)).toBe("agent.offline ada");
    expect(events.slice(0, -1).sort()).toEqual(["room.left ada #one", "room.left ada #three", "room.left ada #two"]);
  });

  it("does not keep it in a room that it leaves after coming back", () => {
    const { directory, arrive, events } = openWorld();
    const before = arrive("ada");
    directory.join(before, "#general", { create: true });
    before.depart(2_000);
    const after = arrive("ada");
    directory.join(after, "#general", { create: true });
    events.length = 0;
    expect(directory.leave(after, "#general")).toBe(true);
    expect(events).toEqual(["room.left ada #general"]);
  });

  it("lets a connection that left do nothing more", () => {
    const { directory, arrive } = openWorld();
    const ada = arrive("ada");
    ada.depart(2_000);
    expect(codeOf(() => directory.join(ada, "#general", { create: true }))).toBe("going-away");
    directory.close();
  });

  it("ends with the directory: no timer is left", () => {
    const { directory, arrive, clock } = openWorld();
    const ada = arrive("ada");
    directory.join(ada, "#mine", { create: true });
    directory.leave(ada, "#mine");
    ada.depart(2_000);
    const bob = arrive("bob");
    expect(clock.waiting).toBe(2);
    directory.close();
    bob.depart(2_000);
    expect(clock.waiting).toBe(0);
    expect(directory.agent("bob")).toBeUndefined();
  });
});
