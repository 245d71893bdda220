import { describe, expect, it } from "vitest";
import { countersOf, OutboxWorld } from "../../../kit/outbox-world.js";

const minute = 60_000;

/** Seconds after which each id was said, from now on. */
function whenSaid(world: OutboxWorld, id: string, seconds: number): readonly number[] {
  const at: number[] = [];
  for (let second = 1; second <= seconds; second += 1) {
    world.clock.advance(1_000);
    for (const said of world.saidIds()) if (said === id) at.push(second);
  }
  return at;
}

describe("without a receipt", () => {
  it("the identical frame is said again after 5 s, 10 s, 20 s … 5 min, 8 times in all, then it fails", async () => {
    const world = await OutboxWorld.here("bob");
    await world.add("m1");
    const [first] = world.said();
    world.outbox.acked("m1");
    world.clock.advance(5_000);
    expect(world.said().find(({ messageId }) => messageId === "m1")).toBe(first);
    expect(whenSaid(world, "m1", 1_000)).toEqual([10, 30, 70, 150, 310, 610]);
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent", "failed: no-receipt"]);
    const failed = world.reports.find(({ state }) => state === "failed");
    expect(failed?.message).toContain("ask before saying it again");
  });

  it("a given up message does not stall what is behind it: the rest is sealed anew from 1", async () => {
    const world = await OutboxWorld.here("bob");
    await world.add("m1", { expiresAt: world.clock.now() + 2_000 });
    await world.add("m2");
    await world.add("m3");
    expect(countersOf(world.said())).toEqual([2, 3, 4]);
    world.clock.advance(2_000);
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent", "failed: expired"]);
    expect(world.keys.renewals).toBe(1);
    expect(world.said()).toMatchObject([{ messageType: "HANDSHAKE", conversationId: "talk" }]);
    await world.add("m4");
    expect(world.said()).toEqual([]);
    world.keys.complete("bob", "talk");
    world.outbox.ready("bob", "talk");
    const frames = world.said();
    expect(frames.map(({ messageId }) => messageId)).toEqual(["m2", "m3", "m4"]);
    expect(countersOf(frames)).toEqual([1, 2, 3]);
  });

  it("what is said after the last message was given up needs a new key first, however long that is ago", async () => {
    const world = await OutboxWorld.here("bob");
    await world.add("m1", { expiresAt: world.clock.now() + 2_000 });
    world.clock.advance(60 * minute);
    await world.outbox.settled();
    expect(world.outbox.size).toBe(1); // of the other conversation
    world.said();
    await world.add("m2");
    expect(world.said()).toMatchObject([{ messageType: "HANDSHAKE", conversationId: "talk" }]);
    world.keys.complete("bob", "talk");
    world.outbox.ready("bob", "talk");
    expect(countersOf(world.said())).toEqual([1]);
  });

  it("the tries of those behind count from each receipt, since the peer gets to them one after the other", async () => {
    const world = await OutboxWorld.here("bob");
    for (const id of ["m1", "m2", "m3"]) await world.add(id);
    for (const [round, id] of ["m1", "m2"].entries()) {
      world.clock.advance(14 * minute);
      await world.outbox.settled();
      expect(world.outbox.size).toBe(4 - round);
      world.outbox.receipt("bob", [id]);
    }
    world.clock.advance(14 * minute);
    world.outbox.receipt("bob", ["m3"]);
    await world.outbox.settled();
    for (const id of ["m1", "m2", "m3"]) expect(world.told(id)).toEqual(["kept", "sent", "delivered"]);
  });

  it("a line that breaks again and again is no try", async () => {
    const world = await OutboxWorld.here("bob");
    await world.add("m1");
    for (let cut = 0; cut < 50; cut += 1) {
      world.clock.advance(4_000);
      world.outbox.lineDown();
      world.clock.advance(4_000);
      world.outbox.lineUp();
      world.outbox.acked("m1");
    }
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent"]);
    expect(world.saidIds().filter((id) => id === "m1")).toHaveLength(51);
  });
});

describe("after a new handshake", () => {
  it("all that has no receipt is sealed anew, under its id and in its order", async () => {
    const world = await OutboxWorld.here("bob");
    for (const id of ["m1", "m2", "m3"]) await world.add(id);
    world.outbox.receipt("bob", ["m2"]);
    const before = world.said();
    world.keys.complete("bob", "talk");
    world.outbox.ready("bob", "talk");
    const frames = world.said();
    expect(frames.map(({ messageId }) => messageId)).toEqual(["m1", "m3"]);
    expect(countersOf(frames)).toEqual([1, 2]);
    expect(frames[0]?.content["key"]).not.toBe(before[0]?.content["key"]);
    expect(frames[0]?.content["data"]).toEqual(before[0]?.content["data"]);
  });

  it("which was only repeated, nothing is", async () => {
    const world = await OutboxWorld.here("bob");
    await world.add("m1");
    world.said();
    world.outbox.ready("bob", "talk", false);
    expect(world.said()).toEqual([]);
  });

  it("a receipt of the frame before is a receipt, and its counter is not lost", async () => {
    const world = await OutboxWorld.here("bob");
    for (const id of ["m1", "m2"]) await world.add(id);
    world.outbox.lineDown();
    world.keys.complete("bob", "talk");
    world.outbox.ready("bob", "talk");
    world.outbox.lineUp();
    expect(countersOf(world.said()).at(-1)).toBe(1); // m1, on the line
    world.outbox.receipt("bob", ["m1"]); // of the frame of before
    world.outbox.lineDown(); // and the frame of now is lost
    world.said();
    world.outbox.lineUp();
    for (const id of world.saidIds()) world.outbox.acked(id);
    expect(world.said().filter(({ conversationId }) => conversationId === "talk")).toMatchObject([
      { messageType: "HANDSHAKE" },
    ]);
    expect(world.keys.renewals).toBe(1);
  });

  describe("a receipt of the frame before says nothing of the counter of now, nor does its ACK", () => {
    /** m1 was delivered by the receipt of its first frame; the second is acknowledged. */
    async function doubted(): Promise<OutboxWorld> {
      const world = await OutboxWorld.here("bob");
      await world.add("m1");
      world.keys.complete("bob", "talk");
      world.outbox.ready("bob", "talk");
      world.outbox.acked("m1");
      world.outbox.receipt("bob", ["m1"]);
      await world.outbox.settled();
      expect(world.told("m1")).toEqual(["kept", "sent", "delivered"]);
      expect(countersOf(world.said())).toEqual([2, 1]);
      await world.add("m2");
      world.outbox.acked("m2");
      expect(countersOf(world.said())).toEqual([2]);
      return world;
    }

    it("if the next message has no receipt, the peer may wait for that counter: there is a new key", async () => {
      const world = await doubted();
      world.clock.advance(5_000);
      expect(world.said().filter(({ conversationId }) => conversationId === "talk")).toMatchObject([
        { messageType: "HANDSHAKE" },
      ]);
      world.keys.complete("bob", "talk");
      world.outbox.ready("bob", "talk");
      expect(countersOf(world.said())).toEqual([1]);
    });

    it("if it has one, the counter has come", async () => {
      const world = await doubted();
      world.outbox.receipt("bob", ["m2"]);
      await world.add("m3");
      const [m3] = world.said();
      world.clock.advance(5_000);
      expect(world.said().find(({ messageId }) => messageId === "m3")).toBe(m3);
      expect(world.keys.renewals).toBe(0);
    });
  });

  it("that was wanted without a message, it is offered eight times, then no more", async () => {
    const world = await OutboxWorld.ready("bob");
    world.keys.renew("bob", "talk");
    world.outbox.offerWanted("bob", "talk");
    world.clock.advance(24 * 60 * minute);
    expect(world.said().map(({ messageType }) => messageType)).toEqual(Array<string>(8).fill("HANDSHAKE"));
    expect(world.clock.waiting).toBe(0);
  });

  it("asked for by the name of somebody who is not here, or of another dialect, it is forgotten", async () => {
    const world = await OutboxWorld.ready();
    for (const code of ["RECIPIENT_NOT_FOUND", "ENCRYPTION_ERROR"])
      for (let n = 0; n < 5_000; n += 1) {
        world.outbox.offerWanted(`stranger-${code}-${n}`, "talk");
        const [offer] = world.said();
        expect(offer?.messageType).toBe("HANDSHAKE");
        world.refuse(offer?.messageId ?? "", code, { recoverable: code === "RECIPIENT_NOT_FOUND" });
      }
    world.clock.advance(60 * minute);
    expect(world.said()).toEqual([]);
    expect(world.clock.waiting).toBe(0);
  });

  it("wanted in more conversations than may be, it is not offered in the others", async () => {
    const world = await OutboxWorld.ready();
    for (let n = 0; n < 5_000; n += 1) world.outbox.offerWanted("bob", `talk-${n}`);
    const [asked] = world.said();
    world.outbox.acked(asked?.messageId ?? "");
    world.clock.advance(1_000);
    expect(world.said()).toHaveLength(4_095);
  });
});

describe("a peer whose key has changed", () => {
  it("hears nothing until the application has accepted the key, and the application is told why", async () => {
    const world = await OutboxWorld.ready("bob");
    world.keys.of("bob", "talk").state = "refused";
    await world.add("m1");
    world.clock.advance(60 * minute);
    expect(world.said()).toEqual([]);
    expect(world.told("m1")).toEqual(["kept", "waiting"]);
    expect(world.reports.at(-1)?.message).toContain("accept its fingerprint");
    world.keys.of("bob", "talk").state = "none";
    world.outbox.keyAccepted("bob");
    expect(world.said()).toMatchObject([{ messageType: "HANDSHAKE" }]);
  });
});
