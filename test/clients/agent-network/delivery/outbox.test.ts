import { describe, expect, it } from "vitest";
import { countersOf, OutboxWorld } from "../../../kit/outbox-world.js";

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
    world.clock.advance(70);
    world.outbox.receipt("bob", ["m1"]);
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent", "delivered"]);
    expect(world.reports.at(-1)).toMatchObject({ tookMs: 70 });
    expect([...world.disk.rows.keys()]).toEqual([]);
    expect(world.outbox.size).toBe(0);
  });

  it("is off the disk before the application is told", async () => {
    const world = await OutboxWorld.ready("bob");
    await world.add("m1");
    let told: readonly string[] = [];
    world.disk.before = () => {
      told = world.told("m1");
      return Promise.resolve();
    };
    world.outbox.receipt("bob", ["m1"]);
    await world.outbox.settled();
    expect(told).toEqual(["kept", "sent"]);
  });

  it("is refused as a whole where the disk does not take it, and what is said behind it is not held up", async () => {
    const world = await OutboxWorld.ready("bob");
    world.disk.failure = new Error("the disk is full");
    const first = world.add("m1");
    world.disk.failure = undefined;
    await Promise.all([expect(first).rejects.toThrow("the disk is full"), world.add("m2")]);
    expect(world.said()).toMatchObject([{ messageId: "m2", content: { counter: 1 } }]);
    expect(world.outbox.size).toBe(1);
    expect(world.told("m1")).toEqual([]);
  });

  it("leaves in the order in which it was said, however long the disk takes for each", async () => {
    const world = await OutboxWorld.here("bob");
    let finish = (): void => undefined;
    world.disk.before = () => new Promise((resolve) => (finish = resolve));
    const first = world.add("m1");
    world.disk.before = () => Promise.resolve();
    await world.add("m2");
    expect(world.said()).toEqual([]);
    finish();
    await first;
    expect(world.saidIds()).toEqual(["m1", "m2"]);
  });

  it("goes to a new recipient one at a time, until the broker has it", async () => {
    const world = await OutboxWorld.ready("bob");
    await world.add("m1");
    await world.add("m2");
    await world.add("m3");
    expect(world.saidIds()).toEqual(["m1"]);
    world.outbox.acked("m1");
    expect(world.saidIds()).toEqual(["m2", "m3"]);
  });

  it("goes on without the broker's ACK once its time is over", async () => {
    const world = await OutboxWorld.ready("bob");
    await world.add("m1");
    await world.add("m2");
    world.said();
    world.clock.advance(5_000);
    expect(world.saidIds()).toEqual(["m1", "m2"]);
  });

  it("has 256 frames of a conversation without receipt on the line at most", async () => {
    const world = await OutboxWorld.here("bob");
    for (let n = 1; n <= 300; n += 1) await world.add(`m${n}`);
    expect(world.saidIds()).toHaveLength(256);
    world.outbox.receipt("bob", ["m1", "m2"]);
    expect(world.saidIds()).toEqual(["m257", "m258"]);
  });

  it("is no longer taken when 1,000 messages wait for the recipient, and others are not held up by that", async () => {
    const world = await OutboxWorld.ready("bob", "eve");
    world.outbox.lineDown();
    for (let n = 1; n <= 1_000; n += 1) await world.add(`m${n}`);
    await expect(world.add("m1001")).rejects.toMatchObject({
      kind: "full",
      message: expect.stringContaining("wait until some are delivered") as string,
    });
    await world.add("other", { recipientId: "eve" });
    expect(world.outbox.size).toBe(1_001);
  });

  it("is no longer taken when 64 MiB wait", async () => {
    const world = await OutboxWorld.ready("bob");
    world.outbox.lineDown();
    const content = { text: "x".repeat(60_000) };
    let taken = 0;
    const fill = async (): Promise<void> => {
      for (; taken < 2_000; taken += 1) await world.add(`m${taken}`, { content, recipientId: `peer-${taken % 5}` });
    };
    await expect(fill()).rejects.toMatchObject({ kind: "full" });
    expect(taken).toBeGreaterThan(1_000);
    expect(taken).toBeLessThan((64 * 1024 * 1024) / 60_000);
    await world.outbox.settled();
    expect(world.outbox.size).toBe(taken);
  });

  it("is refused under an id that waits already, and taken when that is done", async () => {
    const world = await OutboxWorld.ready("bob");
    await world.add("m1");
    await expect(world.add("m1")).rejects.toMatchObject({ kind: "repeated" });
    world.outbox.receipt("bob", ["m1"]);
    await world.outbox.settled();
    await world.add("m1");
    expect(world.saidIds()).toEqual(["m1", "m1"]);
  });

  it("is refused when the outbox is closed, and no timer is left", async () => {
    const world = await OutboxWorld.ready("bob");
    await world.add("m1");
    world.outbox.close();
    await expect(world.add("m2")).rejects.toMatchObject({ kind: "closed" });
    expect(world.clock.waiting).toBe(0);
    expect([...world.disk.rows.keys()]).toEqual(["m1"]);
  });

  it("hears nothing any more once closed: no disk is touched, no timer set", async () => {
    const world = await OutboxWorld.here("bob");
    await world.add("m1");
    world.outbox.close();
    world.outbox.receipt("bob", ["m1"]);
    world.refuse("m1", "SERVER_ERROR");
    world.refuse("m1", "RECIPIENT_NOT_FOUND");
    world.outbox.acked("m1");
    world.outbox.ready("bob", "talk");
    world.outbox.lineUp();
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent"]);
    expect(world.disk.rows.has("m1")).toBe(true);
    expect(world.clock.waiting).toBe(0);
  });

  it("ends after seven days whatever end is named, and at once where that is past", async () => {
    const world = await OutboxWorld.ready("bob");
    world.outbox.lineDown();
    await world.add("m1", { expiresAt: Number.NaN });
    await world.add("m2", { expiresAt: Infinity });
    await world.add("m3", { expiresAt: -1 });
    world.clock.advance(1_000);
    await world.outbox.settled();
    expect(world.told("m3")).toEqual(["kept", "failed: expired"]);
    world.clock.advance(7 * 24 * 3_600_000 - 2_000);
    await world.outbox.settled();
    expect(world.outbox.size).toBe(2);
    world.clock.advance(2_000);
    await world.outbox.settled();
    expect(world.outbox.size).toBe(0);
  });

  it("fails alone where it cannot be sealed", async () => {
    const world = await OutboxWorld.here("bob");
    await world.add("m1", { content: { odd: true } });
    await world.add("m2");
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "failed: not-sealed"]);
    expect(world.reports.find(({ state }) => state === "failed")?.message).toContain("half a character");
    expect(countersOf(world.said())).toEqual([2]);
    expect(world.keys.renewals).toBe(0);
  });
});

describe("plain messages", () => {
  const plain = { metadata: { priority: "NORMAL", encrypted: false } };

  it("need no key and no receipt: the broker's ACK is enough", async () => {
    const world = await OutboxWorld.ready();
    await world.add("m1", plain);
    expect(world.said()).toMatchObject([
      { messageId: "m1", messageType: "INFORM", content: { text: "m1" }, metadata: { encrypted: false } },
    ]);
    world.outbox.acked("m1");
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent", "delivered"]);
  });

  it("leave one after the other, since they have no counter that restores their order", async () => {
    const world = await OutboxWorld.ready();
    await world.add("m1", plain);
    world.outbox.acked("m1");
    await world.add("m2", plain);
    await world.add("m3", plain);
    expect(world.saidIds()).toEqual(["m1", "m2"]);
    world.refuse("m2", "SERVER_ERROR");
    expect(world.saidIds()).toEqual([]);
    world.clock.advance(5_000);
    expect(world.saidIds()).toEqual(["m2"]);
    world.outbox.acked("m2");
    expect(world.saidIds()).toEqual(["m3"]);
  });

  it("are never what a sealed message becomes, and no receipt of a peer ends one", async () => {
    const world = await OutboxWorld.ready();
    await world.add("m1", plain);
    await world.add("m2", { metadata: {} });
    world.outbox.receipt("bob", ["m1"]);
    await world.outbox.settled();
    expect(world.outbox.size).toBe(2);
    world.refuse("m1", "ENCRYPTION_ERROR", { recoverable: false });
    world.outbox.lineDown();
    world.outbox.lineUp();
    world.clock.advance(600_000);
    expect(world.said().filter(({ messageId }) => messageId === "m2")).toEqual([]);
  });
});

describe("a peer in seed mode", () => {
  it("has no receipts: its messages are delivered when the broker acknowledges them", async () => {
    const world = await OutboxWorld.ready();
    world.keys.modes.set("bob", "seed");
    world.keys.complete("bob", "talk");
    await world.add("m1");
    await world.add("m2");
    expect(world.said()).toMatchObject([{ messageId: "m1", messageType: "ENCRYPTED" }]);
    world.outbox.receipt("bob", ["m1"]); // anybody could have written it
    expect(world.saidIds()).toEqual([]);
    world.outbox.acked("m1");
    world.outbox.acked("m2"); // not said yet
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent", "delivered"]);
    expect(world.saidIds()).toEqual(["m2"]);
  });

  it("is offered a handshake for another conversation only until it has answered in one", async () => {
    const world = await OutboxWorld.ready();
    world.keys.modes.set("bob", "seed");
    await world.add("m1");
    const [offer] = world.said();
    world.outbox.acked(offer?.messageId ?? "");
    await world.add("m2", { conversationId: "other" });
    expect(world.said()).toMatchObject([{ messageType: "HANDSHAKE", conversationId: "other" }]);
    world.keys.complete("bob", "talk");
    world.keys.complete("bob", "other");
    world.outbox.ready("bob", "talk");
    expect(new Set(world.saidIds())).toEqual(new Set(["m1", "m2"]));
  });
});

describe("after a restart", () => {
  it("what was kept is told, and said in its order, before anything new", async () => {
    const before = await OutboxWorld.ready("bob");
    before.outbox.lineDown();
    for (const id of ["m1", "m2", "m3"]) await before.add(id);
    before.outbox.close();
    const world = new OutboxWorld(before.disk);
    await world.outbox.open();
    expect(world.reports.map(({ messageId, state }) => `${messageId} ${state}`)).toEqual([
      "m1 kept",
      "m2 kept",
      "m3 kept",
    ]);
    await world.add("m4");
    world.keys.complete("bob", "talk");
    world.outbox.lineUp();
    world.outbox.acked("m1");
    expect(world.saidIds()).toEqual(["m1", "m2", "m3", "m4"]);
  });

  it("ends what has reached its end meanwhile", async () => {
    const before = await OutboxWorld.ready("bob");
    before.outbox.lineDown();
    await before.add("m1", { expiresAt: before.clock.now() + 1_000 });
    await before.add("m2");
    before.outbox.close();
    const world = new OutboxWorld(before.disk);
    world.clock.advance(2_000);
    await world.outbox.open();
    world.clock.advance(1_000);
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "failed: expired"]);
    world.clock.advance(7 * 24 * 3_600_000);
    await world.outbox.settled();
    expect(world.told("m2")).toEqual(["kept", "failed: expired"]);
    expect(world.clock.waiting).toBe(0);
  });

  it("says a message again that the disk does not let go, and tells of the disk", async () => {
    const world = await OutboxWorld.ready("bob");
    await world.add("m1");
    world.disk.failure = new Error("the disk is gone");
    world.outbox.receipt("bob", ["m1"]);
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent", "delivered"]);
    expect(world.problems).toEqual([world.disk.failure]);
    expect(world.outbox.size).toBe(0);
  });
});
