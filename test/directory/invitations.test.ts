import { describe, expect, it } from "vitest";
import { principal, type Limits, type Principal } from "../../src/core/index.js";
import type { Presence } from "../../src/directory/index.js";
import type { RoomRow } from "../../src/directory/kept-rooms.js";
import { TablesMemory } from "../../src/storage/index.js";
import { openWorld, type World } from "../kit/directory-world.js";

const key = (agent: string): Principal => principal(agent, "proved", { proof: `key:${agent}` });
const token = (agent: string): Principal => principal(agent, "proved", { proof: `token:${agent}` });

/** A world whose rooms are kept in `table`. */
async function kept(limits: Partial<Limits>, table = new TablesMemory().table<RoomRow>("rooms")): Promise<World> {
  const world = openWorld(limits);
  await world.directory.keepRooms(table);
  return world;
}

/** How many of `count` newcomers somebody can invite. */
async function invites({ directory, arrive }: World, giver: Presence, room: string, count: number): Promise<number> {
  for (let at = 0; at < count; at += 1) {
    const name = `${giver.name}-${String(at)}`;
    arrive(name, { principal: key(name) });
    try {
      await directory.invite(giver, room, name);
    } catch {
      return at;
    }
  }
  return count;
}

describe("invitations", () => {
  it("count against who gives them: a guest uses up neither the room of its owner nor what all share", async () => {
    const world = await kept({ invitationsPerRoomMax: 100, invitationsMax: 1_000 });
    const owner = world.arrive("owner", { principal: key("owner") });
    const [guest, other] = ["guest", "other"].map((name) => world.arrive(name, { principal: key(name) }));
    if (guest === undefined || other === undefined) throw new Error("nobody came");
    await world.directory.create(owner, "#mine", { inviteOnly: true });
    for (const one of [guest, other]) {
      await world.directory.invite(owner, "#mine", one.name);
      world.directory.join(one, "#mine", { create: false });
    }
    expect(await invites(world, guest, "#mine", 100), "half of the guests' half").toBe(25);
    expect(await invites(world, other, "#mine", 100)).toBe(13);
    expect(await invites(world, owner, "#mine", 100), "all that is left").toBe(100 - 3 - 25 - 13);
  });

  it("of a guest without a token are refused when all have too many; an owner who gave few gives on", async () => {
    const world = await kept({ invitationsMax: 40 });
    const owner = world.arrive("owner", { principal: token("owner") });
    const guest = world.arrive("guest", { principal: key("guest") });
    await world.directory.create(owner, "#mine", { inviteOnly: true });
    await world.directory.invite(owner, "#mine", "guest");
    world.directory.join(guest, "#mine", { create: false });
    expect(await invites(world, guest, "#mine", 100)).toBe(19);
    const honest = world.arrive("honest", { principal: key("honest") });
    await world.directory.create(honest, "#honest", { inviteOnly: true });
    expect(await invites(world, honest, "#honest", 9)).toBe(9);
    expect(await invites(world, owner, "#mine", 50)).toBe(50);
  });

  it("of a crowd of guests in rooms of one owner without a token end together", async () => {
    const world = await kept({ invitationsMax: 40 });
    const owner = world.arrive("owner", { principal: key("owner") });
    await world.directory.create(owner, "#mine", { inviteOnly: true });
    let given = 0;
    for (let at = 0; at < 9; at += 1) {
      const name = `guest${String(at)}`;
      const guest = world.arrive(name, { principal: key(name) });
      try {
        await world.directory.invite(owner, "#mine", name);
      } catch {
        break;
      }
      world.directory.join(guest, "#mine", { create: false });
      given += await invites(world, guest, "#mine", 10);
    }
    expect(given).toBeLessThanOrEqual(40);
  });

  it("count against who gave them after a restart, too, until their room goes", async () => {
    const table = new TablesMemory().table<RoomRow>("rooms");
    const limits = { invitationsPerRoomMax: 100 };
    const before = await kept(limits, table);
    const owner = before.arrive("owner", { principal: key("owner") });
    const guest = before.arrive("guest", { principal: key("guest") });
    await before.directory.create(owner, "#mine", { inviteOnly: true });
    await before.directory.invite(owner, "#mine", "guest");
    before.directory.join(guest, "#mine", { create: false });
    expect(await invites(before, guest, "#mine", 20)).toBe(20);
    const after = await kept(limits, table);
    const again = after.arrive("guest", { principal: key("guest") });
    after.directory.join(again, "#mine", { create: false });
    const more = after.arrive("more", { principal: key("more") });
    await after.directory.invite(again, "#mine", "more");
    after.directory.join(more, "#mine", { create: false });
    expect(await invites(after, again, "#mine", 100), "20 are given already, and 4 are left").toBe(24);
  });
});
