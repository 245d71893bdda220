import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { principal, type Limits } from "../../src/core/index.js";
import { MailWorld, turns, type Said } from "../kit/mail-world.js";

/** A key that anybody makes as many of as it likes, and a token that the operator issued. */
const key = (name: string): Said => ({
  from: name,
  trust: "proved",
  speaker: principal(name, "proved", { proof: `key:${name}` }),
});
const token = (name: string): Said => ({
  from: name,
  trust: "proved",
  speaker: principal(name, "proved", { proof: `token:${name}` }),
});

const keys = Array.from({ length: 1_000 }, (_, at) => `key ${String(at)}`);

describe("a thousand keys, which cost nothing (protocols §9.13),", () => {
  let world: MailWorld;
  afterEach(() => world.end());

  async function start(limits: Partial<Limits> = {}): Promise<void> {
    world = await MailWorld.start(undefined, limits);
  }

  /** Opens a box as a key, at an address. */
  const openByKey = (name: string, network = "203.0.113.1", connection = name) =>
    world.mailboxes.open({ name, trust: "proved", proof: `key:${name}`, connection, network }, {});

  /** Says something as each of them until each is refused. @returns how many messages were taken */
  function sayAll(to: string, content = { message: "x" }): number {
    let taken = 0;
    let isTaken = true;
    while (isTaken) {
      isTaken = false;
      for (const name of keys)
        if ("stored" in world.say({ ...key(name), to, content, message_id: randomUUID() })) {
          taken += 1;
          isTaken = true;
        }
    }
    return taken;
  }

  /** How many of them get a box, each from a network of its own unless told. */
  async function openAll(names: readonly string[], network?: string): Promise<number> {
    const opened = await Promise.allSettled(
      names.map((name, at) => openByKey(name, network ?? `198.51.${String(at >> 8)}.${String(at & 0xff)}`)),
    );
    return opened.filter(({ status }) => status === "fulfilled").length;
  }

  it("fill half of a stranger's box; who has a token gets in, over a restart, too", async () => {
    await start();
    await world.open("bob", {}, "proved");
    expect(sayAll("bob")).toBe(500);
    expect(world.say({ from: "ada" })).toMatchObject({ code: "full" }); // claimed ones share that half
    expect(world.say(token("carol"))).toMatchObject({ stored: true });
    world = await world.killed();
    expect(sayAll("bob")).toBe(0);
    expect(world.say(token("carol"))).toMatchObject({ stored: true });
  });

  it("fill half of a box in which dead ones wait again", async () => {
    await start();
    await world.open("bob", { max: 4 }, "proved");
    const bob = world.owner(principal("bob", "proved", { proof: "token:bob" }));
    bob.unrenderable.add("dead");
    world.say({ ...key("key 0"), message_id: "dead" });
    await turns();
    bob.end();
    expect(sayAll("bob")).toBe(2);
    const [row] = world.disk.rows(1, 1);
    const id = `1-${row?.secret ?? ""}`;
    expect(world.box().taking.redeliver([id])).toEqual([{ deliveryId: id, state: "dead" }]);
  });

  it("open half of all boxes; who has a token opens its own, over a restart, too", async () => {
    await start({ mailboxesMax: 100 });
    expect(await openAll(keys)).toBe(50);
    await expect(openByKey("late")).rejects.toThrow(/agents without a token have 50 mailboxes.*\(broker token NAME\)/);
    await expect(world.open("claimed")).rejects.toMatchObject({ code: "full" });
    await world.open("carol", {}, "proved");
    world = await world.killed();
    await expect(openByKey("late")).rejects.toMatchObject({ code: "full" });
    for (let at = 0; at < 49; at += 1) await world.open(`dave ${String(at)}`, {}, "proved");
    await expect(world.open("frank", {}, "proved")).rejects.toThrow("there are 100 mailboxes (mailboxesMax)");
    await world.mailboxes.close("key 0", { discard: false });
    await openByKey("late");
  });

  it("leave places to others where they are at one address, but not to more of this machine", async () => {
    await start({ mailboxesMax: 100 });
    expect(await openAll(keys, "203.0.113.1")).toBe(25);
    await expect(openByKey("late")).rejects.toThrow(/25 mailboxes were opened from this address/);
    expect(await openAll(["a", "b", "c"], "203.0.113.2")).toBe(3);
    await world.mailboxes.close("key 0", { discard: false });
    expect(await openAll(keys.slice(500), "127.0.0.1")).toBe(23);
    // A few find a place in any case, while there is one at all.
    await world.mailboxes.close("key 1", { discard: false });
    expect(await openAll(["d", "e"], "203.0.113.2")).toBe(1);
  });

  it("open 100 boxes by one connection", async () => {
    await start({ mailboxesPerConnectionMax: 3 });
    const names = keys.slice(0, 5);
    const opened = await Promise.allSettled(names.map((name) => openByKey(name, "127.0.0.1", "c1")));
    expect(opened.map(({ status }) => status === "fulfilled")).toEqual([true, true, true, false, false]);
    await world.mailboxes.open({ name: "carol", trust: "proved", proof: "token:carol", connection: "c1" }, {});
  });

  it("are no matter for the operator, who opens whose box it likes", async () => {
    await start({ mailboxesMax: 10 });
    expect(await openAll(keys)).toBe(5);
    await world.mailboxes.open(world.mailboxes.openerFor("carol"), {});
    await expect(openByKey("late")).rejects.toMatchObject({ code: "full" });
  });

  it("give a place back when a claimed box is proved by a token", async () => {
    await start({ mailboxesMax: 4, mailClaimedMaxBytes: 4_000 });
    await world.open("bob");
    await openByKey("key 0");
    await expect(openByKey("late")).rejects.toMatchObject({ code: "full" });
    expect(world.say(token("carol"))).toMatchObject({ stored: true });
    await world.open("bob", {}, "proved");
    await openByKey("late");
    await world.mailboxes.close("bob", { discard: true });
    await world.mailboxes.close("late", { discard: true });
    await openByKey("later");
    await expect(openByKey("last")).rejects.toMatchObject({ code: "full" });
  });

  it("fill their boxes to a bound of their own, of which half is for those with a token, over a restart, too", async () => {
    await start({ mailClaimedMaxBytes: 20_000 });
    expect(await openAll(keys.slice(0, 100))).toBe(100);
    for (const to of keys.slice(0, 100)) sayAll(to);
    expect(world.mailboxes.figures().bytes).toBeGreaterThan(9_000);
    expect(world.mailboxes.figures().bytes).toBeLessThanOrEqual(10_000);
    world = await world.killed();
    expect(world.say({ ...key("key 0"), to: "key 7" })).toMatchObject({ code: "full" });
    expect(world.say({ ...token("carol"), to: "key 7" })).toMatchObject({ stored: true });
    await world.open("bob", {}, "proved");
    expect(world.say(key("key 0"))).toMatchObject({ stored: true });
  });

  it("fill half of the total in boxes of tokens; who has a token gets in, over a restart, too", async () => {
    await start({ mailTotalMaxBytes: 40_000 });
    const names = Array.from({ length: 20 }, (_, at) => `b${String(at)}`);
    for (const name of names) await world.open(name, { max: 8 }, "proved");
    for (const name of names) sayAll(name);
    const { bytes } = world.mailboxes.figures();
    expect(bytes).toBeGreaterThan(19_000);
    expect(bytes).toBeLessThanOrEqual(20_000);
    world = await world.killed();
    const refused = world.say({ ...key("key 0"), to: "b19" });
    expect(refused).toMatchObject({ code: "full" });
    expect("message" in refused && refused.message).toContain("or connect with a token");
    expect(world.say({ ...token("carol"), to: "b19" })).toMatchObject({ stored: true });
  });

  it("let an eighth of the total die and be read; the other eighth is for those with a token", async () => {
    await start({ mailTotalMaxBytes: 16_000 });
    await world.open("bob", {}, "proved");
    const bob = world.owner(principal("bob", "proved", { proof: "token:bob" }));
    const die = async (said: Said, id: string): Promise<void> => {
      bob.unrenderable.add(id);
      world.say({ ...said, message_id: id });
      await turns();
    };
    for (const [at, name] of keys.slice(0, 20).entries()) await die(key(name), `x${String(at)}`);
    expect(world.counts.dead).toBe(20);
    expect(world.counts.deadBytes).toBeLessThanOrEqual(2_000);
    const before = world.counts.deadBytes;
    await die(token("carol"), "of carol");
    expect(world.counts.deadBytes).toBeGreaterThan(before);
  });
});
