import { describe, expect, it } from "vitest";
import { principal, type Standing } from "../../src/core/index.js";
import type { Arriving } from "../../src/directory/index.js";
import { codeOf, openWorld, type World } from "../kit/directory-world.js";

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

  describe("of one address, whose names cost nothing,", () => {
    const at = (network: string, standing: Standing = "free"): Partial<Arriving> => ({
      party: { network, name: network, standing },
    });
    const claimed = (name: string, network: string): Partial<Arriving> => ({
      principal: principal(name, "claimed"),
      ...at(network),
    });
    /** Lets so many arrive. @returns how many of them are let in */
    const crowd = (arrive: World["arrive"], of: string, network: string, count = 60): number =>
      Array.from({ length: count }, (_, n) => `${of}${n}`).filter(
        (name) => codeOf(() => arrive(name, claimed(name, network))) === "none",
      ).length;

    it("take half of the places that are left, and ten in any case", () => {
      const { arrive } = openWorld({ agentsClaimedMax: 50 });
      const taken = [1, 2, 3, 4].map((host) => crowd(arrive, `of${host}-`, `192.0.2.${host}`));
      expect(taken).toEqual([25, 13, 10, 2]);
      expect(() => arrive("one more", claimed("one more", "192.0.2.1"))).toThrow(/as many agents as it can/);
    });

    it("are told what to do", () => {
      const { arrive } = openWorld({ agentsClaimedMax: 50 });
      crowd(arrive, "a", "192.0.2.1");
      expect(() => arrive("more", claimed("more", "192.0.2.1"))).toThrow(/at this address.*use a token/);
    });

    it("give back what they have taken", () => {
      const { arrive, directory } = openWorld({ agentsClaimedMax: 40 });
      for (let round = 0; round < 3; round += 1) {
        const here = Array.from({ length: 20 }, (_, n) => arrive(`a${n}`, claimed(`a${n}`, "192.0.2.1")));
        expect(codeOf(() => arrive("more", claimed("more", "192.0.2.1")))).toBe("full");
        // A second presence of a name takes no place.
        arrive("a0", claimed("a0", "192.0.2.1")).depart();
        for (const presence of here) presence.depart();
        expect(directory.agentCount).toBe(0);
      }
    });

    it("take no more by another name, and can have one though all is taken", () => {
      const { arrive } = openWorld({ agentsClaimedMax: 40 });
      const first = arrive("first", claimed("first", "192.0.2.1"));
      expect(crowd(arrive, "a", "192.0.2.1")).toBe(19);
      const second = arrive("second", { ...claimed("second", "192.0.2.1"), instead: first });
      first.depart();
      expect(codeOf(() => arrive("more", claimed("more", "192.0.2.1")))).toBe("full");
      expect(codeOf(() => arrive("other", { ...claimed("other", "192.0.2.2"), instead: second }))).toBe("none");
    });

    it("are not counted with those that have a token, nor with those of this machine", () => {
      const { arrive } = openWorld({ agentsMax: 200, agentsClaimedMax: 60 });
      for (let n = 0; n < 30; n += 1) {
        arrive(`shared${n}`, { principal: principal(`shared${n}`, "shared"), ...at("192.0.2.1", "shared") });
        arrive(`proxied${n}`, { principal: principal(`proxied${n}`, "claimed"), ...at("token of x", "issued") });
      }
      const roomy = openWorld({ agentsClaimedMax: 40 });
      expect(["127.0.0.1", "::1", "ipc"].map((own) => crowd(roomy.arrive, own, own, 13))).toEqual([13, 13, 13]);
      expect(crowd(roomy.arrive, "a", "192.0.2.1")).toBe(1);
    });
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
