import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { eventually } from "../../kit/broker.js";
import { wholeAnswer, WsWorld, type Accepted } from "../../kit/ws-world.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a WebSocket whose bytes wait for their turn", () => {
  let clock: FakeClock;
  let world: WsWorld;
  let client: WebSocket;
  let accepted: Accepted;
  /** While it is true, those who say much wait for those whose messages go to crowds. */
  let isHeld: boolean;
  const holds = async (): Promise<void> => {
    isHeld = true;
    client.send("x".repeat(5_000));
    await eventually(() => world.edge.unheardSince < Infinity, "it waits");
  };

  beforeEach(async () => {
    clock = new FakeClock();
    world = new WsWorld({}, 0, clock);
    isHeld = false;
    Object.defineProperty(world.flusher, "isBehind", { get: () => isHeld });
    await world.edge.start();
    ({ client, accepted } = await world.connect("/pan"));
    accepted.connection.admitted();
  });
  afterEach(() => world.stop());

  it("is not silent, however many pings it has not answered", async () => {
    clock.advance(world.limits.wsPingMs);
    await once(client, "ping");
    await holds();
    for (let pings = 0; pings < 4; pings += 1) {
      clock.advance(world.limits.wsPingMs);
      for (let turns = 0; turns < 3; turns += 1) await turn();
    }
    expect(world.ledger.reasons).toEqual({});
    isHeld = false;
    await eventually(() => accepted.frames.length === 1, "it is heard");
  });

  it("is silent when it says nothing afterwards", async () => {
    Reflect.set(client, "_autoPong", false);
    await holds();
    clock.advance(world.limits.wsPingMs * 2);
    isHeld = false;
    await eventually(() => accepted.frames.length === 1, "it is heard");
    for (let pings = 0; pings < 3; pings += 1) {
      clock.advance(world.limits.wsPingMs);
      await turn();
    }
    await accepted.closed;
    expect(world.ledger.reasons["ws-silent"]).toBe(1);
  });

  it("has its close frame waited for that lies behind them", async () => {
    await holds();
    accepted.connection.close({ code: 1000, reason: "goodbye" });
    await eventually(() => client.readyState === client.CLOSING, "it has answered");
    clock.advance(5_000);
    expect(world.ledger.reasons).toEqual({});
    isHeld = false;
    expect(await accepted.closed).toEqual({ code: 1000, reason: "goodbye" });
    expect(world.ledger.reasons).toEqual({});
  });

  it("is alive for who asks, though the time of the question is over", async () => {
    await holds();
    const alive = accepted.connection.alive(500);
    clock.advance(5_000);
    isHeld = false;
    expect(await alive).toBe(true);
  });

  it("has as much more time for the head of its request as that has waited, as long again at most", async () => {
    const crowd = await Promise.all(Array.from({ length: 15 }, () => world.bare()));
    const late = await world.bare();
    await eventually(() => world.edge.halfOpen === crowd.length + 1, "all are here");
    world.onPage = () => {
      if (late.bytesWritten === 0) late.write("GET /late HTTP/1.1\r\n");
      clock.advance(500);
      return undefined;
    };
    const connectedAt = clock.monotonic();
    const answers = crowd.map((socket) => wholeAnswer(socket));
    for (const socket of crowd) socket.write("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await Promise.all(answers);
    await eventually(() => world.edge.unheardSince === Infinity, "all is heard");
    clock.advance(9_500 - (clock.monotonic() - connectedAt));
    await turn();
    expect(world.ledger.reasons, "5 s of 9.5 it waited behind the crowd").toEqual({});
    const answer = wholeAnswer(late);
    clock.advance(1_500);
    expect(await answer).toContain("408");
    expect(world.ledger.reasons).toEqual({ "ws-head-timeout": 1 });
  });
});
