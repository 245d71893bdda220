import { describe, expect, it } from "vitest";
import { defaultLimits, Fault, principal, type Durability, type Limits, type Message } from "../../src/core/index.js";
import type { ConfiguredRoom, Presence } from "../../src/directory/index.js";
import { operatorScopes } from "../../src/identity/index.js";
import { RoomLogs, type LogTableRow } from "../../src/room-log/index.js";
import { TablesMemory, type Table } from "../../src/storage/index.js";
import { openWorld, type World } from "../kit/directory-world.js";
import { gatedTable } from "../kit/gated-table.js";
import { until } from "../kit/room-log-world.js";

interface Options {
  readonly tables?: TablesMemory;
  readonly table?: Table<LogTableRow>;
  readonly rooms?: readonly ConfiguredRoom[];
  readonly limits?: Partial<Limits>;
}

/** A directory whose rooms may be durable. */
async function open({ tables = new TablesMemory(), table, rooms = [], limits }: Options = {}): Promise<
  World & { logs: RoomLogs; close: () => Promise<void> }
> {
  const world = openWorld(limits, rooms);
  const logs = new RoomLogs(table ?? tables.table("logs"), {
    exchange: world.exchange,
    clock: world.clock,
    limits: { ...defaultLimits, ...limits },
  });
  await world.directory.keepRooms(tables.table("rooms"));
  await world.directory.remember(logs);
  const close = async (): Promise<void> => {
    await logs.close();
    world.directory.close();
  };
  return { ...world, logs, close };
}

const proved = (name: string) => principal(name, "proved", { proof: `key of ${name}` });
const operator = principal("op", "proved", { scopes: operatorScopes });
const codeOf = async (what: Promise<unknown>): Promise<string> => {
  try {
    await what;
    return "done";
  } catch (thrown) {
    return thrown instanceof Fault ? thrown.code : String(thrown);
  }
};
/** Says something and waits until it is heard. */
const says = async ({ directory, say }: World, room: string, by: Presence, ...texts: string[]): Promise<void> => {
  const before = directory.recall(room, { count: 0 }, by.principal, true).next?.seq ?? 0;
  for (const text of texts) say(room, text, by.principal);
  const seq = (): number | undefined => directory.recall(room, { count: 0 }, by.principal, true).next?.seq;
  await until(() => seq() === before + texts.length);
};
const texts = (past: readonly { message(): Message | undefined }[]) =>
  past.map((one) => one.message()?.envelope?.content.message);

describe("a durable room in the directory", () => {
  it("is made by a proved name or the operator, and by nobody else", async () => {
    const { directory, arrive } = await open();
    const make = async (who: Presence, room: string, durable: Durability = {}) =>
      codeOf(Promise.resolve().then(() => directory.create(who, room, { inviteOnly: false, durable })));
    expect(await make(arrive("claimed", { principal: principal("claimed", "claimed") }), "#a")).toBe("forbidden");
    expect(await make(arrive("shared"), "#a")).toBe("forbidden");
    expect(await make(arrive("ada", { principal: proved("ada") }), "#a")).toBe("done");
    expect(await make(arrive("op", { principal: operator }), "#b")).toBe("done");
    expect(directory.rooms(undefined).filter(({ durable }) => durable)).toMatchObject([{ name: "#a" }, { name: "#b" }]);
  });

  it("is there for nobody before it is on disk, and never if it cannot be kept", async () => {
    const gate = gatedTable<LogTableRow>();
    const { directory, arrive, events, router, say } = await open({ table: gate.table });
    const ada = arrive("ada", { principal: proved("ada") });
    const bob = arrive("bob");
    gate.hold();
    const making = directory.create(ada, "#a", { inviteOnly: false, durable: {} });
    events.length = 0;
    expect(() => directory.join(bob, "#a", { create: true })).toThrow("is being made");
    expect(directory.rooms(undefined).map(({ name }) => name)).not.toContain("#a");
    const refused = codeOf(making);
    await until(() => gate.written().length > 0);
    await gate.fail(new Fault("unavailable", "the disk is full"));
    expect(await refused).toBe("unavailable");
    expect(events).toEqual([]);
    expect([directory.roomCount, ada.rooms.size]).toEqual([2, 0]);
    await gate.open();
    await directory.create(ada, "#a", { inviteOnly: false, durable: {} });
    expect(events).toEqual(["room.created #a", "room.joined ada #a"]);
    expect(router.route("#a")?.keeper).toBeDefined();
    say("#a", "x", ada.principal);
  });

  it("is decided about by who made it and the operator, and by the configuration where it says so", async () => {
    const world = await open({ rooms: [{ name: "#house", durable: { max: 5 } }, "#plain"] });
    const { directory, arrive } = world;
    const [ada, bob] = ["ada", "bob"].map((name) => arrive(name, { principal: proved(name) })) as [Presence, Presence];
    directory.join(ada, "#a", { create: true });
    directory.join(arrive("eve"), "#eve", { create: true });
    expect(await codeOf(directory.keep("#a", {}, bob.principal))).toBe("forbidden");
    expect(await codeOf(directory.keep("#a", {}, undefined))).toBe("forbidden");
    expect(await codeOf(directory.keep("#plain", {}, ada.principal))).toBe("forbidden");
    expect(await codeOf(directory.keep("#eve", {}, proved("eve")))).toBe("forbidden"); // another eve made it
    expect(await directory.keep("#a", { max: 2, keepMs: 1_000 }, ada.principal)).toEqual({
      max: 2,
      keepMs: 1_000,
      maxBytes: 64 * 1024 * 1024,
    });
    await says(world, "#a", ada, "one", "two", "three");
    expect(texts(directory.past("#a", 10, undefined))).toEqual(["two", "three"]);
    expect(await directory.keep("#a", { max: 1 }, operator)).toMatchObject({ max: 1, keepMs: 1_000 });
    expect(await directory.keep("#plain", {}, operator)).toMatchObject({ max: 10_000 });
    expect(await codeOf(directory.keep("#house", false, operator))).toBe("conflict");
    expect(await codeOf(directory.keep("#nowhere", {}, operator))).toBe("not-found");
    expect(await directory.keep("#a", false, ada.principal)).toBeUndefined();
    expect(directory.rooms(undefined).find(({ name }) => name === "#a")?.durable).toBeUndefined();
    world.say("#a", "live", ada.principal);
    expect(texts(directory.past("#a", 10, undefined))).toEqual(["live"]);
  });

  it("has 7 days, 10,000 messages and 64 MiB if nothing is said, and all together 4 GiB", async () => {
    const { directory, arrive } = await open();
    const ada = arrive("ada", { principal: proved("ada") });
    directory.join(ada, "#a", { create: true });
    expect(await directory.keep("#a", {}, ada.principal)).toEqual({
      keepMs: 7 * 86_400_000,
      max: 10_000,
      maxBytes: 64 * 1024 * 1024,
    });
    expect(defaultLimits.roomLogsTotalMaxBytes).toBe(4 * 1024 ** 3);
  });

  it("reads from a cursor and answers with the next one, or gap", async () => {
    const world = await open();
    const { directory, arrive } = world;
    const ada = arrive("ada", { principal: proved("ada") });
    await directory.create(ada, "#a", { inviteOnly: false, durable: { max: 4 } });
    await says(world, "#a", ada, "1", "2", "3");
    const read = (wanted: Parameters<typeof directory.recall>[1]) => {
      const { past, next, gap, more } = directory.recall("#a", wanted, ada.principal);
      return { texts: texts(past), next: next?.seq, gap, more };
    };
    const epoch = directory.recall("#a", { count: 0 }, undefined).next?.epoch ?? "";
    expect(read({ count: 2 })).toEqual({ texts: ["2", "3"], next: 3, gap: false, more: false });
    expect(read({ after: { epoch, seq: 1 }, max: 1 })).toEqual({ texts: ["2"], next: 2, gap: false, more: true });
    expect(read({ after: { epoch, seq: 3 } })).toEqual({ texts: [], next: 3, gap: false, more: false });
    for (const after of [
      { epoch: "another", seq: 3 },
      { epoch, seq: 4 },
    ])
      expect(read({ after })).toEqual({ texts: ["1", "2", "3"], next: 3, gap: true, more: false });
    expect(read({ after: "last" })).toMatchObject({ texts: ["1", "2", "3"], gap: false });
    await says(world, "#a", ada, "4", "5", "6");
    expect(read({ after: { epoch, seq: 1 } })).toEqual({
      texts: ["3", "4", "5", "6"],
      next: 6,
      gap: true,
      more: false,
    });
    expect(read({ after: "last" })).toMatchObject({ texts: ["3", "4", "5", "6"], gap: false }); // nothing was promised
    expect(() => directory.recall("#a", { after: "last" }, undefined)).toThrow("more than claimed");
    expect(directory.recall("#general", { after: { epoch, seq: 1 } }, undefined)).toMatchObject({
      past: [],
      gap: true,
    });
  });

  it("that is invite-only is read by its members, and stays when it is empty, until it is no longer durable", async () => {
    const world = await open();
    const { directory, arrive, clock } = world;
    const ada = arrive("ada", { principal: proved("ada") });
    const bob = arrive("bob", { principal: proved("bob") });
    await directory.create(ada, "#a", { inviteOnly: true, durable: {} });
    await directory.invite(ada, "#a", "bob");
    await says(world, "#a", ada, "secret");
    expect(() => directory.recall("#a", { count: 5 }, bob.principal)).toThrow("join it first");
    expect(() => directory.recall("#a", { count: 5 }, proved("eve"))).toThrow("invite-only");
    expect(texts(directory.recall("#a", { count: 5 }, bob.principal, true).past)).toEqual(["secret"]);
    directory.join(bob, "#a", { create: false });
    expect(texts(directory.recall("#a", { count: 5 }, bob.principal).past)).toEqual(["secret"]);
    expect(() => {
      world.say("#a", "from outside", proved("eve"));
    }).toThrow("invite-only");
    ada.depart();
    bob.depart();
    clock.advance(3 * 86_400_000);
    expect(directory.roomCount).toBe(3);
  });

  it("that is public stays when it is empty, makes room for nobody, and goes a day after it is no longer durable", async () => {
    const { directory, arrive, clock } = await open({ limits: { roomsMax: 3 } });
    const ada = arrive("ada", { principal: proved("ada") });
    await directory.create(ada, "#a", { inviteOnly: false, durable: {} });
    ada.depart();
    clock.advance(2 * 86_400_000);
    expect(() => directory.join(arrive("bob"), "#b", { create: true })).toThrow("as many rooms as it can");
    await directory.keep("#a", false, operator);
    expect(directory.roomCount).toBe(3);
    clock.advance(86_400_000);
    expect(directory.roomCount).toBe(2);
  });

  it("is there after a restart with all that it remembers, and its maker still decides", async () => {
    const tables = new TablesMemory();
    const before = await open({ tables });
    const ada = before.arrive("ada", { principal: proved("ada") });
    for (const [room, inviteOnly] of [
      ["#a", false],
      ["#private", true],
    ] as const) {
      await before.directory.create(ada, room, { inviteOnly, durable: {} });
      await says(before, room, ada, `in ${room}`);
    }
    await before.close();
    const after = await open({ tables });
    const again = after.arrive("ada", { principal: proved("ada") });
    expect(texts(after.directory.past("#a", 9, undefined))).toEqual(["in #a"]);
    after.directory.join(again, "#private", { create: false });
    expect(texts(after.directory.recall("#private", { count: 9 }, again.principal).past)).toEqual(["in #private"]);
    expect(after.directory.past("#private", 9, undefined)).toEqual([]);
    expect(await codeOf(after.directory.keep("#a", false, again.principal))).toBe("done");
    await after.close();
    const configured = await open({
      tables,
      rooms: [
        { name: "#private", durable: {} },
        { name: "#a", durable: {} },
      ],
    });
    expect(configured.directory.past("#private", 9, undefined)).toEqual([]); // another room of that name, and public
    await configured.close();
  });

  it("that is invite-only is forgotten with its invitations, never read by whoever makes one of its name", async () => {
    const tables = new TablesMemory();
    const before = await open({ tables });
    const ada = before.arrive("ada", { principal: proved("ada") });
    await before.directory.create(ada, "#private", { inviteOnly: true, durable: {} });
    await says(before, "#private", ada, "secret");
    await before.close();
    const rows = tables.table<unknown>("rooms");
    for (const [key] of [...rows.range("", "\uffff")]) await rows.delete(key); // the table of rooms was lost
    const after = await open({ tables });
    await until(() => [...tables.table("logs").range("", "\uffff")].length === 0);
    const eve = after.arrive("eve", { principal: proved("eve") });
    after.directory.join(eve, "#private", { create: true });
    expect(after.directory.past("#private", 9, eve.principal)).toEqual([]);
  });
});
