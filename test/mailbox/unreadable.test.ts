import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Fault } from "../../src/core/index.js";
import { MailWorld, turns } from "../kit/mail-world.js";

describe("a message whose value on disk is damaged", () => {
  let world: MailWorld;
  beforeEach(async () => {
    world = await MailWorld.start();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await world.end();
  });

  const fault = new Fault("unavailable", "message 4 of box 1 is damaged on disk; run broker mailbox salvage");
  /** Says m1 to m9; from then on the fourth cannot be read. */
  async function damaged(what: "row" | "body"): Promise<void> {
    for (let at = 1; at <= 9; at += 1) world.say({ message_id: `m${at}`, from: `agent-${at}` });
    await world.store.settled();
    const read = world.store[what].bind(world.store) as (box: number, seq: number) => never;
    vi.spyOn(world.store, what).mockImplementation((box, seq) => {
      if (seq === 4) throw fault;
      return read(box, seq);
    });
  }
  const others = ["m1", "m2", "m3", "m5", "m6", "m7", "m8", "m9"];

  it.each(["row", "body"] as const)("holds up nothing that is pushed, nor what comes later: its %s", async (what) => {
    await world.open();
    await damaged(what);
    const bob = world.owner();
    await bob.provesAll();
    world.say({ message_id: "later", from: "agent-1" });
    await world.store.settled();
    await bob.provesAll();
    expect(bob.ids).toEqual([...others, "later"]);
    expect(world.box().box.counts).toMatchObject({ waiting: 1, done: 9 });
    expect(world.logged).toContain("a mailbox cannot hand over what waits");
    bob.end();
  });

  it.each(["row", "body"] as const)(
    "holds up nothing that is taken, and is told when it is all: its %s",
    async (what) => {
      await world.open("bob", { mode: "take" });
      await damaged(what);
      const taken = [...(await world.take({ max: 5 })), ...(await world.take())];
      expect(taken.map(({ id }) => id)).toEqual(others);
      expect(world.box().box.counts).toMatchObject({ waiting: 1, leased: 8 });
      expect(world.logged).toContain("a message of a mailbox cannot be read");
      await expect(world.take()).rejects.toMatchObject({ code: "unavailable", message: fault.message });
    },
  );

  it("holds up no lease of others that ends, and nothing whose time is over", async () => {
    await world.open("bob", { mode: "take", keepMs: 300_000 });
    for (let at = 1; at <= 9; at += 1) world.say({ message_id: `m${at}`, from: `agent-${at}` });
    await world.store.settled();
    expect(await world.take()).toHaveLength(9);
    const read = world.store.row.bind(world.store);
    vi.spyOn(world.store, "row").mockImplementation((box, seq) => {
      if (seq === 4) throw fault;
      return read(box, seq);
    });
    world.clock.advance(121_000);
    await turns();
    expect(world.box().box.counts).toMatchObject({ waiting: 8, leased: 1 });
    world.clock.advance(300_000);
    await turns();
    expect(world.box().box.counts).toMatchObject({ expired: 8, waiting: 0, leased: 1 });
  });
});
