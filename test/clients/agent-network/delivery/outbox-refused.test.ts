import { describe, expect, it } from "vitest";
import { OutboxWorld } from "../../../kit/outbox-world.js";

/** What is said in the conversation that these tests look at. */
const saidInTalk = (world: OutboxWorld): readonly string[] =>
  world.said().flatMap(({ conversationId, messageId }) => (conversationId === "talk" ? [messageId] : []));

describe("an ERROR of the broker", () => {
  it("RATE_LIMIT_EXCEEDED: the same frame again after retryAfter, no try, and slower from then on", async () => {
    const world = await OutboxWorld.here("bob");
    world.outbox.rate({ messagesPerSecond: 100, messageBurst: 100 });
    await world.add("m1");
    world.said();
    for (let time = 0; time < 20; time += 1) {
      world.refuse("m1", "RATE_LIMIT_EXCEEDED", { retryAfterMs: 3_000 });
      world.clock.advance(2_999);
      expect(saidInTalk(world)).toEqual([]);
      world.clock.advance(200);
      expect(saidInTalk(world)).toEqual(["m1"]);
    }
    for (let n = 2; n <= 100; n += 1) await world.add(`m${n}`);
    world.clock.advance(1_000);
    expect(saidInTalk(world).length).toBeLessThan(30);
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "sent"]);
  });

  it("RATE_LIMIT_EXCEEDED slows the line whatever was refused, also what is not ours", async () => {
    const world = await OutboxWorld.here("bob");
    world.refuse("an answer", "RATE_LIMIT_EXCEEDED", { retryAfterMs: 3_000 });
    await world.add("m1");
    world.clock.advance(2_999);
    expect(saidInTalk(world)).toEqual([]);
    world.clock.advance(1_000);
    expect(saidInTalk(world)).toEqual(["m1"]);
  });

  it("ENCRYPTION_ERROR: all that is sealed for this agent fails at once, and the remedy is named", async () => {
    const world = await OutboxWorld.here("bob", "eve");
    await world.add("m1");
    await world.add("m2", { conversationId: "another" });
    await world.add("m3", { metadata: { encrypted: false } });
    await world.add("m4", { recipientId: "eve" });
    world.refuse("m1", "ENCRYPTION_ERROR", { recoverable: false, details: { dialect: "PAN" } });
    await world.outbox.settled();
    expect(world.told("m1").at(-1)).toBe("failed: other-dialect");
    expect(world.told("m2").at(-1)).toBe("failed: other-dialect");
    expect(world.told("m3").at(-1)).toBe("sent");
    expect(world.told("m4").at(-1)).toBe("sent");
    const failed = world.reports.find(({ state, messageId }) => state === "failed" && messageId === "m1");
    expect(failed?.message).toBe(
      "bob speaks PAN and can open nothing that is sealed; say it with plain: true if it may be read",
    );
  });

  it("ENCRYPTION_ERROR about the handshake says the same", async () => {
    const world = await OutboxWorld.ready();
    await world.add("m1");
    const [offer] = world.said();
    world.refuse(offer?.messageId ?? "", "ENCRYPTION_ERROR", { recoverable: false, details: { dialect: "PAN" } });
    await world.outbox.settled();
    expect(world.told("m1")).toEqual(["kept", "waiting", "failed: other-dialect"]);
    world.clock.advance(60_000);
    expect(world.clock.waiting).toBe(0);
  });

  it("MESSAGE_ERROR, not approved: all for this agent fails, and the remedy is named", async () => {
    const world = await OutboxWorld.here("bob");
    await world.add("m1");
    await world.add("m2", { metadata: { encrypted: false } });
    world.refuse("m1", "MESSAGE_ERROR", { recoverable: false, details: { reason: "not approved" } });
    await world.outbox.settled();
    expect(world.told("m1").at(-1)).toBe("failed: not-approved");
    expect(world.told("m2").at(-1)).toBe("failed: not-approved");
    expect(world.reports.find(({ state }) => state === "failed")?.message).toContain("broker contacts add");
  });

  it.each([
    ["INVALID_MESSAGE_FORMAT", false, "failed: invalid"],
    ["SENDER_MISMATCH", false, "failed: refused"],
    ["MESSAGE_ERROR", false, "failed: refused"],
    ["SOMETHING_NEW", false, "failed: refused"],
  ])("%s that does not pass later: this message fails alone", async (code, recoverable, end) => {
    const world = await OutboxWorld.here("bob");
    await world.add("m1");
    await world.add("m2");
    world.refuse("m1", code, { recoverable, details: { reason: "x".repeat(5_000) } });
    await world.outbox.settled();
    expect(world.told("m1").at(-1)).toBe(end);
    expect(world.told("m2").at(-1)).toBe("waiting"); // for the new key, since a counter was given up
    expect(world.reports.find(({ state }) => state === "failed")?.message?.length).toBeLessThan(400);
    expect(world.keys.renewals).toBe(1);
  });

  it.each(["MESSAGE_ERROR", "SERVER_ERROR", "TIMEOUT_ERROR", "CONNECTION_LIMIT_EXCEEDED", "SOMETHING_NEW"])(
    "%s that may pass later: again after its time, eight times in all",
    async (code) => {
      const world = await OutboxWorld.here("bob");
      await world.add("m1");
      let times = 0;
      for (let second = 0; second < 1_200; second += 1) {
        for (const id of saidInTalk(world).filter((one) => one === "m1")) {
          times += 1;
          world.refuse(id, code, { retryAfterMs: 7_000 });
          world.clock.advance(4_999);
          expect(saidInTalk(world)).toEqual([]);
        }
        world.clock.advance(1_000);
      }
      await world.outbox.settled();
      expect(times).toBe(8);
      expect(world.told("m1")).toEqual(["kept", "sent", "failed: no-receipt"]);
    },
  );

  it("about an id that is not ours, a receipt of another, and PRESENCE of a stranger change nothing", async () => {
    const world = await OutboxWorld.here("bob", "eve");
    await world.add("m1");
    world.said();
    for (let n = 0; n < 100_000; n += 1) {
      world.refuse(`x${n}`, "ENCRYPTION_ERROR", { recoverable: false });
      world.outbox.receipt("bob", [`x${n}`]);
      world.outbox.receipt("eve", ["m1"]);
      world.outbox.present(`x${n}`);
      world.outbox.present("bob");
      world.outbox.acked(`x${n}`);
      world.outbox.ready(`x${n}`, "talk");
    }
    await world.outbox.settled();
    expect(world.said()).toEqual([]);
    expect(world.told("m1")).toEqual(["kept", "sent"]);
    expect(world.outbox.size).toBe(3);
  });
});
