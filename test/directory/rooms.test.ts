import { describe, expect, it } from "vitest";
import { principal } from "../../src/core/index.js";
import type { Presence } from "../../src/directory/index.js";
import { codeOf, openWorld } from "../kit/directory-world.js";

const day = 86_400_000;

describe("public rooms", () => {
  it("#general and #agents are there from the start, and those of the configuration", () => {
    const { directory } = openWorld({}, ["#ops", "#general"]);
    expect(directory.rooms(undefined)).toEqual(
      ["#agents", "#general", "#ops"].map((name) => ({ name, members: 0, inviteOnly: false })),
    );
  });

  it("are made by joining them, where the dialect wants that", () => {
    const { directory, arrive, events } = openWorld();
    const ada = arrive("ada");
    expect(codeOf(() => directory.join(ada, "#crypto", { create: false }))).toBe("not-found");
    expect(directory.join(ada, "#crypto", { create: true })).toBe(true);
    expect(directory.join(ada, "#crypto", { create: true })).toBe(false);
    expect(events).toEqual(["agent.online ada", "room.created #crypto", "room.joined ada #crypto"]);
    expect([...ada.rooms]).toEqual(["#crypto"]);
  });

  it("are made once, and their maker is in them", async () => {
    const { directory, arrive } = openWorld();
    const ada = arrive("ada");
    await directory.create(ada, "#crypto", { inviteOnly: false });
    expect(directory.members("#crypto", undefined)).toEqual(["ada"]);
    expect(codeOf(() => directory.create(arrive("bob"), "#crypto", { inviteOnly: false }))).toBe("conflict");
    expect(codeOf(() => directory.create(ada, "#general", { inviteOnly: true }))).toBe("conflict");
  });

  it("have names of the grammar and no other", () => {
    const { directory, arrive } = openWorld();
    const ada = arrive("ada");
    for (const name of ["", "#", "crypto", "#a.", "#ä", "#all", "#a b", `#${"a".repeat(65)}`]) {
      expect(codeOf(() => directory.join(ada, name, { create: true }))).toBe("malformed");
      expect(codeOf(() => directory.leave(ada, name))).toBe("malformed");
      expect(codeOf(() => directory.create(ada, name, { inviteOnly: true }))).toBe("malformed");
      expect(codeOf(() => directory.invite(ada, name, "bob"))).toBe("malformed");
    }
  });

  it("are left once, and a room that is not there cannot be", () => {
    const { directory, arrive, events } = openWorld();
    const ada = arrive("ada");
    directory.join(ada, "#general", { create: true });
    events.length = 0;
    expect(directory.leave(ada, "#general")).toBe(true);
    expect(directory.leave(ada, "#general")).toBe(false);
    expect(codeOf(() => directory.leave(ada, "#nowhere"))).toBe("not-found");
    expect(events).toEqual(["room.left ada #general"]);
  });

  it("have an agent as member while one of its connections is in them", () => {
    const { directory, arrive, events } = openWorld();
    const [one, two] = [arrive("ada"), arrive("ada")];
    expect(directory.join(one, "#general", { create: true })).toBe(true);
    expect(directory.join(two, "#general", { create: true })).toBe(true);
    expect(directory.rooms(undefined).find(({ name }) => name === "#general")?.members).toBe(1);
    one.depart();
    expect(directory.members("#general", undefined)).toEqual(["ada"]);
    directory.leave(two, "#general");
    expect(directory.members("#general", undefined)).toEqual([]);
    expect(events.filter((event) => event.startsWith("room."))).toEqual([
      "room.joined ada #general",
      "room.left ada #general",
    ]);
  });

  it("are left by an agent that goes, before it is offline", () => {
    const { directory, arrive, events } = openWorld();
    const ada = arrive("ada");
    directory.join(ada, "#general", { create: true });
    ada.depart();
    expect(events.slice(-2)).toEqual(["room.left ada #general", "agent.offline ada"]);
  });

  it("take a message from anybody, member or not", () => {
    const { say, ledger } = openWorld();
    say("#general", "hello");
    expect(
      codeOf(() => {
        say("#nowhere", "hello");
      }),
    ).toBe("not-found");
    expect(ledger.messages).toMatchObject({ routed: 1, unroutable: 1 });
  });

  it("tell an invitee, who could join anyway", async () => {
    const { directory, arrive, router } = openWorld();
    const heard: unknown[] = [];
    const ada = arrive("ada");
    arrive("bob");
    router.subscribe("bob", { deliver: (message) => heard.push(message.envelope?.content) > 0 });
    expect(codeOf(() => directory.invite(ada, "#general", "bob"))).toBe("forbidden");
    directory.join(ada, "#general", { create: true });
    await directory.invite(ada, "#general", "bob");
    expect(heard).toMatchObject([{ kind: "room.invited", data: { room: "#general", by: "ada" } }]);
  });
});

describe("an empty room", () => {
  it("goes a day after the last member left", () => {
    const { directory, arrive, clock, router } = openWorld();
    const before = router.size;
    const ada = arrive("ada");
    directory.join(ada, "#crypto", { create: true });
    directory.leave(ada, "#crypto");
    clock.advance(day - 1);
    expect(directory.rooms(undefined).map(({ name }) => name)).toContain("#crypto");
    clock.advance(1);
    expect(directory.rooms(undefined).map(({ name }) => name)).not.toContain("#crypto");
    expect(router.size).toBe(before);
  });

  it("stays when somebody comes in time", () => {
    const { directory, arrive, clock } = openWorld();
    const ada = arrive("ada");
    directory.join(ada, "#crypto", { create: true });
    directory.leave(ada, "#crypto");
    clock.advance(day - 1);
    directory.join(ada, "#crypto", { create: false });
    clock.advance(2 * day);
    expect(directory.members("#crypto", undefined)).toEqual(["ada"]);
    expect(clock.waiting).toBe(0);
  });

  it("stays for ever if it is configured or invite-only", async () => {
    const { directory, arrive, clock } = openWorld({}, ["#ops"]);
    const ada = arrive("ada");
    await directory.create(ada, "#secret", { inviteOnly: true });
    for (const room of ["#ops", "#general"]) directory.join(ada, room, { create: false });
    for (const room of ["#ops", "#general", "#secret"]) directory.leave(ada, room);
    clock.advance(10 * day);
    expect(directory.rooms(ada.principal).map(({ name }) => name)).toEqual(["#agents", "#general", "#ops", "#secret"]);
    expect(clock.waiting).toBe(0);
  });
});

describe("the limits of rooms", () => {
  it("let the room go that has been empty longest when a new one is made", () => {
    const { directory, arrive, clock } = openWorld({ roomsMax: 4 });
    const ada = arrive("ada");
    for (const room of ["#a", "#b"]) directory.join(ada, room, { create: true });
    for (const room of ["#b", "#a"]) directory.leave(ada, room);
    directory.join(ada, "#c", { create: true });
    expect(directory.rooms(undefined).map(({ name }) => name)).toEqual(["#a", "#agents", "#c", "#general"]);
    expect(clock.waiting).toBe(1);
  });

  it("refuse one more when none is empty", () => {
    const { directory, arrive } = openWorld({ roomsMax: 3 });
    directory.join(arrive("ada"), "#a", { create: true });
    const bob = arrive("bob");
    expect(codeOf(() => directory.join(bob, "#b", { create: true }))).toBe("full");
    expect(codeOf(() => directory.create(bob, "#b", { inviteOnly: true }))).toBe("full");
    expect(bob.rooms.size).toBe(0);
  });

  it("let a room go of whoever holds the most by claims alone, who is told; never one in which somebody proves something", () => {
    const { directory, arrive, events, router } = openWorld({ roomsMax: 9, roomsClaimedMax: 7 });
    const claimed = (name: string): Presence => arrive(name, { principal: principal(name, "claimed"), dialect: "zmq" });
    const names = (): readonly string[] =>
      directory
        .rooms(undefined)
        .map(({ name }) => name)
        .slice(2);
    const told: unknown[] = [];
    router.subscribe("mallory", { deliver: ({ envelope }) => told.push(envelope?.content) > 0 });
    const [mallory, accomplice, honest] = [claimed("mallory"), claimed("accomplice"), claimed("honest")];
    directory.join(honest, "#h1", { create: true });
    for (const room of ["#m1", "#m2", "#m3", "#m4"])
      for (const member of [mallory, accomplice]) directory.join(member, room, { create: true });
    const bot = arrive("bot");
    directory.join(bot, "#m1", { create: true });
    events.length = 0;
    directory.join(claimed("eve"), "#new", { create: true });
    expect(names()).toEqual(["#h1", "#m1", "#m3", "#m4", "#new"]);
    expect(events.slice(-4)).toEqual([
      "room.left mallory #m2",
      "room.left accomplice #m2",
      "room.created #new",
      "room.joined eve #new",
    ]);
    expect(told).toMatchObject([{ kind: "fault", data: { code: "full", to: "#m2" } }]);
    expect([...mallory.rooms]).toEqual(["#m1", "#m3", "#m4"]);
    expect(
      codeOf(() => directory.join(mallory, "#m5", { create: true })),
      "nobody holds more than it",
    ).toBe("full");
  });

  it("keep the last ones for those who prove something, and take from claims then", () => {
    const { directory, arrive } = openWorld({ roomsMax: 5, roomsClaimedMax: 4 });
    const claimed = (name: string): Presence => arrive(name, { principal: principal(name, "claimed"), dialect: "zmq" });
    const names = (): readonly string[] =>
      directory
        .rooms(undefined)
        .map(({ name }) => name)
        .filter((name) => name.length === 2);
    directory.join(claimed("ada"), "#a", { create: true });
    directory.join(claimed("bob"), "#b", { create: true });
    const bot = arrive("bot", { principal: principal("bot", "proved", { proof: "token:bot" }) });
    for (const room of ["#1", "#2", "#3"]) directory.join(bot, room, { create: true });
    expect(names()).toEqual(["#1", "#2", "#3"]);
    expect(codeOf(() => directory.join(bot, "#4", { create: true }))).toBe("full");
    expect(codeOf(() => directory.join(claimed("eve"), "#e", { create: true }))).toBe("full");
  });

  it("bound what one agent is in, over all its connections", () => {
    const { directory, arrive } = openWorld({ roomsPerAgentMax: 2 });
    const [one, two] = [arrive("ada"), arrive("ada")];
    directory.join(one, "#a", { create: true });
    directory.join(two, "#b", { create: true });
    directory.join(two, "#a", { create: true });
    expect(codeOf(() => directory.join(one, "#c", { create: true }))).toBe("full");
    directory.leave(two, "#b");
    directory.join(one, "#c", { create: true });
  });

  it("bound the members of one room, not the connections of a member", () => {
    const { directory, arrive } = openWorld({ roomMembersMax: 1 });
    directory.join(arrive("ada"), "#a", { create: true });
    directory.join(arrive("ada"), "#a", { create: true });
    expect(codeOf(() => directory.join(arrive("bob"), "#a", { create: true }))).toBe("full");
  });

  it("bound the invite-only rooms of one owner, which never go", async () => {
    const { directory, arrive } = openWorld({ roomsPerAgentMax: 2 });
    const ada = arrive("ada");
    for (const room of ["#a", "#b"]) {
      await directory.create(ada, room, { inviteOnly: true });
      directory.leave(ada, room);
    }
    expect(codeOf(() => directory.create(ada, "#c", { inviteOnly: true }))).toBe("full");
  });
});
