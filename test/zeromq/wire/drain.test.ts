import { afterEach, describe, expect, it } from "vitest";
import { message, RawPeer, subscribe } from "./raw-peer.js";
import { isExact, startWorld, until, type World } from "./world.js";

let world: World;
const open: RawPeer[] = [];

afterEach(async () => {
  for (const peer of open.splice(0)) peer.close();
  await world.listener.stop();
});

async function pair(topic: string): Promise<{ readonly from: RawPeer; readonly to: RawPeer }> {
  const to = await RawPeer.open(world.outUrl, "SUB");
  const from = await RawPeer.open(world.inUrl, "PUB");
  open.push(from, to);
  to.send(subscribe(topic));
  await until(() => world.router.route(topic) !== undefined, "the subscription");
  return { from, to };
}

/** Reads to the end of the line; the numbers that came. */
async function readNumbers(peer: RawPeer): Promise<number[]> {
  const numbers: number[] = [];
  try {
    for (;;) numbers.push(Number((await peer.message())[1]));
  } catch {
    return numbers;
  }
}

describe("drain (19)", () => {
  it("reads publishers until they are quiet, gives subscribers everything, then says FIN", async () => {
    world = await startWorld();
    const { from, to } = await pair("bob");
    const reading = readNumbers(to);
    const count = 50_000;
    from.send(...Array.from({ length: count }, (_, at) => message("bob", String(at))));
    await world.listener.drain(AbortSignal.timeout(10_000));
    expect(await reading).toEqual(Array.from({ length: count }, (_, at) => at));
    await Promise.all([from.closed, to.closed]);
    expect(world.ledger.messages).toMatchObject({ accepted: count, routed: count });
    expect(world.ledger.copies).toMatchObject({ copies: count, written: count, pending: 0 });
    await world.listener.stop();
    expect(world.policy.events.filter((event) => event.endsWith("gone"))).toHaveLength(2);
  });

  it("accepts nobody any more", async () => {
    world = await startWorld();
    await world.listener.drain(AbortSignal.timeout(5_000));
    await expect(RawPeer.connect(world.inUrl)).rejects.toThrow("ECONNREFUSED");
    await expect(RawPeer.connect(world.outUrl)).rejects.toThrow("ECONNREFUSED");
  });

  it("does not wait longer than 2 s for a publisher that never is quiet", async () => {
    world = await startWorld({ limits: { drainReadMs: 300 } });
    const { from, to } = await pair("bob");
    const sending = (async () => {
      for (let at = 0; !from.isClosed; at += 1) {
        from.send(message("bob", String(at)));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    const reading = readNumbers(to);
    const before = performance.now();
    await world.listener.drain(AbortSignal.timeout(10_000));
    expect(performance.now() - before).toBeLessThan(1_500);
    await world.listener.stop();
    await sending;
    const numbers = await reading;
    expect(numbers).toEqual(numbers.map((_, at) => at));
    expect(numbers).toHaveLength(world.ledger.copies.written);
    expect(isExact(world.ledger)).toBe(true);
  });

  it("gives up on a subscriber that does not read, by the deadline at the latest, and counts its loss", async () => {
    world = await startWorld({ limits: { drainFlushMs: 60_000 } });
    const { from, to } = await pair("bob");
    to.socket.pause();
    await until(() => {
      if (!from.socket.writableNeedDrain) from.send(message("bob", "x".repeat(100_000)));
      return world.ledger.copies.pending > 20;
    }, "a backlog");
    const before = performance.now();
    await world.listener.drain(AbortSignal.timeout(600));
    expect(performance.now() - before).toBeLessThan(3_000);
    await world.listener.stop();
    expect(world.ledger.copies.pending).toBe(0);
    expect(world.ledger.copies.dropped.closed).toBeGreaterThan(0);
    expect(isExact(world.ledger)).toBe(true);
  });

  it("stop may come at any time, and twice", async () => {
    world = await startWorld();
    const { from, to } = await pair("bob");
    await Promise.all([world.listener.stop(), world.listener.stop()]);
    await Promise.all([from.closed, to.closed]);
    await world.listener.drain(AbortSignal.timeout(100));
    await expect(world.listener.start()).rejects.toThrow("started before");
  });
});
