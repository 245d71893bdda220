import { afterEach, describe, expect, it, vi } from "vitest";
import { MailWorld } from "../kit/mail-world.js";

describe("many messages at once (ARCHITECTURE, invariant 11)", () => {
  const worlds: MailWorld[] = [];
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.stop();
  });

  /** A box of 450 messages, on a machine on which every look at the clock takes a millisecond. */
  async function slow(): Promise<MailWorld> {
    const world = await MailWorld.start();
    worlds.push(world);
    await world.open("bob", { mode: "take" });
    for (let said = 0; said < 450; said += 1) world.say({ message_id: `m${said}`, from: `agent${said % 9}` });
    await world.store.settled();
    let now = 1_000;
    vi.spyOn(world.clock, "monotonic").mockImplementation(() => (now += 1));
    return world;
  }

  /** What is counted of the box at the end of each turn of the loop, until `work` is done. */
  async function turnByTurn(world: MailWorld, state: "leased" | "done", work: Promise<unknown>): Promise<number[]> {
    const seen: number[] = [];
    const over = work.then(() => "over");
    const turn = (): Promise<string> => new Promise((resolve) => setImmediate(resolve, "turn"));
    do seen.push(world.counts[state]);
    while ((await Promise.race([over, turn()])) === "turn");
    return [...seen, world.counts[state]];
  }

  const steps = (counts: readonly number[]): number[] => counts.slice(1).map((count, at) => count - (counts[at] ?? 0));

  it("are taken in many turns of the loop, a few in each", async () => {
    const world = await slow();
    const taking = world.take({ max: 450 });
    const leased = await turnByTurn(world, "leased", taking);
    expect([leased.at(-1), new Set((await taking).map(({ id }) => id)).size]).toEqual([450, 450]);
    expect(Math.max(...steps(leased))).toBeLessThanOrEqual(100);
  });

  it("are in order in one answer, whatever comes in between", async () => {
    const world = await slow();
    const [first] = await world.take({ max: 1 });
    const taking = world.take({ max: 449 });
    world.say({ message_id: "urgent", priority: "HIGH", from: "agent9" });
    await world.store.settled();
    world.box().taking.release([first?.delivery ?? ""], 0);
    const ids = (await taking).map(({ id }) => id);
    expect(ids.slice(0, 3)).toEqual(["urgent", "m0", "m1"]);
    expect(ids).toHaveLength(449);
  });

  it("are settled in many turns, and each is named in the order in which it was asked for", async () => {
    const world = await slow();
    const ids = (await world.take({ max: 450 })).map(({ delivery }) => delivery);
    const settling = world.box().taking.inSlices(ids, (taking, some) => taking.done(some));
    const done = await turnByTurn(world, "done", settling);
    expect(done.at(-1)).toBe(450);
    expect(Math.max(...steps(done))).toBeLessThanOrEqual(100);
    expect(await settling).toEqual(ids.map((deliveryId) => ({ deliveryId, state: "done" })));
  });

  it("are shared by two who take at the same time: nobody gets what the other has", async () => {
    const world = await slow();
    const taken = await Promise.all([world.take({ max: 300 }), world.take({ max: 300 })]);
    expect(new Set(taken.flat().map(({ id }) => id)).size).toBe(450);
    expect(taken.flat()).toHaveLength(450);
  });
});
