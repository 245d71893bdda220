import { describe, expect, it } from "vitest";
import type { NetworkFrame } from "../../../../clients/typescript/agent-network/frames.js";
import { OutboxWorld } from "../../../kit/outbox-world.js";

const frame = (messageId: string, more: Partial<NetworkFrame> = {}): NetworkFrame => ({
  messageId,
  conversationId: "talk",
  senderId: "ada",
  recipientId: "bob",
  messageType: "HANDSHAKE",
  content: {},
  timestamp: 0,
  metadata: {},
  ...more,
});

/** Peers who are here, and so much of the pace used up that nothing may be said for now. */
async function slow(...peers: readonly string[]): Promise<OutboxWorld> {
  const world = await OutboxWorld.here(...peers);
  world.outbox.rate({ messagesPerSecond: 10, messageBurst: 1 });
  world.outbox.answer(frame("uses the pace up"));
  expect(world.said()).toHaveLength(1);
  return world;
}

/** The next so many that are said, at nine a second. */
function saidNext(world: OutboxWorld, count: number): readonly string[] {
  world.clock.advance(count * 112);
  return world.saidIds();
}

describe("on a slow line", () => {
  it("45 go at once and 9 a second then, as long as the broker says nothing else", async () => {
    const world = new OutboxWorld();
    await world.outbox.open();
    for (let n = 0; n < 100; n += 1) world.outbox.answer(frame(`a${n}`));
    world.outbox.lineUp();
    expect(world.said()).toHaveLength(45);
    world.clock.advance(1_000);
    expect(world.said()).toHaveLength(9);
    world.outbox.lineDown();
    world.outbox.lineUp();
    expect(world.said()).toEqual([]);
  });

  it("HIGH goes first among conversations, LOW last, and within one the order is kept", async () => {
    const world = await slow("bob", "eve", "kim");
    await world.add("low", { recipientId: "kim", metadata: { priority: "LOW" } });
    await world.add("normal");
    await world.add("before", { recipientId: "eve", metadata: { priority: "LOW" } });
    await world.add("high", { recipientId: "eve", metadata: { priority: "critical" } });
    expect(saidNext(world, 4)).toEqual(["before", "high", "normal", "low"]);
  });

  it("equals take turns, however much one of them says", async () => {
    const world = await slow("bob", "eve");
    for (const id of ["b1", "b2", "b3"]) await world.add(id);
    for (const id of ["e1", "e2", "e3"]) await world.add(id, { recipientId: "eve" });
    expect(saidNext(world, 6)).toEqual(["b1", "e1", "b2", "e2", "b3", "e3"]);
  });

  it("answers and receipts go ahead, but for every fourth frame", async () => {
    const world = await slow("bob");
    for (const id of ["m1", "m2"]) await world.add(id);
    for (let n = 1; n <= 6; n += 1) {
      const made = frame(`receipt-${n}`, { conversationId: "other" });
      world.outbox.answer(n % 2 === 0 ? made : () => made);
    }
    // One that went ahead has just used the pace up.
    const said = saidNext(world, 8).map((id) => id.startsWith("receipt"));
    expect(said).toEqual([true, true, false, true, true, true, false, true]);
  });

  it("an answer goes before what is sealed with its key, whoever's turn it is", async () => {
    const world = await slow("bob", "eve");
    for (let n = 0; n < 3; n += 1)
      world.outbox.answer(frame(`to-eve-${n}`, { recipientId: "eve", conversationId: "x" }));
    world.outbox.answer(frame("to-bob"));
    await world.add("m1");
    const said = saidNext(world, 5);
    expect(said.indexOf("to-bob")).toBeLessThan(said.indexOf("m1"));
    expect(said).toHaveLength(5);
  });

  it("a receipt is made when its turn comes, and one that is not needed any more costs nothing", async () => {
    const world = await slow("bob");
    let made = 0;
    world.outbox.answer(() => {
      made += 1;
      return undefined;
    });
    world.outbox.answer(() => {
      throw new Error("no key");
    });
    await world.add("m1");
    expect(made).toBe(0);
    expect(saidNext(world, 1)).toEqual(["m1"]);
    expect(made).toBe(1);
    expect(world.problems).toMatchObject([{ message: "no key" }]);
  });

  it("256 answers wait at most, and none outlives its line; receipts do", async () => {
    const world = await OutboxWorld.ready("bob");
    world.outbox.lineDown();
    for (let n = 0; n < 1_000; n += 1) world.outbox.answer(frame(`a${n}`));
    world.outbox.lineUp();
    world.clock.advance(1_000);
    expect(world.said()).toHaveLength(256);
    world.outbox.lineDown();
    world.outbox.answer(() => frame("receipt"));
    world.outbox.answer(frame("answer"));
    world.outbox.lineDown();
    world.outbox.lineUp();
    expect(world.saidIds()).toEqual(["receipt"]);
  });

  it("a line that takes nothing is tried again after a second", async () => {
    const world = await OutboxWorld.here("bob");
    world.takes = () => false;
    await world.add("m1");
    world.takes = () => true;
    world.clock.advance(999);
    expect(world.said()).toEqual([]);
    world.clock.advance(1);
    expect(world.said()).toMatchObject([{ messageId: "m1", content: { counter: 2 } }]);
  });

  it("a thousand messages at once leave time for others", async () => {
    const world = await OutboxWorld.ready();
    world.outbox.lineDown();
    for (let n = 0; n < 1_000; n += 1)
      await world.add(`m${n}`, { recipientId: `room-${n}`, metadata: { encrypted: false } });
    world.outbox.lineUp();
    expect(world.said()).toHaveLength(64);
    world.clock.advance(0);
    expect(world.said()).toHaveLength(936);
  });
});
