import { describe, expect, it } from "vitest";
import { Message, principal, type Envelope } from "../../src/core/index.js";
import { bytesOf } from "../../src/directory/index.js";
import { codeOf, openWorld } from "../kit/directory-world.js";

const texts = (envelopes: readonly Envelope[]): string[] => envelopes.map(({ content }) => content.message);

describe("a public room's history", () => {
  it("gives the last messages, oldest first, as informs that say they are replays", () => {
    const { directory, say } = openWorld();
    for (const text of ["one", "two", "three"]) say("#general", text);
    expect(texts(directory.history("#general", 2, undefined))).toEqual(["two", "three"]);
    expect(directory.history("#general", 1, undefined)).toMatchObject([
      { type: "inform", replay: true, from: "somebody", to: "#general", trust: "shared" },
    ]);
  });

  it("keeps the last 20", () => {
    const { directory, say } = openWorld();
    for (let n = 1; n <= 25; n += 1) say("#general", String(n));
    expect(texts(directory.history("#general", 100, undefined))).toEqual(
      Array.from({ length: 20 }, (_, n) => String(n + 6)),
    );
  });

  it("gives nothing for a count that is none", () => {
    const { directory, say } = openWorld();
    say("#general", "one");
    for (const count of [0, -1, Number.NaN, 0.5]) expect(directory.history("#general", count, undefined)).toEqual([]);
    expect(codeOf(() => directory.history("#nowhere", 1, undefined))).toBe("not-found");
  });

  it("holds messages from ZeroMQ beyond the chunk that they came in", () => {
    const { directory, router } = openWorld();
    const chunk = Buffer.from(
      JSON.stringify({
        from: "py",
        to: "x",
        type: "inform",
        message_id: "1",
        timestamp: "2026-01-01T00:00:00",
        content: { message: "from python" },
        mood: 1,
      }),
    );
    router.publish(Message.fromPayload(chunk, { topic: "#general", receivedAt: 0, trust: "claimed", origin: {} }));
    chunk.fill(0x20);
    expect(directory.history("#general", 1, undefined)).toMatchObject([
      { from: "py", to: "#general", trust: "claimed", content: { message: "from python" }, other: { mood: 1 } },
    ]);
  });

  it("is read and written once for all who ask, until its message goes", () => {
    const { directory, say } = openWorld({ historyPerRoomMax: 1 });
    say("#general", "one");
    const [one] = directory.past("#general", 9, undefined);
    expect(one?.message()).toBe(directory.past("#general", 9, undefined)[0]?.message());
    expect(one?.message()?.payload).toBe(one?.message()?.payload);
    say("#general", "two");
    expect(texts(directory.history("#general", 9, undefined))).toEqual(["two"]);
  });

  it("does not hold more of what was asked for than four rooms keep", () => {
    const rooms = ["#1", "#2", "#3", "#4", "#5", "#6"];
    const { directory, say } = openWorld({ historyPerRoomMaxBytes: 1_000 }, rooms);
    for (const room of rooms) say(room, "x".repeat(500));
    const ask = (room: string): unknown => directory.past(room, 1, undefined)[0]?.message();
    const first = ask("#1");
    expect(ask("#1")).toBe(first);
    for (const room of rooms.slice(1)) ask(room);
    expect(ask("#1")).not.toBe(first);
    expect(ask("#1")).toEqual(first);
  });

  it("is weighed before it is read, and shown to nobody who may not read the room", async () => {
    const { directory, arrive, say } = openWorld();
    say("#general", "x".repeat(500));
    expect(bytesOf(directory.past("#general", 9, undefined))).toBeGreaterThan(500);
    expect(directory.past("#nowhere", 9, undefined)).toEqual([]);
    await directory.create(arrive("ada"), "#secret", { inviteOnly: true });
    expect(directory.past("#secret", 9, undefined)).toEqual([]);
  });

  it("is nobody's receiver", () => {
    const { exchange, ledger } = openWorld();
    expect(exchange.announce("#general", { type: "inform", content: { message: "x" } }).receivers).toBe(0);
    expect(ledger.messages.routed).toBe(1);
  });

  it("holds no message bigger than a room's share", () => {
    const { directory, say } = openWorld({ historyPerRoomMaxBytes: 1_000 });
    say("#general", "small");
    say("#general", "x".repeat(400));
    expect(texts(directory.history("#general", 9, undefined))).toHaveLength(2);
    say("#general", "x".repeat(2_000));
    expect(directory.history("#general", 9, undefined)).toEqual([]);
    say("#general", "after");
    expect(texts(directory.history("#general", 9, undefined))).toEqual(["after"]);
  });

  it("makes room, oldest first, when all together take too much", () => {
    const { directory, say } = openWorld({ historyTotalMaxBytes: 1_200 }, ["#one", "#two", "#three"]);
    for (const room of ["#one", "#two", "#one", "#three"]) say(room, "x".repeat(150));
    const kept = (): number[] => ["#one", "#two", "#three"].map((room) => directory.history(room, 9, undefined).length);
    expect(kept()).toEqual([1, 1, 1]);
    say("#three", "x".repeat(150));
    expect(kept()).toEqual([1, 0, 2]);
    say("#three", "x".repeat(150));
    expect(kept()).toEqual([0, 0, 3]);
  });

  it("is not washed away by somebody who says much elsewhere", () => {
    const { directory, router, say } = openWorld({ historyTotalMaxBytes: 20_000 });
    say("#general", "to be kept");
    const flooder = { id: "1", remote: "203.0.113.9", principal: principal("eve", "claimed") };
    for (let n = 0; n < 100; n += 1) {
      const payload = Buffer.from(
        JSON.stringify({ from: "eve", to: "x", type: "inform", content: { message: "x".repeat(2_000) } }),
      );
      router.publish(
        Message.fromPayload(payload, { topic: "#agents", receivedAt: 0, trust: "claimed", origin: flooder }),
      );
    }
    expect(directory.history("#agents", 99, undefined).length).toBeLessThan(10);
    expect(texts(directory.history("#general", 9, undefined))).toEqual(["to be kept"]);
  });

  it("goes with its room, and its bytes with it", () => {
    const { directory, arrive, say, clock, router } = openWorld({ historyTotalMaxBytes: 700 });
    const ada = arrive("ada");
    directory.join(ada, "#gone", { create: true });
    say("#gone", "x".repeat(300));
    directory.leave(ada, "#gone");
    clock.advance(86_400_000);
    expect(router.route("#gone")).toBeUndefined();
    say("#general", "x".repeat(300));
    say("#agents", "short");
    expect(texts(directory.history("#general", 9, undefined))).toHaveLength(1);
    directory.join(ada, "#gone", { create: true });
    expect(directory.history("#gone", 9, undefined)).toEqual([]);
  });

  it("is not kept of an invite-only room", async () => {
    const { directory, arrive, say } = openWorld();
    const ada = arrive("ada", { principal: principal("ada", "shared") });
    await directory.create(ada, "#secret", { inviteOnly: true });
    say("#secret", "psst", ada.principal);
    expect(directory.history("#secret", 9, ada.principal)).toEqual([]);
  });
});
