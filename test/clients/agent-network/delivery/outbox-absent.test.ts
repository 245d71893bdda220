import { describe, expect, it } from "vitest";
import { OutboxWorld } from "../../../kit/outbox-world.js";

/** A world in which the first message to each of these was refused, since nobody is there. */
async function absent(...peers: readonly string[]): Promise<OutboxWorld> {
  const world = await OutboxWorld.ready(...peers);
  for (const peer of peers) {
    await world.add(`for-${peer}`, { recipientId: peer });
    world.refuse(`for-${peer}`, "RECIPIENT_NOT_FOUND");
  }
  world.said();
  return world;
}

/** What is said within so many seconds; the broker finds that none of them is there. */
function askedIn(world: OutboxWorld, seconds: number): readonly string[] {
  const asked: string[] = [];
  for (let second = 0; second < seconds; second += 1) {
    world.clock.advance(1_000);
    for (const id of world.saidIds()) {
      asked.push(id);
      world.refuse(id, "RECIPIENT_NOT_FOUND");
    }
  }
  return asked;
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `peer-${n}`);

describe("what is for an absent agent", () => {
  it("waits until PRESENCE names it, and leaves in its order then", async () => {
    const world = await absent("bob");
    await world.add("m2");
    await world.add("m3");
    world.clock.advance(60_000);
    expect(world.said()).toEqual([]);
    expect(world.told("for-bob")).toEqual(["kept", "sent", "waiting"]);
    expect(world.told("m2")).toEqual(["kept", "waiting"]);
    expect(world.reports.at(-1)?.message).toBe("bob is not connected; this is sent when it comes");
    world.outbox.present("bob");
    expect(world.saidIds()).toEqual(["for-bob", "m2", "m3"]);
  });

  it("has no tries by that, however often it is refused so", async () => {
    const world = await absent("bob");
    for (let time = 0; time < 30; time += 1) {
      world.outbox.present("bob");
      expect(world.saidIds()).toEqual(["for-bob"]);
      world.refuse("for-bob", "RECIPIENT_NOT_FOUND");
    }
    await world.outbox.settled();
    expect(world.told("for-bob").at(-1)).toBe("waiting");
  });

  it("costs one frame, however much was on the line", async () => {
    const world = await OutboxWorld.here("bob");
    for (let n = 1; n <= 20; n += 1) await world.add(`m${n}`);
    expect(world.saidIds()).toHaveLength(20);
    for (let n = 1; n <= 20; n += 1) world.refuse(`m${n}`, "RECIPIENT_NOT_FOUND");
    world.clock.advance(60_000);
    expect(world.said()).toEqual([]);
    world.outbox.lineDown();
    world.outbox.lineUp();
    expect(world.said()).toHaveLength(1);
  });

  it("is said by its first message once more after a reconnect, and by all when that arrives", async () => {
    const world = await absent("bob");
    await world.add("m2");
    world.outbox.lineDown();
    world.outbox.lineUp();
    expect(world.saidIds()).toEqual(["for-bob"]);
    world.outbox.acked("for-bob");
    expect(world.saidIds()).toEqual(["m2"]);
  });

  it("is a handshake, where there is no key", async () => {
    const world = await OutboxWorld.ready();
    await world.add("m1");
    const [offer] = world.said();
    world.refuse(offer?.messageId ?? "", "RECIPIENT_NOT_FOUND");
    world.clock.advance(240_000);
    expect(world.said()).toEqual([]);
    world.outbox.present("bob");
    expect(world.said()).toMatchObject([{ messageType: "HANDSHAKE" }]);
  });

  it("goes as soon as anything of it comes, PRESENCE or not", async () => {
    const world = await absent("bob", "eve");
    world.outbox.receipt("bob", ["for-bob"]);
    await world.add("m2");
    expect(world.saidIds()).toEqual(["m2"]);
    world.keys.complete("eve", "talk");
    world.outbox.ready("eve", "talk");
    expect(world.saidIds()).toEqual(["for-eve"]);
  });

  it("does not hold up what is for others", async () => {
    const world = await absent("bob");
    world.keys.complete("eve", "talk");
    await world.add("m2", { recipientId: "eve" });
    expect(world.saidIds()).toEqual(["m2"]);
  });

  it("is asked about every five minutes, since the broker may have forgotten it", async () => {
    const world = await absent("bob");
    expect(askedIn(world, 290)).toEqual([]);
    expect(askedIn(world, 20)).toEqual(["for-bob"]);
    expect(askedIn(world, 280)).toEqual([]);
    expect(askedIn(world, 20)).toEqual(["for-bob"]);
  });
});

describe("more absent agents than the broker remembers", () => {
  it("are asked about in turn, one every ten seconds", async () => {
    const world = await absent(...names(40));
    const asked = askedIn(world, 800);
    expect(asked).toHaveLength(80);
    expect(new Set(asked.slice(0, 40)).size).toBe(40);
    expect(asked.slice(0, 2)).toEqual(["for-peer-0", "for-peer-1"]);
    expect(asked.slice(40)).toEqual(asked.slice(0, 40));
  });

  it("are not asked about any more once they are few, or nothing waits for them", async () => {
    const world = await absent(...names(40));
    for (const name of names(10)) world.outbox.receipt(name, [`for-${name}`]);
    await world.outbox.settled();
    expect(askedIn(world, 200)).toEqual([]);
    for (const name of names(40)) world.outbox.receipt(name, [`for-${name}`]);
    await world.outbox.settled();
    world.clock.advance(60_000);
    expect(world.clock.waiting).toBe(0);
  });

  it("are not asked about without a line", async () => {
    const world = await absent(...names(40));
    world.outbox.lineDown();
    expect(askedIn(world, 100)).toEqual([]);
    world.outbox.lineUp();
    expect(world.said()).toHaveLength(40);
  });
});
