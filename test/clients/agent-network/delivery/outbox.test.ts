import { describe, expect, it } from "vitest";
import type { FakeSealed } from "../../../kit/outbox-world.js";
import { OutboxWorld } from "../../../kit/outbox-world.js";

const counters = (world: OutboxWorld): readonly unknown[] =>
  world.said().map(({ content }) => (content as unknown as FakeSealed).counter);

describe("what is said", () => {
  it("is on disk before it is on the line", async () => {
    const world = await OutboxWorld.ready("bob");
    const order: string[] = [];
    world.disk.before = () => {
      order.push("disk");
      return Promise.resolve();
    };
    world.takes = () => {
      order.push("line");
      return true;
    };
    await world.add("m1");
    expect(order).toEqual(["disk", "line"]);
    expect(world.told("m1")).toEqual(["kept", "sent"]);
  });

  it("is sealed, and goes off the disk with its receipt", async () => {
    const world = await OutboxWorld.ready("bob");
    await world.add("m1", { content: { text: "hello" } });
    const [frame] = world.said();
    expect(frame).toMatchObject({
      messageId: "m1",
      conversationId: "talk",
      senderId: "ada",
      recipientId: "bob",
      messageType: "ENCRYPTED",
      metadata: { priority: "NORMAL", encrypted: true },
      content: { counter: 1, data: { text: "hello" }, originalType: "INFORM" },
    });
    world.outbox.acked("m1");
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent"]);
    world.outbox.receipt("bob", ["m1"]);
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent", "delivered"]);
    expect([...world.disk.rows.keys()]).toEqual([]);
    expect(world.outbox.size).toBe(0);
  });

  it("waits for a handshake, which is offered and offered again until it is answered", async () => {
    const world = await OutboxWorld.ready();
    await world.add("m1");
    const [offer] = world.said();
    expect(offer).toMatchObject({ messageType: "HANDSHAKE", recipientId: "bob", conversationId: "talk" });
    expect(offer?.metadata).toEqual({ priority: "HIGH", encrypted: false, requiresResponse: true });
    expect(world.told("m1")).toEqual(["kept", "waiting"]);
    world.clock.advance(4_999);
    expect(world.said()).toEqual([]);
    world.clock.advance(1);
    expect(world.said()).toMatchObject([{ messageType: "HANDSHAKE" }]);
    world.clock.advance(9_999);
    expect(world.said()).toEqual([]);
    world.clock.advance(1);
    expect(world.said()).toMatchObject([{ messageType: "HANDSHAKE" }]);
    world.keys.complete("bob", "talk");
    world.outbox.ready("bob", "talk");
    expect(counters(world)).toEqual([1]);
    expect(world.told("m1")).toEqual(["kept", "waiting", "sent"]);
  });
});
