import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { eventually } from "../../kit/broker.js";
import { Strangers } from "../../kit/strangers.js";
import { wholeAnswer, WsWorld, type Accepted } from "../../kit/ws-world.js";

const one = "192.0.2.1";
const other = "198.51.100.7";

describe("the WebSocket door, where strangers come", () => {
  let world: WsWorld;
  let strangers: Strangers;
  beforeEach(() => {
    strangers = new Strangers();
  });
  afterEach(async () => {
    strangers.end();
    await world.stop();
    expect(world.edge.size).toBe(0);
  });

  const open = async (limits: ConstructorParameters<typeof WsWorld>[0]): Promise<void> => {
    world = new WsWorld(limits);
    await world.edge.start();
  };
  type Met = Awaited<ReturnType<WsWorld["connect"]>>;
  const meet = (address: string): Promise<Met> => strangers.from(address, () => world.connect());
  /** An upgrade that came through a proxy. */
  const meetBehindProxy = (client: string): Promise<Met> =>
    world.connect("/pan", { headers: { "x-forwarded-for": client } });
  const closeOf = async (client: WebSocket): Promise<readonly [number, string]> => {
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    return [code, reason.toString()];
  };
  const full = (): number => world.ledger.reasons["ws-half-open-full"] ?? 0;

  it("finds a place for a stranger when one address has taken all, at the cost of its oldest, however far it is", async () => {
    await open({ wsHalfOpenMax: 4 });
    const { client, accepted } = await meet(one);
    const closed = closeOf(client);
    const silent = await strangers.from(one, () => world.bare());
    const answer = wholeAnswer(silent);
    const asking = await strangers.from(one, () => world.bare());
    asking.write("GET /pan HTTP/1.1\r\n");
    await strangers.from(one, () => world.bare());
    expect(world.edge.halfOpen).toBe(4);
    expect(await wholeAnswer(await strangers.from(one, () => world.bare()))).toContain("503 Service Unavailable");

    await meet(other);
    expect(await closed).toEqual([1013, expect.stringContaining("try again") as string]);
    await accepted.closed;
    await strangers.from(other, () => world.bare());
    await eventually(() => full() === 3, "two have made room, one was refused");
    expect(world.edge.halfOpen).toBe(4);
    // Now the other address has two places, and no more at the cost of this one.
    expect(await wholeAnswer(await strangers.from(other, () => world.bare()))).toContain("503 Service Unavailable");
    expect(await answer).toContain("503 Service Unavailable");
    expect(asking.destroyed).toBe(false);
  });

  it("lets everybody in who has no place yet, however many addresses have one each", async () => {
    await open({ wsHalfOpenMax: 4 });
    for (let at = 0; at < 40; at += 1) await strangers.from(`2001:db8:0:${at.toString(16)}::1`, () => world.bare());
    await meet(other);
    expect([world.edge.halfOpen, full()]).toEqual([4, 37]);
  });

  it("takes nothing from who has logged in", async () => {
    await open({ wsHalfOpenMax: 1 });
    const early: Accepted[] = [];
    for (let at = 0; at < 5; at += 1) {
      const { accepted } = await meet(one);
      accepted.connection.admitted();
      early.push(accepted);
    }
    await meet(one);
    await meet(other);
    expect([world.edge.size, full()]).toEqual([6, 1]);
    expect(early).toHaveLength(5);
  });

  it("charges who comes through a trusted proxy by its client, not by the proxy", async () => {
    await open({ wsHalfOpenMax: 3 });
    world.access.set({ origins: [], hosts: [], trustedProxies: ["127.0.0.1", "203.0.113.0/24"] });
    const closes: Promise<readonly [number, string]>[] = [];
    for (let at = 0; at < 3; at += 1) closes.push(closeOf((await meetBehindProxy(one)).client));
    const third = closeOf((await meetBehindProxy(other)).client);
    expect((await closes[0])?.[0]).toBe(1013);
    await strangers.from("203.0.113.9", () => meetBehindProxy("2001:db8::1"));
    expect((await closes[1])?.[0]).toBe(1013);
    expect(full()).toBe(2);
    // A stranger that comes by itself, too. All have one place now, and this one has had no more for the longest.
    await meet("198.51.100.8");
    expect((await third)[0]).toBe(1013);
  });

  it("has no place of this machine, or of a proxy that has not said for whom, make room", async () => {
    await open({ wsHalfOpenMax: 2 });
    world.access.set({ origins: [], hosts: [], trustedProxies: ["203.0.113.9"] });
    const own = await strangers.from("::1", () => world.bare());
    const proxy = await strangers.from("203.0.113.9", () => world.bare());
    expect(await wholeAnswer(await strangers.from(one, () => world.bare()))).toContain("503 Service Unavailable");
    expect([own.destroyed, proxy.destroyed, world.edge.halfOpen]).toEqual([false, false, 2]);
  });

  it("ends a connection that waits for its page without a word", async () => {
    await open({ wsHalfOpenMax: 1 });
    let answer: () => void = () => undefined;
    world.onPage = () =>
      new Promise((resolve) => {
        answer = () => {
          resolve(undefined);
        };
      });
    const asking = await strangers.from(one, () => world.bare());
    const said = wholeAnswer(asking);
    asking.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await eventually(() => world.edge.halfOpen === 1, "it has its place");
    await new Promise(setImmediate);
    await meet(other);
    answer();
    expect(await said).toBe("");
  });
});
