// What a peer can make another one keep, and do, has an end; and what one peer uses up, the others do not miss.
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Allowance, namesMax } from "../../../../clients/typescript/agent-network/conversations/allowance.js";
import { ConversationTable } from "../../../../clients/typescript/agent-network/conversations/conversation-table.js";
import { HeldRoom } from "../../../../clients/typescript/agent-network/conversations/held-room.js";
import type { NetworkFrame } from "../../../../clients/typescript/agent-network/frames.js";
import { UsedKeys } from "../../../../clients/typescript/agent-network/conversations/used-keys.js";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";
import { MemoryRecords, meet, met, Party } from "./party.js";

beforeAll(ready);

let clock: FakeClock;
beforeEach(() => {
  clock = new FakeClock();
});

describe("a peer that floods", () => {
  it("has ten offers looked at at once and one a second, and the others all of theirs", async () => {
    const [ada, bob, eve] = await Promise.all(["ada", "bob", "eve"].map((name) => Party.start(name, clock)));
    if (ada === undefined || bob === undefined || eve === undefined) throw new Error("three agents");
    const answers: (NetworkFrame | undefined)[] = [];
    for (let at = 0; at < 15; at += 1) answers.push(await bob.hears(eve.offer("bob", `c${at}`)));
    expect(answers.filter((answer) => answer !== undefined).length).toBe(10);
    expect(bob.counts().flood).toBe(5);
    clock.advance(1_000);
    expect(await bob.hears(eve.offer("bob", "c10"))).toBeDefined();
    expect(await bob.hears(eve.offer("bob", "c11"))).toBeUndefined();
    await meet(ada, bob);
    expect(await bob.opens(ada.says("bob", { text: "hello" }))).toEqual([{ text: "hello" }]);
  });

  it("is answered once a second where its offer is always the same", async () => {
    const [ada, bob] = await Promise.all([Party.start("ada", clock), Party.start("bob", clock)]);
    const offer = ada.offer("bob");
    const first = await bob.hears(offer);
    expect(await bob.hears(offer)).toBeUndefined();
    clock.advance(1_000);
    const second = await bob.hears(offer);
    expect(second?.content).toEqual(first?.content);
    expect(bob.kinds).toEqual([]);
  });

  it("answers offers of one's own all at once, if it likes", async () => {
    const [ada, bob] = await Promise.all([Party.start("ada", clock), Party.start("bob", new FakeClock())]);
    for (let at = 0; at < 30; at += 1) {
      bob.clock.advance(1_000);
      const answer = await bob.hears(ada.offer("bob", `c${at}`));
      if (answer !== undefined) await ada.hears(answer);
    }
    expect([ada.kinds, ada.conversations.peers()[0]?.conversations]).toEqual([[], 30]);
  });

  it("has keys for 64 conversations, and loses its own longest unused", async () => {
    const { ada, bob } = await met(clock, "first");
    const eve = await Party.start("eve", clock);
    for (let at = 0; at < 70; at += 1) {
      clock.advance(1_000);
      await meet(eve, bob, `c${at}`);
    }
    expect(bob.conversations.peers().map(({ conversations }) => conversations)).toEqual([1, 64]);
    expect([bob.conversations.state("eve", "c5"), bob.conversations.state("eve", "c6")]).toEqual(["none", "ready"]);
    expect(await bob.opens(ada.says("bob", { text: "hello" }, { conversationId: "first" }))).toEqual([
      { text: "hello" },
    ]);
  });

  it("has few offers made by frames that cannot be opened: one a minute of a conversation, ten at once", async () => {
    const { ada, bob } = await met(clock);
    const again = await bob.restart();
    const frame = ada.says("bob", { text: "hello" });
    for (let times = 0; times < 5; times += 1) expect(await again.opens(frame)).toEqual([]);
    expect([again.wanted, again.counts()["not-opened"]]).toEqual([["ada c"], 5]);
    clock.advance(60_000);
    await again.opens(frame);
    expect(again.wanted).toEqual(["ada c", "ada c"]);
    for (let at = 0; at < 20; at += 1) {
      clock.advance(1_000);
      await meet(ada, again, `c${at}`);
    }
    const third = await again.restart();
    for (let at = 0; at < 20; at += 1) await third.opens(ada.says("bob", { text: "hi" }, { conversationId: `c${at}` }));
    expect(third.wanted.length).toBe(10);
  });

  it("has fewer still made where it is not known", async () => {
    const { ada, bob } = await met(clock);
    const forgetful = await bob.restart(new MemoryRecords());
    for (let at = 0; at < 20; at += 1) {
      await forgetful.opens({ ...ada.says("bob", { text: "hi" }), conversationId: `c${at}` });
    }
    expect(forgetful.wanted).toEqual(["ada c0"]);
    for (let at = 0; at < 20; at += 1) {
      await forgetful.opens({ ...ada.says("bob", { text: "hi" }), senderId: `stranger${at}` });
    }
    expect(forgetful.wanted.length).toBe(10);
    expect(forgetful.conversations.peers()).toEqual([]);
  });
});

describe("room for what is held back", () => {
  it("is one's own: what one peer holds, the others do not miss", () => {
    const room = new HeldRoom({ ofPeerBytes: 100, bytes: 250 });
    expect([room.take("eve", 60), room.take("eve", 60), room.take("ada", 60)]).toEqual([true, false, true]);
    room.give("eve", 60);
    expect([room.take("eve", 100), room.take("bob", 90), room.take("bob", 100)]).toEqual([true, true, false]);
    for (const [peer, bytes] of [
      ["eve", 100],
      ["ada", 60],
      ["bob", 90],
    ] as const)
      room.give(peer, bytes);
    expect(room.bytes).toBe(0);
  });

  it("has an end for a peer that sends large frames behind a gap: then it is not waited for", async () => {
    const { ada, bob } = await met(clock);
    ada.says("bob", { text: "lost" });
    const text = "x".repeat(60_000);
    let opened = 0;
    let held = 0;
    for (; opened === 0 && held < 256; held += 1) opened = (await bob.opens(ada.says("bob", { text }))).length;
    expect(held).toBeGreaterThan(40);
    expect(held).toBeLessThan(80);
    expect([opened, bob.kinds]).toEqual([held, ["gap"]]);
  });
});

describe("the table of conversations", () => {
  it("has one of the peer that has most go where there are too many, so that few peers cannot push out the others", () => {
    const table = new ConversationTable({ ofPeer: 4, inAll: 6 });
    table.make("ada", "only");
    for (let at = 0; at < 4; at += 1) table.make("eve", `e${at}`);
    table.make("bob", "b0");
    table.make("dan", "d0");
    expect([table.size, table.of("eve").map(({ id }) => id)]).toEqual([6, ["e1", "e2", "e3"]]);
    expect(table.get("ada", "only")).toBeDefined();
  });

  it("has the longest unused of all go where each peer has one, and not who speaks all the time", () => {
    const table = new ConversationTable({ ofPeer: 4, inAll: 3 });
    const used = table.make("ada", "used");
    for (let at = 0; at < 9; at += 1) {
      table.make(`eve${at}`, "e");
      table.touch(used);
    }
    expect(table.all().map(({ peer }) => peer)).toEqual(["eve7", "eve8", "ada"]);
  });

  it("closes what goes", () => {
    const table = new ConversationTable({ ofPeer: 1, inAll: 1 });
    const first = table.make("ada", "one");
    expect(table.make("ada", "one")).toBe(first);
    const second = table.make("ada", "two");
    table.make("bob", "three");
    expect([first.isClosed, second.isClosed, table.size, table.all().length]).toEqual([true, true, 1, 1]);
  });
});

describe("used ephemeral keys", () => {
  it("are kept of each peer up to a number, of all up to another, the oldest going first", async () => {
    const keys = await UsedKeys.open(new MemoryRecords(), { ofPeer: 3, inAll: 4 });
    for (const key of ["a", "b", "c"]) expect(keys.add("eve", key)).toEqual([]);
    expect(keys.add("eve", "d")).toEqual([{ table: "used-keys", key: "a eve" }]);
    expect(keys.add("ada", "a")).toEqual([]);
    expect(keys.add("ada", "b")).toEqual([{ table: "used-keys", key: "b eve" }]);
    expect([keys.size, keys.has("eve", "b"), keys.has("ada", "a"), keys.has("eve", "d")]).toEqual([
      4,
      false,
      true,
      true,
    ]);
    expect([keys.forget("ada").length, keys.size]).toEqual([2, 2]);
  });

  it("are read in the order in which they were used", async () => {
    const records = new MemoryRecords();
    const keys = await UsedKeys.open(records);
    await records.commit([keys.record("ada", "new", 2), keys.record("ada", "old", 1)]);
    await records.commit([{ table: "used-keys", key: "x", value: ["not one"] }]);
    const again = await UsedKeys.open(records, { ofPeer: 2, inAll: 10 });
    again.add("ada", "newest");
    expect(["old", "new", "newest"].map((key) => again.has("ada", key))).toEqual([false, true, true]);
  });
});

describe("an allowance", () => {
  it("comes back with time, up to its burst", () => {
    const allowance = new Allowance(clock, { burst: 2, everyMs: 1_000 });
    expect([1, 2, 3].map(() => allowance.take("ada"))).toEqual([true, true, false]);
    expect(allowance.take("bob")).toBe(true);
    clock.advance(1_500);
    expect([allowance.take("ada"), allowance.take("ada")]).toEqual([true, false]);
    clock.advance(60_000);
    expect([1, 2, 3].map(() => allowance.take("ada"))).toEqual([true, true, false]);
  });

  it(`remembers ${namesMax} names`, () => {
    const allowance = new Allowance(clock, { burst: 1, everyMs: 1_000_000 });
    allowance.take("first");
    for (let at = 0; at < namesMax - 1; at += 1) allowance.take(`n${at}`);
    expect(allowance.take("first")).toBe(false);
    allowance.take("one more");
    allowance.take("and one");
    expect(allowance.take("n1")).toBe(true);
  });
});
