import { describe, expect, it } from "vitest";
import { Receipts } from "../../../../clients/typescript/agent-network/delivery/receipts.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";

class World {
  readonly clock = new FakeClock();
  readonly calls: { readonly peer: string; readonly conversationId: string; readonly take: () => readonly string[] }[] =
    [];
  readonly receipts = new Receipts(this.clock, (peer, conversationId, take) => {
    this.calls.push({ peer, conversationId, take });
  });

  process(peer: string, from: number, to: number): void {
    for (let n = from; n <= to; n += 1) this.receipts.processed(peer, "talk", `m${n}`);
  }

  /** The ids of the receipts that were called, each taken now. */
  taken(): readonly (readonly string[])[] {
    return this.calls.splice(0).map(({ take }) => take());
  }
}

describe("receipts", () => {
  it("are gathered for 200 ms at most", () => {
    const world = new World();
    world.process("bob", 1, 1);
    world.clock.advance(150);
    world.process("bob", 2, 3);
    world.clock.advance(49);
    expect(world.calls).toEqual([]);
    world.clock.advance(1);
    expect(world.calls).toMatchObject([{ peer: "bob", conversationId: "talk" }]);
    expect(world.taken()).toEqual([["m1", "m2", "m3"]]);
    world.clock.advance(10_000);
    expect(world.calls).toEqual([]);
    expect(world.clock.waiting).toBe(0);
  });

  it("are one for each conversation", () => {
    const world = new World();
    world.process("bob", 1, 2);
    world.process("eve", 3, 3);
    world.receipts.processed("bob", "another", "m4");
    world.clock.advance(200);
    expect(world.taken()).toEqual([["m1", "m2"], ["m3"], ["m4"]]);
  });

  it("hold 100 ids at most, and are called at once when there are so many", () => {
    const world = new World();
    world.process("bob", 1, 99);
    expect(world.calls).toEqual([]);
    world.process("bob", 100, 250);
    const [first = []] = world.taken();
    expect(first).toHaveLength(100);
    world.clock.advance(0);
    const [second = []] = world.taken();
    world.clock.advance(0);
    const [third = []] = world.taken();
    expect([...first, ...second, ...third]).toEqual(Array.from({ length: 250 }, (_, n) => `m${n + 1}`));
  });

  it("go on gathering until their turn on the line comes", () => {
    const world = new World();
    world.process("bob", 1, 1);
    world.clock.advance(200);
    world.process("bob", 2, 5);
    world.clock.advance(5_000);
    expect(world.calls).toHaveLength(1);
    expect(world.taken()).toEqual([["m1", "m2", "m3", "m4", "m5"]]);
  });

  it("name a message once, however often it came, and again when it comes later", () => {
    const world = new World();
    for (let n = 0; n < 50; n += 1) world.process("bob", 1, 1);
    world.clock.advance(200);
    expect(world.taken()).toEqual([["m1"]]);
    world.process("bob", 1, 1);
    world.clock.advance(200);
    expect(world.taken()).toEqual([["m1"]]);
  });

  it("fit into a frame, however long and odd the ids are", () => {
    const world = new World();
    const ids = Array.from({ length: 100 }, (_, n) => `${n}${"\u0001".repeat(250)}`);
    for (const id of ids) world.receipts.processed("bob", "talk", id);
    const taken: string[] = [];
    while (taken.length < 100) {
      const [some = []] = world.taken();
      expect(JSON.stringify(some).length).toBeLessThan(36_000);
      expect(some.length).toBeGreaterThan(0);
      taken.push(...some);
      world.clock.advance(0);
    }
    expect(taken).toEqual(ids);
  });

  it("are forgotten beyond 1,000 of a conversation and 4,096 conversations, the oldest first", () => {
    const world = new World();
    world.process("bob", 1, 5_000);
    const ids: string[] = [];
    while (world.calls.length > 0) {
      ids.push(...world.taken().flat());
      world.clock.advance(0);
    }
    expect(ids).toHaveLength(1_000);
    expect(ids[0]).toBe("m4001");
    for (let n = 0; n < 5_000; n += 1) world.process(`peer-${n}`, 1, 1);
    expect(world.clock.waiting).toBe(4_096);
    world.clock.advance(200);
    expect(world.calls).toHaveLength(4_096);
    expect(world.calls[0]?.peer).toBe("peer-904");
  });

  it("are owed no more once closed", () => {
    const world = new World();
    world.process("bob", 1, 3);
    world.receipts.close();
    expect(world.clock.waiting).toBe(0);
  });
});
