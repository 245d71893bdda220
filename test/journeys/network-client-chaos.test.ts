import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../kit/broker.js";
import { ChaosProxy } from "../kit/chaos-proxy.js";
import { PartyWorld, type Party } from "../kit/network-party.js";

const messages = 10_000;
/** So many are under way at a time; an outbox takes a thousand for one recipient. */
const underWay = 400;
const batch = 100;

describe("two clients of Agent Network on lines that cut, delay, repeat and swap frames", () => {
  let world: PartyWorld;
  let proxies: ChaosProxy[];
  beforeEach(async () => {
    // The rate is raised: at the usual one it would take a quarter of an hour.
    world = await PartyWorld.start({ limits: { networkRatePerSecond: 100_000, networkRateBurst: 100_000 } });
    proxies = [];
  });
  afterEach(async () => {
    await world.stop();
    for (const proxy of proxies) await proxy.stop();
  });

  const behind = async (agent: string, seed: number): Promise<Party> => {
    const chaos = { cut: 0.000_4, duplicate: 0.02, reorder: 0.02, delayMs: 20 };
    const proxy = await ChaosProxy.start(world.url, chaos, seed);
    proxies.push(proxy);
    return world.login(agent, {}, proxy.url);
  };

  it(`lose none of ${messages} messages, process none twice and keep their order`, async () => {
    const [alice, bob] = [await behind("agent_alice", 1), await behind("agent_bob", 2)];
    const failed: unknown[] = [];
    alice.socket.onDelivery = (report) => {
      if (report.state === "failed") failed.push(report);
    };
    for (let n = 0; n < messages; n += batch) {
      const { pendingMessages } = alice.socket;
      await eventually(() => pendingMessages.size < underWay, `room for message ${n}`, 50_000);
      await Promise.all(Array.from({ length: batch }, (_, at) => alice.socket.inform("agent_bob", `text ${n + at}`)));
    }
    await eventually(() => alice.socket.pendingMessages.size === 0, "all have their receipts", 50_000);
    expect(failed).toEqual([]);
    const { texts } = bob;
    expect(texts.findIndex((text, n) => text !== `text ${n}`)).toBe(-1);
    expect(texts).toHaveLength(messages);
    expect(alice.socket.metrics().messages).toMatchObject({ sent: messages, delivered: messages, failed: 0 });
    // The lines were as bad as they should be.
    for (const { done } of proxies)
      expect(
        Object.values(done).every((count) => count > 0),
        JSON.stringify(done),
      ).toBe(true);
    expect(alice.opens.all.length + bob.opens.all.length).toBeGreaterThan(2);
  }, 180_000);
});
