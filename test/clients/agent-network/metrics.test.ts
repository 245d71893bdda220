import { describe, expect, it } from "vitest";
import { Metrics } from "../../../clients/typescript/agent-network/metrics.js";
import { OutboxWorld } from "../../kit/outbox-world.js";

const head = { recipientId: "bob", conversationId: "talk" };

describe("metrics", () => {
  it("sent is delivered, failed and waiting together, at every moment", async () => {
    const world = await OutboxWorld.here("bob");
    const metrics = new Metrics();
    let read = 0;
    const check = (waiting: number): void => {
      for (; read < world.reports.length; read += 1) {
        const report = world.reports[read];
        if (report !== undefined) metrics.report(report);
        const { sent, delivered, failed, waiting: left } = metrics.read().messages;
        expect(delivered + failed + left).toBe(sent);
        expect(left).toBeGreaterThanOrEqual(0);
      }
      expect(metrics.read().messages.waiting).toBe(waiting);
      expect(world.outbox.size).toBe(waiting);
    };
    check(1);
    for (let n = 1; n <= 10; n += 1) await world.add(`m${n}`);
    check(11);
    world.outbox.receipt("bob", ["m1", "m2", "m3"]);
    await world.outbox.settled();
    check(8);
    world.refuse("m4", "INVALID_MESSAGE_FORMAT", { recoverable: false });
    await world.outbox.settled();
    check(7);
    await expect(world.add("m5")).rejects.toThrow();
    check(7);
    world.refuse("m5", "ENCRYPTION_ERROR", { recoverable: false });
    await world.outbox.settled();
    check(0);
    expect(metrics.read().messages).toMatchObject({ sent: 12, delivered: 4, failed: 8 });
    expect(metrics.read().failedFor).toMatchObject({ invalid: 1, "other-dialect": 7, expired: 0 });
  });

  it("tells how long deliveries took, of the last thousand or so", () => {
    const metrics = new Metrics();
    for (let ms = 1; ms <= 100; ms += 1)
      metrics.report({ messageId: `m${ms}`, ...head, state: "delivered", tookMs: 101 - ms });
    expect(metrics.read().deliveryMs).toEqual({ count: 100, p50: 50, p90: 90, p99: 99, max: 100 });
    for (let n = 0; n < 5_000; n += 1) metrics.report({ messageId: "m", ...head, state: "delivered", tookMs: 7 });
    expect(metrics.read().deliveryMs).toEqual({ count: 5_100, p50: 7, p90: 7, p99: 7, max: 7 });
  });

  it("counts connections, how long each took to be made, and those after the first", () => {
    const metrics = new Metrics();
    expect(metrics.read()).toMatchObject({ connections: 0, reconnections: 0, connectingMs: { count: 0, p50: 0 } });
    for (const ms of [10, 30, 20]) metrics.connected(ms);
    metrics.heard();
    expect(metrics.read()).toMatchObject({
      connections: 3,
      reconnections: 2,
      connectingMs: { count: 3, p50: 20, max: 30 },
      messages: { heard: 1 },
    });
  });
});
