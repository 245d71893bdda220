import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Fault } from "../../src/core/index.js";
import { FakeOwner, MailWorld, turns } from "../kit/mail-world.js";

describe("push mode (protocols §9)", () => {
  let world: MailWorld;
  beforeEach(async () => {
    world = await MailWorld.withBox();
  });
  afterEach(() => world.end());

  function say(count: number, first = 0): void {
    for (let at = 0; at < count; at += 1)
      world.say({ message_id: `m${String(first + at)}`, from: `a${String(at % 8)}`, trust: "proved" });
  }
  const ids = (count: number, first = 0): readonly string[] =>
    Array.from({ length: count }, (_, at) => `m${String(first + at)}`);
  async function arrived(): Promise<FakeOwner> {
    await turns();
    const bob = world.owner();
    await turns();
    return bob;
  }

  it("gives 8 at first, and doubles that with each proof within a second, to 256", async () => {
    say(900);
    const bob = await arrived();
    const windows = [bob.given.length];
    for (let at = 0; at < 7; at += 1) {
      const before = bob.given.length;
      bob.proves(1_000);
      await turns();
      windows.push(bob.given.length - before);
    }
    expect(windows).toEqual([8, 16, 32, 64, 128, 256, 256, 140]);
    expect(bob.ids).toEqual(ids(900));
  });

  it("goes on behind a row that cannot be read, and keeps the failure from the connection", async () => {
    say(20);
    const bob = await arrived();
    const read = world.store.row.bind(world.store);
    const damaged = vi.spyOn(world.store, "row").mockImplementation((box, seq) => {
      if (seq === 3) throw new Fault("unavailable", "message 3 is damaged on disk");
      return read(box, seq);
    });
    expect(bob.proves()).toHaveLength(8);
    await turns();
    expect(world.logged).toContain("a mailbox cannot hand over what waits");
    expect(bob.ids.slice(8)).toEqual(ids(12, 8));
    damaged.mockRestore();
    await bob.provesAll();
    bob.end();
    await turns();
    const again = world.owner();
    await again.provesAll();
    expect(again.ids, "what was not settled comes again, and nothing is lost").toEqual(ids(6, 2));
    expect(world.counts).toMatchObject({ stored: 20, done: 20, waiting: 0 });
  });

  it("does not give more at a time to who is slow, and asks once at a time", async () => {
    say(40);
    const bob = await arrived();
    bob.proves(1_001);
    await turns();
    expect([bob.given.length, bob.questions.length]).toEqual([10, 1]);
    bob.proves(5_000);
    await turns();
    expect(bob.given.length).toBe(11);
  });

  it("gives 64 KiB at first, and a larger message alone", async () => {
    const content = { message: "x".repeat(30_000) };
    for (let at = 0; at < 6; at += 1) world.say({ content });
    world.say({ from: "eve", content: { message: "x".repeat(300_000) } });
    const bob = await arrived();
    expect(bob.given.length).toBe(2);
    bob.proves();
    await turns();
    expect(bob.given.length).toBe(6);
    bob.proves();
    await turns();
    expect(bob.given.length).toBe(7);
  });

  it("is done with what a question that followed it was answered for, and nothing else", async () => {
    say(3);
    const bob = await arrived();
    say(2, 3);
    await turns();
    expect(bob.ids).toEqual(ids(5));
    expect(bob.proves()).toEqual(ids(3));
    expect(world.counts).toMatchObject({ done: 3, waiting: 2 });
    bob.end();
    const again = await arrived();
    expect(again.ids).toEqual(ids(2, 3));
    expect(again.given[0]).toMatchObject({ attempt: 2 });
    expect(again.given[0]?.envelope.$broker).toMatchObject({ attempt: 2, stored_at: expect.any(String) as string });
    expect(bob.proves()).toBeDefined();
    expect(world.counts.waiting).toBe(2);
  });

  it("gives what waits, also what was given to others and not proved, to the one that came last, and new ones to all", async () => {
    const first = await arrived();
    first.room = 2;
    say(4);
    await turns();
    const second = await arrived();
    expect([first.ids, second.ids]).toEqual([ids(2), ids(4)]);
    first.room = Infinity;
    say(1, 4);
    await turns();
    await first.provesAll();
    expect(first.ids).toEqual([...ids(2), "m4"]);
    expect(second.ids).toEqual(ids(5));
    expect(second.given.at(-1)?.attempt).toBe(1);
    await second.provesAll();
    expect(world.counts).toMatchObject({ done: 5, waiting: 0 });
  });

  it("gives what the last one has not proved to one that was here before", async () => {
    const first = await arrived();
    first.room = 0;
    say(3);
    await turns();
    const second = await arrived();
    expect(second.ids).toEqual(ids(3));
    first.room = Infinity;
    second.end();
    await first.provesAll();
    expect(first.ids).toEqual(ids(3));
    expect(world.counts.done).toBe(3);
  });

  it("waits for room, however small, and drops nothing", async () => {
    const bob = world.owner();
    bob.room = 1;
    say(5);
    await turns();
    for (let at = 1; at < 5; at += 1) {
      expect(bob.given.length).toBe(at);
      bob.room = 1;
      bob.proves();
      await turns();
    }
    expect(bob.ids).toEqual(ids(5));
    await bob.provesAll();
    expect(world.counts.done).toBe(5);
  });

  it("holds up nobody by what cannot be told: that is dead, and its asker hears why", async () => {
    const bob = world.owner();
    bob.unrenderable.add("m1");
    say(1);
    world.say({ message_id: "m1", type: "request" });
    say(1, 2);
    await turns();
    expect(bob.ids).toEqual(["m0", "m2"]);
    expect(world.counts).toMatchObject({ dead: 1, waiting: 2 });
    expect(world.told).toMatchObject([{ agent: "ada", notice: { code: "unavailable", inReplyTo: "m1" } }]);
  });

  it("gives out nothing before it is committed, and tells stored after it is on the disk", async () => {
    const bob = world.owner();
    const ada = world.owner(undefined, "ada");
    world.store.mood = "slow";
    world.say({ message_id: "m0", receipt: ["stored"] });
    await turns();
    expect(bob.given).toEqual([]);
    await world.store.commit();
    expect(bob.ids).toEqual(["m0"]);
    world.clock.advance(100);
    expect(MailWorld.receipts(ada)).toEqual([]);
    await world.store.keep();
    world.clock.advance(100);
    expect(MailWorld.receipts(ada)).toMatchObject([{ state: "stored", ids: ["m0"] }]);
  });

  it("outlives an owner that comes and goes 100 times in one turn", async () => {
    say(3);
    for (let at = 0; at < 100; at += 1) world.owner().end();
    const bob = await arrived();
    expect(bob.ids).toEqual(ids(3));
    await bob.provesAll();
    expect(world.counts).toMatchObject({ stored: 3, done: 3 });
    bob.end();
    expect(world.mailboxes.status("bob").awaySince).toBe(world.clock.now());
  });

  it("delivers again in its old place what was taken and given back, also while its owner is here", async () => {
    world.say({ message_id: "m0" });
    await turns();
    const [taken] = await world.take();
    const bob = await arrived();
    say(2, 1);
    await turns();
    expect(bob.ids).toEqual(["m1", "m2"]);
    world.box().taking.release([taken?.delivery ?? ""], 0);
    await turns();
    await bob.provesAll();
    expect(bob.ids).toEqual(["m1", "m2", "m0"]);
    expect(world.counts.done).toBe(3);
  });

  it("goes on after what was taken has rested, and not before", async () => {
    world.say({ message_id: "m0" });
    await turns();
    const [taken] = await world.take();
    const bob = await arrived();
    world.box().taking.release([taken?.delivery ?? ""], 5_000);
    await turns();
    world.clock.advance(4_000);
    await turns();
    expect(bob.ids).toEqual([]);
    world.clock.advance(2_000);
    await turns();
    expect(bob.ids).toEqual(["m0"]);
  });

  it("is shown as unproved where the owner's library cannot prove what it has read (ZMTP 3.0)", async () => {
    expect(world.mailboxes.status("bob").isUnproved).toBe(false);
    class OldOwner extends FakeOwner {
      override readonly canProve: boolean = false;
    }
    const bob = new OldOwner(world, "bob");
    expect(world.mailboxes.page({ max: 9 }).boxes).toMatchObject([{ name: "bob", isHere: true, isUnproved: true }]);
    say(1);
    await turns();
    expect([bob.ids, world.counts.done]).toEqual([["m0"], 0]);
    await bob.provesAll(); // as the connection does by itself, once it has lived 2 s longer
    expect(world.counts.done).toBe(1);
  });

  it("gives nothing more in take mode, and all that is left when it is push mode again", async () => {
    say(3);
    const bob = await arrived();
    await world.open("bob", { mode: "take" });
    bob.proves();
    say(1, 3);
    await turns();
    expect([bob.given.length, world.counts.waiting]).toEqual([3, 4]);
    const taken = await world.take({ max: 1 });
    expect(taken[0]?.envelope.$broker?.attempt).toBe(2);
    await world.open("bob", { mode: "push" });
    await turns();
    expect(bob.ids.slice(3)).toEqual(ids(4));
    await bob.provesAll();
    expect(world.counts).toMatchObject({ done: 4, leased: 0 });
  });
});
