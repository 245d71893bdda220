import { afterEach, describe, expect, it } from "vitest";
import { principal, type Limits } from "../../src/core/index.js";
import { peek, saidBy } from "../../src/mailbox/index.js";
import { MailWorld, turns, type Said } from "../kit/mail-world.js";

describe("how much a mailbox holds (protocols §9, bounds)", () => {
  let world: MailWorld;
  afterEach(() => world.end());

  async function start(limits: Partial<Limits> = {}, settings = {}, trust: "claimed" | "proved" = "claimed") {
    world = await MailWorld.start(undefined, limits);
    await world.open("bob", settings, trust);
  }

  const proved = (name: string): Said => ({
    from: name,
    trust: "proved",
    speaker: principal(name, "proved", { proof: `token:${name}` }),
  });
  /** Says so much that it is refused. @returns how many were taken, and the refusal */
  function fill(said: Said, most = 2_000) {
    for (let count = 0; count < most; count += 1) {
      const outcome = world.say(said);
      if ("code" in outcome) return { count, outcome };
    }
    throw new Error("it was never full");
  }

  it("gives one sender a quarter, claimed ones together a half, and says when to try again", async () => {
    await start();
    const ada = fill({ from: "ada" });
    expect(ada.count).toBe(250);
    expect(ada.outcome).toMatchObject({ code: "full", retryAfterMs: 60_000, detail: { reason: "mailbox-full" } });
    expect(ada.outcome.message).toContain("250 of your messages wait in the mailbox of bob");
    expect(fill({ from: "eve" }).count).toBe(250);
    expect(fill({ from: "zoe" })).toMatchObject({ count: 0 });
    expect(fill({ from: "zoe" }).outcome.message).toContain("connect with a token");
    expect(fill(proved("carol")).count).toBe(250);
    expect(fill(proved("dave")).count).toBe(250);
    const all = fill(proved("frank"));
    expect([all.count, all.outcome.message]).toEqual([
      0,
      "the mailbox of bob is full (1000 messages wait); send again when its owner has taken some of them",
    ]);
    const bob = world.owner();
    expect(fill(proved("frank")).outcome.retryAfterMs).toBe(1_000);
    await bob.provesAll();
    expect(fill({ from: "ada" }).count).toBe(250);
    expect(world.ledger.reasons["mailbox-full"]).toBe(9);
  });

  it("counts bytes as it counts messages", async () => {
    await start({}, { maxBytes: 100_000 });
    const content = { message: "x".repeat(5_000) };
    expect(fill({ content }).count).toBe(4);
    expect(fill({ content, from: "eve" }).count).toBe(4);
    expect(fill({ content, from: "zoe" }).count).toBe(1);
    expect(fill({ content, ...proved("carol") }).count).toBe(4);
    expect(world.counts.bytes).toBeLessThanOrEqual(100_000);
  });

  it("has room for one message of each sender however small it is, and for no more than it holds", async () => {
    await start({}, { max: 2, maxBytes: 1_400 });
    expect([fill({ from: "ada" }).count, fill({ from: "eve" }).count]).toEqual([1, 0]);
    expect([fill(proved("carol")).count, fill(proved("dave")).count]).toEqual([1, 0]);
  });

  it("gives what the broker says of an absent owner's messages a tenth, apart from its invitations", async () => {
    await start();
    const receipt = { message: "", kind: "receipt" };
    let kept = 0;
    while (world.announce(receipt).stored) kept += 1;
    expect(kept).toBe(100);
    expect(world.announce({ message: "come", kind: "room.invited" }).stored).toBe(true);
  });

  it("bounds claimed boxes together, and all together", async () => {
    await start({ mailClaimedMaxBytes: 3_000, mailTotalMaxBytes: 6_000 });
    const ada = proved("ada");
    const claimed = fill(ada);
    expect(claimed.outcome.message).toContain("agents without a token are full together");
    await world.open("carol", {}, "proved");
    const all = fill({ ...ada, to: "carol" });
    expect(all.outcome.message).toContain("all mailboxes of the broker are full together");
    expect(all.count).toBeGreaterThan(3);
    await world.mailboxes.close("carol", { discard: true });
    await world.mailboxes.close("bob", { discard: true });
    await world.open();
    expect(fill(ada).count).toBe(claimed.count);
  });

  it("gives no box more than the configuration does", async () => {
    await start();
    for (const settings of [{ max: 1_001 }, { maxBytes: 16 * 1024 * 1024 + 1 }]) {
      await expect(world.open("carol", settings)).rejects.toMatchObject({ code: "malformed" });
      await expect(world.open("bob", settings)).rejects.toMatchObject({ code: "malformed" });
    }
  });

  it("keeps nothing of a sender that was refused", async () => {
    await start({}, { max: 2 });
    fill({ from: "ada" });
    fill(proved("carol"));
    for (let at = 0; at < 1_000; at += 1) world.say({ from: `eve ${String(at)}` });
    expect(world.box().box.shares.size).toBe(2);
  });

  it("keeps as many dead ones as can wait, the newest, and their counts for good", async () => {
    await start({}, { max: 8 });
    const bob = world.owner();
    for (let at = 0; at < 20; at += 1) {
      bob.unrenderable.add(`x${String(at)}`);
      expect(world.say({ message_id: `x${String(at)}` })).toMatchObject({ stored: true });
      await turns();
    }
    const { dead, deadBytes } = world.counts;
    expect(dead).toBe(20);
    const rows = [...world.disk.rows(world.box().box.id, 1)];
    expect(rows.map(({ messageId }) => messageId)).toEqual(Array.from({ length: 8 }, (_, at) => `x${String(at + 12)}`));
    expect(deadBytes).toBe(rows.reduce((sum, { bytes }) => sum + bytes, 0));
    world = await world.killed();
    world.box().load();
    expect(world.counts).toMatchObject({ dead: 20, deadBytes });
  });

  it("keeps no bodies of dead ones beyond a quarter of the room of all boxes", async () => {
    await start({ mailTotalMaxBytes: 8_000 }, {}, "proved");
    const bob = world.owner(principal("bob", "proved", { proof: "token:bob" }));
    for (let at = 0; at < 10; at += 1) {
      bob.unrenderable.add(`x${String(at)}`);
      world.say({ ...proved("carol"), message_id: `x${String(at)}` });
      await turns();
    }
    expect(world.counts.dead).toBe(10);
    expect(world.counts.deadBytes).toBeLessThanOrEqual(2_000);
    const bodies = [...world.disk.rows(1, 1)].filter(({ seq }) => world.disk.body(1, seq) !== undefined);
    expect(bodies).toHaveLength(4);
  });

  it("does not deliver dead ones again where there is no room", async () => {
    await start({}, { max: 2 });
    const bob = world.owner();
    bob.unrenderable.add("dead");
    world.say({ message_id: "dead" });
    await turns();
    bob.end();
    const [row] = world.disk.rows(1, 1);
    const id = `1-${row?.secret ?? ""}`;
    fill({ from: "eve" });
    fill(proved("carol"));
    expect(world.box().taking.redeliver([id])).toEqual([{ deliveryId: id, state: "dead" }]);
    const again = world.owner();
    await again.provesAll();
    expect(world.box().taking.redeliver([id])).toEqual([{ deliveryId: id, state: "waiting" }]);
    await again.provesAll();
    expect(again.ids.at(-1)).toBe("dead");
  });

  it("keeps 4,000 settled rows, the newest, for 24 hours", async () => {
    await start({ mailWindowMin: 256 });
    const bob = world.owner();
    for (let at = 0; at < 4_400; at += 1) {
      world.say({ message_id: `m${String(at)}` });
      if (at % 100 === 99) await bob.provesAll();
    }
    const rows = [...world.disk.rows(1, 1)];
    expect(rows.length).toBeGreaterThanOrEqual(4_000);
    expect(rows.length).toBeLessThanOrEqual(4_250);
    expect(rows.at(-1)?.messageId).toBe("m4399");
    expect(world.say({ message_id: "m4399" })).toMatchObject({ repeated: true });
    expect(world.say({ message_id: "m0" })).toEqual({ receivers: 0, stored: true });
    await bob.provesAll();
    world.clock.advance(86_402_000);
    await turns();
    expect([...world.disk.rows(1, 1)]).toEqual([]);
    expect(world.counts).toMatchObject({ stored: 4_401, done: 4_401 });
  });

  it("reads of a box that is looked at only what is wanted, not what lies settled between", async () => {
    await start({ mailWindowMin: 256 });
    const bob = world.owner();
    for (let at = 0; at < 200; at += 1) world.say();
    await bob.provesAll();
    bob.end();
    for (const message_id of ["one", "two"]) world.say({ message_id });
    let read = 0;
    const row = world.disk.row.bind(world.disk);
    const rows = world.disk.rows.bind(world.disk);
    world.disk.row = (...place) => ((read += 1), row(...place));
    world.disk.rows = (...from) => ((read += 1_000), rows(...from));
    const look = { after: undefined, max: 10, maxBytes: 1e6 };
    const { messages, next } = peek(world.store, world.box().box, { ...look, dead: false });
    expect(messages.map(({ envelope }) => envelope.message_id)).toEqual(["one", "two"]);
    expect(next.seq).toBe(202);
    expect(peek(world.store, world.box().box, { ...look, dead: true }).messages).toEqual([]);
    expect(read).toBe(2);
  });

  it("tells of 200 messages with one id, the last ones, and not of thousands that were sent", async () => {
    await start({ mailWindowMin: 256 });
    const bob = world.owner();
    for (let at = 0; at < 1_000; at += 1) {
      world.say({ message_id: "same", content: { message: String(at) } });
      if (at % 100 === 99) await bob.provesAll();
    }
    const told = saidBy(world.store, "ada", undefined, "same");
    expect(told).toHaveLength(200);
    expect(told.every(({ seq }) => seq > 800)).toBe(true);
  });

  it("lets one connection open 100 claimed boxes, also all at once, and gives the places back", async () => {
    await start({ mailboxesPerConnectionMax: 3 });
    const open = (name: string) => world.mailboxes.open({ name, trust: "claimed", connection: "c1" }, {});
    const opened = await Promise.allSettled(["a", "b", "c", "d", "e"].map(open));
    expect(opened.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected", "rejected"]);
    await world.mailboxes.close("b", { discard: false });
    await open("d");
    await expect(open("e")).rejects.toMatchObject({ code: "full" });
  });
});
