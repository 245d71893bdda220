import { describe, expect, it } from "vitest";
import { Fault, principal } from "../../src/core/index.js";
import type { AwayRow } from "../../src/directory/away-rows.js";
import type { RoomRow } from "../../src/directory/kept-rooms.js";
import { TablesMemory } from "../../src/storage/index.js";
import { awayWorld, key, token } from "../kit/away-world.js";
import { codeOf, openWorld } from "../kit/directory-world.js";
import { gatedTable, turn } from "../kit/gated-table.js";

const inspector = principal("operator", "proved", { scopes: ["inspect"] });
const create = { create: true };

describe("a member whose mailbox says rooms: true", () => {
  it("stays in its rooms when its session ends, shown as away, and is back without a word", async () => {
    const { directory, boxes, comes, events } = await awayWorld();
    boxes.add("token:ada");
    const ada = comes(token("ada"));
    const bob = comes(token("bob"));
    directory.join(ada, "#x", create);
    directory.join(bob, "#x", create);
    expect(directory.away("#x", undefined)).toEqual([]);
    events.length = 0;
    ada.depart();
    expect(events).toEqual(["agent.offline ada"]);
    expect(directory.agent("ada")).toBeUndefined();
    expect(directory.members("#x", undefined)).toEqual(["ada", "bob"]);
    expect(directory.away("#x", undefined)).toEqual([{ name: "ada", displayName: "ada" }]);
    expect(directory.rooms(undefined).find(({ name }) => name === "#x")).toMatchObject({ members: 2, away: 1 });
    events.length = 0;
    const back = comes(token("ada"));
    expect(events).toEqual(["agent.online ada"]);
    expect([...back.rooms]).toEqual(["#x"]);
    expect(directory.away("#x", undefined)).toEqual([]);
    expect(directory.rooms(undefined).find(({ name }) => name === "#x")).toEqual({
      name: "#x",
      members: 2,
      inviteOnly: false,
    });
  });

  it("leaves with its event, whether it says so after a join or after it was away", async () => {
    const { directory, boxes, comes, events, rows } = await awayWorld();
    boxes.add("token:ada");
    const ada = comes(token("ada"));
    directory.join(ada, "#x", create);
    directory.join(ada, "#y", create);
    directory.leave(ada, "#x");
    ada.depart();
    const back = comes(token("ada"));
    events.length = 0;
    expect(directory.leave(back, "#y")).toBe(true);
    expect(events).toEqual(["room.left ada #y"]);
    await turn();
    expect(rows()).toEqual([]);
    back.depart();
    expect([...comes(token("ada")).rooms]).toEqual([]);
  });

  it("is the only one: who has no such mailbox leaves as ever, and so does a connection that is no session", async () => {
    const { directory, arrive, boxes, comes, events } = await awayWorld();
    boxes.add("token:wire");
    const ada = comes(token("ada"));
    const wire = arrive("wire", { principal: token("wire"), dialect: "zmq" });
    for (const one of [ada, wire]) directory.join(one, "#x", create);
    events.length = 0;
    ada.depart();
    wire.depart();
    expect(events).toEqual(["room.left ada #x", "agent.offline ada", "room.left wire #x", "agent.offline wire"]);
  });

  it("leaves its rooms to no weaker session of its name, nor to who proves it by something else", async () => {
    const { directory, arrive, boxes, comes } = await awayWorld();
    boxes.add("token:ada");
    const ada = comes(token("ada"));
    await directory.create(ada, "#secret", { inviteOnly: true });
    directory.join(ada, "#x", create);
    ada.depart();
    for (const weaker of [principal("ada", "claimed"), principal("ada", "shared"), key("ada")]) {
      const session = arrive("ada", { principal: weaker, mayBeAway: true });
      expect([...session.rooms]).toEqual([]);
      expect(directory.mayHear(weaker, "#secret")).toBe(false);
      expect(codeOf(() => directory.join(session, "#secret", create))).toBe("forbidden");
      directory.join(session, "#x", create);
      directory.leave(session, "#x");
      session.depart();
    }
    expect(directory.mayHear(token("ada"), "#secret")).toBe(true);
    expect(directory.away("#x", undefined)).toHaveLength(1);
    expect(directory.away("#secret", token("ada"))).toHaveLength(1);
    expect(new Set(comes(token("ada")).rooms)).toEqual(new Set(["#secret", "#x"]));
  });

  it("keeps its rooms over a second session that takes the place of the first, and over a hundred in a row", async () => {
    const { directory, boxes, comes, events, rows } = await awayWorld();
    boxes.add("key:ada");
    let session = comes(key("ada"));
    directory.join(session, "#x", create);
    events.length = 0;
    for (let at = 0; at < 100; at += 1) {
      const next = comes(key("ada"));
      session.depart();
      session = next;
    }
    expect(events).toEqual([]);
    expect([...session.rooms]).toEqual(["#x"]);
    expect(directory.memberCount("#x", undefined)).toBe(1);
    await turn();
    expect(rows()).toEqual(["ada #x"]);
  });

  it("may be in as many rooms as ever, those in which it is away included", async () => {
    const { directory, boxes, comes } = await awayWorld({ roomsPerAgentMax: 2 });
    boxes.add("token:ada");
    const ada = comes(token("ada"));
    for (const room of ["#x", "#y"]) directory.join(ada, room, create);
    ada.depart();
    const back = comes(token("ada"));
    expect(codeOf(() => directory.join(back, "#z", create))).toBe("full");
    directory.leave(back, "#x");
    expect(directory.join(back, "#z", create)).toBe(true);
  });
});

describe("the mailbox of somebody in rooms", () => {
  it("that begins to keep memberships keeps those that there are", async () => {
    const { directory, boxes, comes, events, rows } = await awayWorld();
    const ada = comes(token("ada"));
    directory.join(ada, "#x", create);
    boxes.add("token:ada");
    await directory.reviewAway("ada");
    expect(rows()).toEqual(["ada #x"]);
    ada.depart();
    expect(events.at(-1)).toBe("agent.offline ada");
    expect(directory.away("#x", undefined)).toHaveLength(1);
  });

  it("that keeps none any more, or is closed, puts out who is away, and nobody who is here", async () => {
    const { directory, boxes, comes, events, rows } = await awayWorld();
    for (const who of ["ada", "bob"]) {
      boxes.add(`token:${who}`);
      directory.join(comes(token(who)), "#x", create);
    }
    const ada = comes(token("ada"));
    ada.depart();
    comes(token("ada"));
    events.length = 0;
    boxes.clear();
    await directory.reviewAway("ada");
    await directory.reviewAway("bob");
    expect(events).toEqual([]);
    expect(rows()).toEqual([]);
    expect(directory.members("#x", undefined)).toEqual(["ada", "bob"]);
  });

  it("tells that who was away has left", async () => {
    const { directory, boxes, comes, events, rows } = await awayWorld();
    boxes.add("token:ada");
    const ada = comes(token("ada"));
    for (const room of ["#x", "#y"]) directory.join(ada, room, create);
    ada.depart();
    events.length = 0;
    boxes.clear();
    await directory.reviewAway("ada");
    expect(events).toEqual(["room.left ada #x", "room.left ada #y"]);
    expect(directory.members("#x", undefined)).toEqual([]);
    expect(rows()).toEqual([]);
  });
});

describe("a restart", () => {
  it("gives back who was away, and makes public rooms again for them", async () => {
    const world = await awayWorld();
    const { directory, boxes, comes } = world;
    boxes.add("token:ada").add("key:bob");
    const [ada, bob] = [comes(token("ada")), comes(key("bob"))];
    await directory.create(ada, "#secret", { inviteOnly: true });
    for (const room of ["#general", "#x"]) directory.join(ada, room, create);
    directory.join(bob, "#x", create);
    await turn();
    const next = await world.again();
    expect(next.lost).toEqual([]);
    expect(next.events).toEqual([]);
    expect(next.directory.away("#x", undefined).map(({ name }) => name)).toEqual(["ada", "bob"]);
    expect(next.directory.members("#secret", inspector)).toEqual(["ada"]);
    expect([...next.comes(token("ada")).rooms].sort()).toEqual(["#general", "#secret", "#x"]);
    expect(next.directory.memberCount("#x", undefined)).toBe(2);
  });

  it("makes nobody the maker of a room that it had not made", async () => {
    const world = await awayWorld();
    const { directory, boxes, comes } = world;
    boxes.add("token:ada").add("token:bob");
    directory.join(comes(token("bob")), "#bobs", create);
    directory.join(comes(token("ada")), "#bobs", create);
    await turn();
    const next = await world.again();
    const keeping = (who: string): Promise<unknown> => next.directory.keep("#bobs", {}, token(who));
    await expect(keeping("ada")).rejects.toMatchObject({ code: "forbidden" });
    await expect(keeping("bob")).resolves.toMatchObject({ max: 10_000 });
  });

  it("puts nobody into another room that has the name of his by then", async () => {
    const world = await awayWorld();
    const { boxes, comes, directory } = world;
    boxes.add("token:ada").add("token:bob");
    const ada = comes(token("ada"));
    directory.join(ada, "#x", create);
    await directory.create(ada, "#secret", { inviteOnly: true });
    await turn();
    // As if the end of both had not come to the disk, and others had taken the names.
    const tables = new TablesMemory();
    const away = tables.table<AwayRow>("away-members");
    await away.put("ada\n#x", { proof: "token:ada", network: "10.0.0.1" });
    await away.put("ada\n#secret", { proof: "token:ada", network: "10.0.0.1", inviteOnly: true });
    await away.put("ada\n#gone", { proof: "token:ada", network: "10.0.0.1", inviteOnly: true });
    const rooms = tables.table<RoomRow>("rooms");
    for (const room of ["#x", "#secret"]) await rooms.put(room, { owner: "proof token:bob" });
    const next = await awayWorld({}, tables, boxes);
    expect(next.lost.map(({ room }) => room)).toEqual(["#gone", "#secret", "#x"]);
    expect(next.directory.members("#x", inspector)).toEqual([]);
    await turn();
    expect(next.rows()).toEqual([]);
    expect([...next.comes(token("ada")).rooms]).toEqual([]);
  });

  it("forgets those whose mailbox keeps none any more, or is somebody else's", async () => {
    const world = await awayWorld();
    const { boxes, comes, directory } = world;
    boxes.add("token:ada").add("token:bob");
    for (const who of ["ada", "bob"]) directory.join(comes(token(who)), "#x", create);
    await turn();
    boxes.delete("token:ada");
    boxes.add("key:ada");
    const next = await world.again();
    expect(next.lost).toEqual([{ agent: "ada", room: "#x", why: expect.stringContaining("rooms: true") as string }]);
    await turn();
    expect(next.rows()).toEqual(["bob #x"]);
    expect([...next.comes(key("ada")).rooms]).toEqual([]);
  });

  it("gives back no more than the bounds allow by then, and says what it could not", async () => {
    const world = await awayWorld();
    const { boxes, comes, directory } = world;
    boxes.add("token:ada");
    const ada = comes(token("ada"));
    for (const room of ["#a", "#b", "#c"]) directory.join(ada, room, create);
    await turn();
    const next = await world.again({ roomsPerAgentMax: 2 });
    expect(next.lost).toHaveLength(1);
    expect(next.comes(token("ada")).rooms.size).toBe(2);
    await turn();
    expect(next.rows()).toHaveLength(2);
  });
});

describe("what is on disk", () => {
  it("is there before a join is told, and a join that could not be kept is refused", async () => {
    const boxes = new Set(["token:ada"]);
    const { directory, arrive } = openWorld({}, [], ({ proof }) => boxes.has(proof ?? ""));
    const gate = gatedTable<AwayRow>();
    directory.keepAway(gate.table);
    const ada = arrive("ada", { principal: token("ada"), mayBeAway: true });
    gate.hold();
    let isReady = false;
    const ready = directory.readyToJoin(ada, "#x", create)?.then(() => (isReady = true));
    await turn();
    expect(isReady).toBe(false);
    await gate.open();
    await ready;
    directory.join(ada, "#x", create);
    expect(directory.kept(ada)).toBeUndefined();
    gate.hold();
    const refused = expect(directory.readyToJoin(ada, "#y", create)).rejects.toThrow("the disk is full");
    await gate.fail(new Fault("unavailable", "the disk is full"));
    await refused;
    ada.depart();
    expect(directory.rooms(undefined).map(({ name }) => name)).not.toContain("#y");
  });

  it("holds nothing of a join that failed after all, once the session is gone", async () => {
    const world = await awayWorld();
    const { boxes, comes, directory, rows } = world;
    boxes.add("token:ada");
    const ada = comes(token("ada"));
    await directory.readyToJoin(ada, "#x", create);
    expect(rows()).toEqual(["ada #x"]);
    ada.depart();
    await turn();
    expect(rows()).toEqual([]);
  });

  it("refuses what may not be joined before it writes anything", async () => {
    const world = await awayWorld({ roomsPerAgentMax: 1 });
    const { boxes, comes, directory, rows } = world;
    boxes.add("token:ada");
    const ada = comes(token("ada"));
    expect(codeOf(() => directory.readyToJoin(ada, "#nowhere", { create: false }))).toBe("not-found");
    expect(codeOf(() => directory.readyToJoin(ada, "no room", create))).toBe("malformed");
    directory.join(ada, "#x", create);
    expect(codeOf(() => directory.readyToJoin(ada, "#y", create))).toBe("full");
    await turn();
    expect(rows()).toEqual(["ada #x"]);
  });

  it("loses a membership with its room", async () => {
    const world = await awayWorld({ roomsMax: 3 });
    const { boxes, comes, directory, rows } = world;
    boxes.add("key:ada");
    const ada = comes(key("ada"), "10.0.0.9");
    directory.join(ada, "#x", create);
    ada.depart();
    await turn();
    expect(rows()).toEqual(["ada #x"]);
    // Somebody with a token needs the place of the room.
    directory.join(comes(token("bob")), "#bobs", create);
    await turn();
    expect(rows()).toEqual([]);
    expect([...comes(key("ada")).rooms]).toEqual([]);
  });
});

describe("strangers with keys of their own that are away", () => {
  it("have a quarter of all memberships together, of which the busiest network makes room", async () => {
    const { directory, boxes, comes, events } = await awayWorld({ membershipsMax: 40 });
    const goes = (who: string, network: string, rooms: readonly string[]): void => {
      boxes.add(`key:${who}`);
      const session = comes(key(who), network);
      for (const room of rooms) directory.join(session, room, create);
      session.depart();
    };
    goes("honest", "10.0.0.1", ["#a", "#b"]);
    for (let at = 0; at < 20; at += 1) goes(`stranger${String(at)}`, "10.6.6.6", ["#general", "#a"]);
    expect(new Set(comes(key("honest"), "10.0.0.1").rooms)).toEqual(new Set(["#a", "#b"]));
    const away = ["#general", "#a", "#b"].map((room) => directory.away(room, undefined).length);
    expect(away.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(10);
    expect(events.filter((event) => event.startsWith("room.left stranger")).length).toBeGreaterThanOrEqual(30);
    // A newcomer has its rooms all the same.
    const newcomer = comes(principal("newcomer", "claimed"), "10.0.0.2");
    for (let at = 0; at < 10; at += 1) directory.join(newcomer, `#n${String(at)}`, create);
  });

  it("make place in a room that is full, those of the busiest network first; those with a token do not", async () => {
    const { directory, boxes, comes } = await awayWorld({ roomMembersMax: 4 });
    for (const [who, network] of [
      [token("ada"), "a"],
      [key("bob"), "10.0.0.1"],
      [key("s1"), "10.6.6.6"],
      [key("s2"), "10.6.6.6"],
    ] as const) {
      boxes.add(who.proof ?? "");
      const session = comes(who, network);
      directory.join(session, "#x", create);
      session.depart();
    }
    const enters = (who: string): unknown =>
      codeOf(() => directory.join(comes(principal(who, "claimed")), "#x", create));
    expect(enters("n1")).toBe("none");
    expect(directory.members("#x", undefined)).toEqual(["ada", "bob", "n1", "s2"]);
    expect([enters("n2"), enters("n3")]).toEqual(["none", "none"]);
    expect(directory.members("#x", undefined)).toEqual(["ada", "n1", "n2", "n3"]);
    expect(enters("n4")).toBe("full");
  });
});
