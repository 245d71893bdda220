import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../src/core/index.js";
import type { MailRow } from "../../src/mailbox/index.js";
import { MailWorld, turns, type FakeOwner, type MoodyStore } from "../kit/mail-world.js";

/** What is written is found, as in a real store, until it is known that it cannot be kept. */
function findsUntilItFails(store: MoodyStore): { readonly end: () => void } {
  const [row, write] = [store.row.bind(store), store.write.bind(store)];
  const written = new Map<number, MailRow>();
  store.write = (changes) => {
    for (const change of changes) {
      if ("put" in change) written.set(change.put.seq, change.put);
      else if ("settle" in change) written.set(change.settle.seq, change.settle);
    }
    const failed = Promise.reject<void>(new Fault("unavailable", "the disk is full"));
    failed.catch(() => {
      written.clear();
    });
    return { committed: failed, kept: failed };
  };
  store.row = (box, seq) => written.get(seq) ?? row(box, seq);
  return { end: () => Object.assign(store, { row, write }) };
}

describe("what is answered or done with while the disk is full (protocols §9.5, §9.12)", () => {
  let world: MailWorld;
  let ada: FakeOwner;
  beforeEach(async () => {
    world = await MailWorld.start();
    await world.open("bob", { mode: "take" });
    ada = world.owner(undefined, "ada");
  });
  afterEach(async () => {
    world.sound();
    await world.stop();
  });
  const ask = (id: string) => world.say({ message_id: id, type: "request", receipt: ["settled"] });
  const answer = (id: string) => world.say({ from: "bob", to: "ada", type: "response", in_reply_to: id });
  /** The disk has room again. */
  async function mended(): Promise<void> {
    world.store.mood = "well";
    world.clock.advance(1_000);
    await turns();
    world.clock.advance(60);
  }

  it("is answered to its asker at once, counted once, and told as answered when that is on the disk", async () => {
    ask("one");
    await turns();
    world.store.mood = "failing";
    expect(answer("one")).toMatchObject({ receivers: 1 });
    await turns();
    world.clock.advance(60);
    expect(ada.passed.map(({ envelope }) => envelope?.in_reply_to)).toEqual(["one"]);
    expect([world.counts.answered, MailWorld.receipts(ada), world.told]).toEqual([1, [], []]);
    expect(world.say(), "what comes now is refused").toMatchObject({ code: "unavailable" });
    world.clock.advance(1_000); // still full
    await turns();
    expect(MailWorld.receipts(ada)).toEqual([]);
    await mended();
    expect(MailWorld.receipts(ada)).toMatchObject([{ ids: ["one"], state: "answered" }]);
    expect(world.ledger.messages).toMatchObject({ stored: 1, refused: 1 });
    world = await world.killed();
    expect(world.counts).toMatchObject({ stored: 1, answered: 1, waiting: 0 });
  });

  it("is as if it had not been, where the process is killed before: the owner gets it again", async () => {
    ask("one");
    await turns();
    world.store.mood = "failing";
    answer("one");
    await turns();
    world = await world.killed();
    expect(world.counts).toMatchObject({ stored: 1, answered: 0, waiting: 1 });
    ada = world.owner(undefined, "ada");
    expect(await world.take()).toMatchObject([{ id: "one" }]);
    answer("one");
    await turns();
    world.clock.advance(60);
    expect(MailWorld.receipts(ada)).toMatchObject([{ ids: ["one"], state: "answered" }]);
  });

  it("is not refused to its sender if it was answered before it could not be kept itself", async () => {
    const seen = findsUntilItFails(world.store);
    world.store.mood = "failing";
    ask("one");
    answer("one");
    await turns();
    seen.end();
    expect([world.counts.answered, world.told, world.box().box.rows]).toEqual([1, [], 0]);
    expect(world.ledger.messages).toMatchObject({ accepted: 2, stored: 1, routed: 1, refused: 0 });
    await mended();
    expect(MailWorld.receipts(ada)).toMatchObject([{ ids: ["one"], state: "answered" }]);
    world = await world.killed();
    expect(world.counts).toMatchObject({ stored: 1, answered: 1, waiting: 0, bytes: 0 });
  });

  it("is told to the owner as not kept; said again, it is done, and the sender hears it once", async () => {
    ask("one");
    await turns();
    const [taken] = await world.take();
    const ids = [taken?.delivery ?? ""];
    world.store.mood = "failing";
    const { taking } = world.box();
    const refused = taking.inSlices(ids, (all, some) => all.refuse(some, "busy"));
    await expect(refused).rejects.toMatchObject({ code: "unavailable" });
    await mended();
    expect(taking.refuse(ids, "busy")).toMatchObject([{ state: "refused" }]);
    await turns();
    world.clock.advance(60);
    expect(MailWorld.receipts(ada)).toMatchObject([{ ids: ["one"], state: "refused", reason: "busy" }]);
    expect(world.told).toMatchObject([{ agent: "ada", notice: { code: "forbidden" } }]);
    expect(world.counts).toMatchObject({ stored: 1, refused: 1, leased: 0, waiting: 0 });
  });
});
