import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MailWorld, turns } from "../kit/mail-world.js";

const hourMs = 3_600_000;

describe("requests and their answers (protocols §9, states)", () => {
  let world: MailWorld;
  beforeEach(async () => {
    world = await MailWorld.withBox();
  });
  afterEach(() => world.end());
  const ask = (id: string, more = {}) => world.say({ message_id: id, type: "request", ...more });
  const answer = (more = {}) => world.say({ from: "bob", to: "ada", type: "response", ...more });
  async function handedOver(): Promise<void> {
    const bob = world.owner();
    await bob.provesAll();
    bob.end();
  }

  it("is done when it is handed over, and answered when that comes", async () => {
    const ada = world.owner(undefined, "ada");
    ask("one", { receipt: ["settled"] });
    await handedOver();
    world.clock.advance(60);
    expect([world.counts.done, MailWorld.receipts(ada)]).toEqual([1, []]);
    answer({ in_reply_to: "one" });
    await turns();
    world.clock.advance(60);
    expect(world.counts).toMatchObject({ done: 0, answered: 1 });
    expect(MailWorld.receipts(ada)).toMatchObject([{ ids: ["one"], state: "answered" }]);
    answer({ in_reply_to: "one" });
    expect(world.counts.answered).toBe(1);
  });

  it("finds the oldest open one for an answer that names none, also after a restart, and a late one for an hour", async () => {
    ask("one");
    ask("two", { expires_at: new Date(world.clock.now() + 10_000).toISOString() });
    await handedOver();
    await turns();
    world = await world.killed();
    expect(world.mailboxes.asked("bob", "ada")).toBe("one");
    expect(world.mailboxes.asked("bob", "eve")).toBeUndefined();
    world.owner(undefined, "ada");
    answer({ in_reply_to: "one" });
    expect(world.mailboxes.asked("bob", "ada")).toBe("two");
    world.clock.advance(12_000);
    await turns();
    expect(world.counts).toMatchObject({ answered: 1, expired: 1 });
    expect(world.mailboxes.asked("bob", "ada")).toBe("two");
    answer({ in_reply_to: "two" });
    expect(world.counts).toMatchObject({ answered: 1, expired: 1 });
    world = await world.killed();
    expect(world.mailboxes.asked("bob", "ada")).toBe("two");
    world.clock.advance(hourMs);
    expect(world.mailboxes.asked("bob", "ada")).toBeUndefined();
  });

  it("believes an answer that proves as much as the owner", async () => {
    await world.open("carol", {}, "proved");
    world.owner(undefined, "ada");
    ask("one", { to: "carol" });
    world.say({ from: "carol", to: "ada", type: "response", in_reply_to: "one" });
    expect(world.mailboxes.status("carol").counts.answered).toBe(0);
    world.say({ from: "carol", to: "ada", type: "response", in_reply_to: "one", trust: "proved" });
    expect(world.mailboxes.status("carol").counts.answered).toBe(1);
  });

  it("looks at what is for an asker only while it may be answered", async () => {
    const looked = () => world.router.route("ada") !== undefined;
    ask("one");
    expect(looked()).toBe(true);
    world.owner(undefined, "eve");
    world.say({ from: "bob", to: "ada", type: "response", in_reply_to: "one" });
    ask("two", { expires_at: new Date(world.clock.now() + 5_000).toISOString() });
    world.box().taking.done([]);
    await turns();
    world.clock.advance(7_000);
    await turns();
    const ada = world.owner(undefined, "ada");
    answer({ in_reply_to: "one" });
    ada.end();
    expect(looked()).toBe(true);
    world.clock.advance(hourMs + 1_000);
    await turns();
    expect(looked()).toBe(false);
  });

  it("follows no more requests that were handed over than can wait: the oldest are given up", async () => {
    await world.open("bob", { max: 8 });
    for (let at = 0; at < 12; at += 1) {
      ask(`m${String(at)}`);
      await handedOver();
    }
    expect(world.counts).toMatchObject({ done: 8, expired: 4 });
    expect(world.mailboxes.asked("bob", "ada")).toBe("m4");
    expect(world.told).toEqual([]);
  });

  it("tells an asker at once what expires, once, and settled receipts as they are asked for", async () => {
    const ada = world.owner(undefined, "ada");
    const expires_at = new Date(world.clock.now() + 5_000).toISOString();
    ask("one", { expires_at, receipt: ["stored", "settled"] });
    world.say({ message_id: "two", expires_at, receipt: ["settled"] });
    world.say({ message_id: "three", expires_at });
    await turns();
    world.clock.advance(10_000);
    await turns();
    world.clock.advance(60);
    expect(world.told).toMatchObject([{ agent: "ada", notice: { code: "timeout", inReplyTo: "one" } }]);
    expect(MailWorld.receipts(ada)).toMatchObject([
      { ids: ["one"], state: "stored", until: expires_at },
      { ids: ["one", "two"], state: "expired" },
    ]);
    expect(world.counts).toMatchObject({ expired: 3, waiting: 0 });
  });

  it("tells receipts together, 500 a message, each once", async () => {
    await world.open("bob", { mode: "push" });
    for (const from of ["ada", "eve"]) world.owner(undefined, from);
    const ada = world.owner(undefined, "zoe");
    const speak = { from: "zoe", trust: "proved" as const, receipt: ["stored"] as const };
    const bob = world.owner();
    for (let at = 0; at < 1_200; at += 1) {
      world.say({ ...speak, message_id: `m${String(at)}`, receipt: ["stored"] });
      if (at % 200 === 199) await bob.provesAll();
    }
    await turns();
    world.clock.advance(60);
    const told = MailWorld.receipts(ada).map(({ ids }) => ids as readonly string[]);
    expect(told.map((ids) => ids.length)).toEqual([500, 500, 200]);
    expect(told.flat()).toEqual(Array.from({ length: 1_200 }, (_, at) => `m${String(at)}`));
  });

  it("tells long ids in messages of at most 16 KiB", async () => {
    const ada = world.owner(undefined, "ada");
    for (let at = 0; at < 200; at += 1)
      world.say({ message_id: `${String(at)} ${"x".repeat(250)}`, receipt: ["stored"] });
    await turns();
    world.clock.advance(60);
    const told = MailWorld.receipts(ada).map(({ ids }) => JSON.stringify(ids).length);
    expect(told.length).toBeGreaterThan(3);
    expect(Math.max(...told)).toBeLessThan(17 * 1024);
  });

  it("expires what waits when the clock jumps on, and nothing when it jumps back", async () => {
    ask("one");
    await turns();
    world.clock.pause(8 * 86_400_000);
    world.clock.advance(1_001);
    await turns();
    expect(world.counts.expired).toBe(1);
    ask("two");
    await turns();
    world.store.mood = "killed";
    await world.stop();
    world = await MailWorld.start(world.disk, {}, world.clock.now() - 86_400_000);
    world.clock.advance(5_000);
    await turns();
    expect(world.counts).toMatchObject({ expired: 1, waiting: 1 });
    ask("three");
    const bob = world.owner();
    await bob.provesAll();
    expect(bob.ids).toEqual(["two", "three"]);
  });
});

describe("a box that is closed (protocols §9)", () => {
  let world: MailWorld;
  beforeEach(async () => {
    world = await MailWorld.withBox();
  });
  afterEach(() => world.end());

  it("is refused while something waits, and not if that is to be lost: dead, and told so", async () => {
    const ada = world.owner(undefined, "ada");
    world.say({ message_id: "one", type: "request", receipt: ["settled"] });
    world.say({ message_id: "two", receipt: ["settled"] });
    await expect(world.mailboxes.close("bob", { discard: false })).rejects.toMatchObject({ code: "conflict" });
    await world.mailboxes.close("bob", { discard: true });
    world.clock.advance(60);
    expect(MailWorld.receipts(ada)).toMatchObject([{ ids: ["one", "two"], state: "dead", reason: "closed" }]);
    expect(world.told).toMatchObject([{ notice: { code: "unavailable", inReplyTo: "one" } }]);
    expect([[...world.disk.boxes()], [...world.disk.rows(1, 0)]]).toEqual([[], []]);
    expect(world.say()).toMatchObject({ code: "not-found" });
    await expect(world.mailboxes.close("bob", { discard: true })).rejects.toMatchObject({ code: "not-found" });
  });

  it("tells who waits for the answer to what was handed over", async () => {
    const ada = world.owner(undefined, "ada");
    world.say({ message_id: "one", type: "request", receipt: ["settled"] });
    const bob = world.owner();
    await bob.provesAll();
    await world.mailboxes.close("bob", { discard: false });
    world.clock.advance(60);
    expect(MailWorld.receipts(ada)).toMatchObject([{ ids: ["one"], state: "expired", reason: "closed" }]);
    expect(world.say({ type: "inform" })).toMatchObject({ receivers: 1 });
  });

  it("is another one when it is opened again", async () => {
    world.say({ message_id: "one" });
    await world.mailboxes.close("bob", { discard: true });
    await world.open();
    expect(world.counts.stored).toBe(0);
    expect(world.say({ message_id: "one" })).toEqual({ receivers: 0, stored: true });
    world = await world.killed();
    expect(world.counts).toMatchObject({ stored: 1, waiting: 1 });
  });

  it("is opened again once the old one is off the disk: a kill leaves no two of one name", async () => {
    for (let at = 0; at < 90; at += 1) world.say({ from: `agent-${String(at % 9)}` });
    await world.store.settled();
    const boxes: number[] = [];
    const write = world.store.write.bind(world.store);
    world.store.write = (changes) => {
      const written = write(changes);
      boxes.push([...world.store.boxes()].length);
      return written;
    };
    const closing = world.mailboxes.close("bob", { discard: true });
    const opening = [1, 2].map(() => world.open());
    await Promise.all([closing, ...opening]);
    expect(Math.max(...boxes)).toBe(1);
    world = await world.killed();
    expect([world.mailboxes.size, world.counts.stored]).toEqual([1, 0]);
  });

  it("leaves a box that is closed row by row, before the box itself goes: no change of all of them holds up the loop", async () => {
    for (let at = 0; at < 30; at += 1) world.say({ from: `agent-${String(at % 10)}` });
    const left: number[] = [];
    const write = world.store.write.bind(world.store);
    world.store.write = (changes) => {
      for (const change of changes) if ("close" in change) left.push([...world.store.rows(change.close, 1)].length);
      return write(changes);
    };
    await world.mailboxes.close("bob", { discard: true });
    expect(left).toEqual([0]);
  });
});
