import { describe, expect, it } from "vitest";
import { defaultLimits, Fault, principal, type Message, type Principal } from "../../src/core/index.js";
import type { Presence } from "../../src/directory/index.js";
import type { RoomRow } from "../../src/directory/kept-rooms.js";
import { TablesMemory } from "../../src/storage/index.js";
import { codeOf, openWorld, type World } from "../kit/directory-world.js";
import { gatedTable, turn, type GatedTable } from "../kit/gated-table.js";

const token = (agent: string): Principal => principal(agent, "proved", { proof: `token:${agent}` });
const key = (agent: string): Principal => principal(agent, "proved", { proof: `key:${agent}` });
const inspector = principal("operator", "proved", { scopes: ["inspect"] });
const full = new Fault("unavailable", "the disk is full");

interface Kept extends World {
  readonly gate: GatedTable<RoomRow>;
  readonly ada: Presence;
}

/** A world whose rooms are kept on a disk that a test can hold. */
async function keptWorld(...limits: Parameters<typeof openWorld>): Promise<Kept> {
  const world = openWorld(...limits);
  const gate = gatedTable<RoomRow>();
  await world.directory.keepRooms(gate.table);
  return { ...world, gate, ada: world.arrive("ada", { principal: token("ada") }) };
}

describe("an invite-only room", () => {
  it("is told of when it is on disk, and not before", async () => {
    const { directory, arrive, ada, allEvents, gate, say } = await keptWorld();
    gate.hold();
    let isAnswered = false;
    const made = directory.create(ada, "#secret", { inviteOnly: true }).then(() => {
      isAnswered = true;
    });
    await turn();
    expect([isAnswered, allEvents.some((event) => event.includes("#secret"))]).toEqual([false, false]);
    expect(directory.rooms(inspector).some(({ name }) => name === "#secret")).toBe(false);
    // Its name is taken all the same, and its maker can speak in it: nobody else hears that.
    const eve = arrive("eve", { principal: token("eve") });
    const adasOther = arrive("ada", { principal: token("ada") });
    expect(codeOf(() => directory.join(eve, "#secret", { create: true }))).toBe("forbidden");
    expect(codeOf(() => directory.create(eve, "#secret", { inviteOnly: false }))).toBe("conflict");
    expect(codeOf(() => directory.join(adasOther, "#secret", { create: true }))).toBe("unavailable");
    expect(codeOf(() => directory.invite(ada, "#secret", "eve"))).toBe("unavailable");
    say("#secret", "hello", ada.principal);
    await gate.open();
    await made;
    expect(allEvents.slice(-2)).toEqual(["room.created #secret", "room.joined ada #secret"]);
    expect(directory.members("#secret", ada.principal)).toEqual(["ada"]);
  });

  it("that cannot be kept has never been: its name is free, and nobody hears of it", async () => {
    const { directory, arrive, ada, allEvents, gate } = await keptWorld();
    gate.hold();
    const refused = expect(directory.create(ada, "#secret", { inviteOnly: true })).rejects.toThrow(full.message);
    await gate.fail(full);
    await refused;
    expect(allEvents.filter((event) => event.includes("#secret"))).toEqual([]);
    expect([...ada.rooms]).toEqual([]);
    const eve = arrive("eve", { principal: token("eve") });
    expect(directory.join(eve, "#secret", { create: true })).toBe(true);
  });

  it("outlives its maker's connection that goes while it is kept", async () => {
    const { directory, ada, arrive, gate } = await keptWorld();
    gate.hold();
    const made = directory.create(ada, "#secret", { inviteOnly: true });
    ada.depart();
    await gate.open();
    await made;
    const again = arrive("ada", { principal: token("ada") });
    expect(directory.join(again, "#secret", { create: false })).toBe(true);
  });

  it("is forgotten with all its invitations", async () => {
    const { directory, arrive, ada, gate } = await keptWorld({ roomsMax: 4 });
    await directory.create(ada, "#a", { inviteOnly: true });
    await directory.create(ada, "#b", { inviteOnly: true });
    arrive("bob", { principal: token("bob") });
    await directory.invite(ada, "#a", "bob");
    directory.leave(ada, "#a");
    gate.written();
    await directory.create(arrive("eve", { principal: token("eve") }), "#c", { inviteOnly: false });
    await turn();
    expect([...gate.written()].sort()).toEqual([
      "delete #a",
      "delete #a\nproof token:ada",
      "delete #a\nproof token:bob",
    ]);
  });
});

describe("an invitation", () => {
  it("is one row, and nothing is written when nothing changes", async () => {
    const { directory, arrive, ada, gate } = await keptWorld();
    await directory.create(ada, "#secret", { inviteOnly: true });
    expect(gate.written()).toEqual(["put #secret", "put #secret\nproof token:ada"]);
    arrive("bob", { principal: token("bob") });
    await directory.invite(ada, "#secret", "bob");
    expect(gate.written()).toEqual(["put #secret\nproof token:bob"]);
    for (const name of ["bob", "ada", "bob"]) await directory.invite(ada, "#secret", name);
    expect(gate.written()).toEqual([]);
  });

  it("lets somebody in, and is told, when it is on disk; given twice meanwhile it is written once", async () => {
    const { directory, arrive, ada, gate, router } = await keptWorld();
    await directory.create(ada, "#secret", { inviteOnly: true });
    const bob = arrive("bob", { principal: token("bob") });
    const heard: Message[] = [];
    router.subscribe("bob", { deliver: (message) => heard.push(message) > 0 });
    gate.written();
    gate.hold();
    const given = [directory.invite(ada, "#secret", "bob"), directory.invite(ada, "#secret", "bob")];
    await turn();
    expect(heard).toEqual([]);
    expect(codeOf(() => directory.join(bob, "#secret", { create: false }))).toBe("forbidden");
    await gate.open();
    await Promise.all(given);
    expect(gate.written()).toEqual(["put #secret\nproof token:bob"]);
    expect(heard).toHaveLength(2);
    expect(directory.join(bob, "#secret", { create: false })).toBe(true);
  });

  it("that cannot be kept was not given, and can be given again", async () => {
    const { directory, arrive, ada, gate } = await keptWorld({ invitationsPerRoomMax: 2 });
    await directory.create(ada, "#secret", { inviteOnly: true });
    const bob = arrive("bob", { principal: token("bob") });
    gate.hold();
    const refused = expect(directory.invite(ada, "#secret", "bob")).rejects.toThrow(full.message);
    await gate.fail(full);
    await refused;
    expect(codeOf(() => directory.join(bob, "#secret", { create: false }))).toBe("forbidden");
    await gate.open();
    await directory.invite(ada, "#secret", "bob");
    expect(directory.join(bob, "#secret", { create: false })).toBe(true);
  });

  it("is on disk with its room whatever becomes of the first, and that is written once", async () => {
    const { directory, arrive, gate } = await keptWorld();
    const guest = arrive("guest", { principal: principal("guest", "claimed", { temporary: true }) });
    void directory.create(guest, "#secret", { inviteOnly: true });
    for (const name of ["bob", "eve"]) arrive(name, { principal: token(name) });
    gate.hold();
    const refused = expect(directory.invite(guest, "#secret", "bob")).rejects.toThrow(full.message);
    const given = directory.invite(guest, "#secret", "eve");
    await gate.fail(full, 1);
    await gate.open();
    await refused;
    await given;
    const rows = (): readonly string[] => [...gate.table.range("", "\uffff")].map(([name]) => name);
    expect(rows()).toEqual(["#secret", "#secret\nproof token:eve"]);
    gate.written();
    await directory.invite(guest, "#secret", "bob");
    expect(gate.written()).toEqual(["put #secret\nproof token:bob"]);
    const again = openWorld();
    await again.directory.keepRooms(gate.table);
    expect(again.directory.mayHear(token("eve"), "#secret")).toBe(true);
  });

  it("that none could be kept of leaves nothing behind, and its room goes, also if its members left meanwhile", async () => {
    const { directory, arrive, gate, clock } = await keptWorld();
    const guest = arrive("guest", { principal: principal("guest", "claimed", { temporary: true }) });
    void directory.create(guest, "#secret", { inviteOnly: true });
    for (const name of ["bob", "eve"]) arrive(name, { principal: token(name) });
    gate.hold();
    const refused = ["bob", "eve"].map((name) =>
      expect(directory.invite(guest, "#secret", name)).rejects.toThrow(full.message),
    );
    directory.leave(guest, "#secret");
    await gate.fail(full);
    await Promise.all(refused);
    await gate.open();
    gate.written();
    clock.advance(defaultLimits.emptyRoomMs);
    expect(directory.rooms(inspector).map(({ name }) => name)).not.toContain("#secret");
    expect(gate.written()).toEqual([]);
  });

  it("to a room of somebody without a token is refused when there are too many, other owners' are not", async () => {
    const { directory, arrive, ada } = await keptWorld({ invitationsMax: 40 });
    const many = arrive("many", { principal: key("many") });
    const few = arrive("few", { principal: key("few") });
    for (const [owner, room] of [
      [many, "#many"],
      [few, "#few"],
      [ada, "#adas"],
    ] as const)
      await directory.create(owner, room, { inviteOnly: true });
    const guests = Array.from({ length: 40 }, (_, at) => `guest ${String(at)}`);
    for (const guest of guests) arrive(guest, { principal: token(guest) });
    let given = 0;
    for (const guest of guests) if (codeOf(() => directory.invite(many, "#many", guest)) === "none") given += 1;
    expect(given).toBe(18);
    for (const guest of guests.slice(0, 9)) await directory.invite(few, "#few", guest);
    for (const guest of guests) await directory.invite(ada, "#adas", guest);
  });
});

describe("rooms on disk", () => {
  it("in the form of older brokers are moved into rows of their own at the start", async () => {
    const table = new TablesMemory().table<RoomRow>("rooms");
    await table.put("#old", { owner: "proof token:ada", invited: ["proof token:ada", "name bob"] });
    await table.put("#older", { owner: "proof token:eve", invited: [] });
    const { directory, arrive } = openWorld();
    await directory.keepRooms(table);
    expect([...table.range("", "\uffff")]).toEqual([
      ["#old", { owner: "proof token:ada" }],
      ["#old\nname bob", true],
      ["#old\nproof token:ada", true],
      ["#older", { owner: "proof token:eve" }],
    ]);
    expect(directory.join(arrive("bob"), "#old", { create: false })).toBe(true);
    const again = openWorld();
    await again.directory.keepRooms(table);
    expect(again.directory.join(again.arrive("bob"), "#old", { create: false })).toBe(true);
    expect(codeOf(() => again.directory.join(again.arrive("max"), "#old", { create: false }))).toBe("forbidden");
  });

  it("leave no invitation behind to a room that is gone", async () => {
    const table = new TablesMemory().table<RoomRow>("rooms");
    await table.put("#gone\nname bob", true);
    await openWorld().directory.keepRooms(table);
    expect([...table.range("", "\uffff")]).toEqual([]);
  });

  it("leave no invitation to the next room of a name, if the end of the one before could not be written", async () => {
    const { directory, arrive, ada, gate } = await keptWorld({ roomsMax: 4 });
    for (const room of ["#secret", "#two"]) await directory.create(ada, room, { inviteOnly: true });
    arrive("bob", { principal: token("bob") });
    await directory.invite(ada, "#secret", "bob");
    directory.leave(ada, "#secret");
    const eve = arrive("eve", { principal: token("eve") });
    gate.hold();
    await directory.create(eve, "#other", { inviteOnly: false });
    await gate.fail(full); // that #secret has made room for it
    await gate.open();
    directory.leave(eve, "#other");
    await directory.create(eve, "#secret", { inviteOnly: true });
    expect([...gate.table.range("#s", "#t")].map(([name]) => name)).toEqual(["#secret", "#secret\nproof token:eve"]);
  });

  it("keep apart rooms whose names begin alike", async () => {
    const { directory, arrive, ada, gate } = await keptWorld();
    for (const room of ["#a", "#a-b", "#a.b", "#ab"]) await directory.create(ada, room, { inviteOnly: true });
    arrive("bob", { principal: token("bob") });
    await directory.invite(ada, "#a", "bob");
    const again = openWorld();
    await again.directory.keepRooms(gate.table);
    const bob = again.arrive("bob", { principal: token("bob") });
    expect(["#a", "#a-b", "#a.b", "#ab"].filter((room) => again.directory.mayHear(bob.principal, room))).toEqual([
      "#a",
    ]);
  });
});

describe("memberships", () => {
  it("are bounded over all rooms: somebody in many leaves room for others; a token has its own", async () => {
    const { directory, arrive, ada } = await keptWorld({ membershipsMax: 40 });
    const [many, few] = [arrive("many"), arrive("few")];
    const joinsUntilFull = (presence: Presence): number => {
      for (let at = 0; at < 100; at += 1)
        if (codeOf(() => directory.join(presence, `#r${String(at)}`, { create: true })) === "full") return at;
      return 100;
    };
    expect(joinsUntilFull(many)).toBe(20);
    expect(joinsUntilFull(few)).toBe(10);
    expect(joinsUntilFull(ada)).toBe(100);
    for (const one of [many, ada]) for (const room of [...one.rooms]) directory.leave(one, room);
    expect(joinsUntilFull(few)).toBeGreaterThan(10);
  });
});
