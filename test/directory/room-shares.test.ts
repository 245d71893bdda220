import { describe, expect, it } from "vitest";
import { principal, partyOf, type Limits, type Principal } from "../../src/core/index.js";
import type { Presence } from "../../src/directory/index.js";
import type { RoomRow } from "../../src/directory/kept-rooms.js";
import { TablesMemory } from "../../src/storage/index.js";
import { codeOf, openWorld, type World } from "../kit/directory-world.js";

const token = (agent: string): Principal => principal(agent, "proved", { proof: `token:${agent}` });
const key = (agent: string): Principal => principal(agent, "proved", { proof: `key:${agent}` });
const claim = (agent: string): Principal => principal(agent, "claimed");

interface Shared extends World {
  readonly comes: (who: Principal, remote?: string) => Presence;
  readonly rooms: () => readonly string[];
}

/** A world with two standing rooms, in which every speaker comes from an address. */
function world(limits: Partial<Limits>): Shared {
  const opened = openWorld(limits);
  const inspector = principal("operator", "proved", { scopes: ["inspect"] });
  return {
    ...opened,
    comes: (who, remote = "192.0.2.1") =>
      opened.arrive(who.agent, {
        principal: who,
        party: partyOf({ id: `connection of ${who.agent}`, remote, principal: who }),
      }),
    rooms: () =>
      opened.directory
        .rooms(inspector)
        .map(({ name }) => name)
        .filter((name) => name !== "#agents" && name !== "#general"),
  };
}

/** Makes rooms until that is refused, at most so many. */
async function make(
  { directory }: World,
  maker: Presence,
  names: readonly string[],
  inviteOnly = false,
): Promise<number> {
  for (const [at, name] of names.entries())
    try {
      await directory.create(maker, name, { inviteOnly });
    } catch {
      return at;
    }
  return names.length;
}

const named = (letter: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `#${letter}${String(at)}`);

describe("rooms that make room for others", () => {
  it("are never an issued owner's for keys, claims or the shared token, empty or not, also after a restart", async () => {
    const table = new TablesMemory().table<RoomRow>("rooms");
    const before = world({});
    await before.directory.keepRooms(table);
    const boss = before.comes(token("boss"));
    await make(before, boss, named("boss", 5), true);
    const now = world({ roomsMax: 14, roomsClaimedMax: 10 });
    await now.directory.keepRooms(table);
    for (const [at, who] of [key("k1"), key("k2"), claim("c1"), principal("s1", "shared")].entries())
      await make(now, now.comes(who), named(`x${String(at)}-`, 9), at % 2 === 0);
    expect(now.rooms().filter((name) => name.startsWith("#boss"))).toEqual(named("boss", 5));
    expect(codeOf(() => now.directory.join(now.comes(key("thief")), "#boss1", { create: true }))).toBe("forbidden");
  });

  it("are not those of who has few, whatever proves itself by a key", async () => {
    const many = world({ roomsMax: 40, roomsClaimedMax: 20 });
    for (let at = 0; at < 15; at += 1)
      await make(many, many.comes(claim(`honest${String(at)}`), `192.0.2.${String(at)}`), [`#h${String(at)}`]);
    const greedy = many.comes(key("greedy"), "203.0.113.9");
    expect(await make(many, greedy, named("g", 40))).toBe(3);
    expect(many.rooms().filter((name) => name.startsWith("#h"))).toHaveLength(15);
    expect(await make(many, many.comes(claim("new"), "192.0.2.77"), ["#new"])).toBe(1);
    expect(await make(many, many.comes(key("near"), "203.0.113.9"), ["#near", "#more"]), "each has one there").toBe(1);
    expect(many.rooms().filter((name) => name.startsWith("#g"))).toEqual(["#g2"]);
  });

  it("are occupied invite-only ones, too, of the key that has the most; those inside are told", async () => {
    const one = world({ roomsMax: 40, roomsClaimedMax: 12 });
    const told: unknown[] = [];
    one.router.subscribe("crowd", { deliver: ({ envelope }) => told.push(envelope?.content) > 0 });
    const crowd = one.comes(key("crowd"));
    expect(await make(one, crowd, named("k", 20), true)).toBe(10);
    expect(await make(one, one.comes(key("honest")), ["#mine"], true)).toBe(1);
    expect(one.rooms()).not.toContain("#k0");
    expect(crowd.rooms.has("#k0")).toBe(false);
    expect(told).toMatchObject([{ kind: "fault", data: { code: "full", to: "#k0" } }]);
  });

  it("are none in which a token's owner is, and for free names none in which the shared token is", async () => {
    const one = world({ roomsMax: 8, roomsClaimedMax: 7 });
    await make(one, one.comes(claim("crowd")), named("c", 5));
    one.directory.join(one.comes(token("bot")), "#c0", { create: false });
    one.directory.join(one.comes(principal("guest", "shared")), "#c1", { create: false });
    await make(one, one.comes(claim("eve")), ["#eve"]);
    expect(one.rooms()).toEqual(["#c0", "#c1", "#c3", "#c4", "#eve"]);
    const boss = one.comes(token("boss"));
    expect(await make(one, boss, named("b", 9))).toBe(4);
    expect(one.rooms()).toEqual(["#b0", "#b1", "#b2", "#b3", "#c0", "#c1"]);
  });

  it("count for who made them when it has left", async () => {
    const one = world({ roomsMax: 40, roomsClaimedMax: 8 });
    const crowd = one.comes(key("crowd"));
    const sits = one.comes(key("sits"));
    await make(one, crowd, named("c", 6));
    for (const room of named("c", 6)) one.directory.join(sits, room, { create: false });
    for (const room of named("c", 6)) one.directory.leave(crowd, room);
    expect(await make(one, crowd, ["#more"]), "it has the most itself").toBe(0);
    expect(await make(one, sits, ["#mine"])).toBe(1);
  });

  it("may be one that is on its way to the disk: it has never been, and its name is another's at once", async () => {
    const one = world({ roomsMax: 40, roomsClaimedMax: 4 });
    await one.directory.keepRooms(new TablesMemory().table<RoomRow>("rooms"));
    const crowd = one.comes(key("crowd"));
    const making = one.directory.create(crowd, "#a", { inviteOnly: true });
    await one.directory.create(crowd, "#b", { inviteOnly: false });
    const honest = one.comes(key("honest"));
    const refused = expect(making).rejects.toMatchObject({ code: "not-found" });
    one.directory.join(honest, "#c", { create: true });
    one.directory.leave(honest, "#c");
    one.directory.join(honest, "#a", { create: true });
    await refused;
    expect(one.directory.members("#a", honest.principal)).toEqual(["honest"]);
    expect(one.allEvents.filter((event) => event.endsWith("crowd #a"))).toEqual([]);
  });
});
