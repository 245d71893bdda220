import { describe, expect, it, vi } from "vitest";
import { Message, principal, type Recipient, type Trust } from "../../src/core/index.js";
import type { RoomLog } from "../../src/room-log/index.js";
import { RoomLogWorld, until, type Listener } from "../kit/room-log-world.js";

/** A connection that gives a sign when the test says so. */
class Line implements Recipient {
  readonly principal: Recipient["principal"];
  readonly canProve = true;
  asked: ((tookMs: number) => void)[] = [];

  constructor(name: string, trust: Trust = "proved", proof?: string) {
    this.principal = trust === "claimed" ? undefined : principal(name, trust, { ...(proof && { proof }) });
  }

  push(): "taken" {
    return "taken";
  }

  prove(_asker: object, proved: (tookMs: number) => void): void {
    this.asked.push(proved);
  }

  pong(): void {
    for (const proved of this.asked.splice(0)) proved(1);
  }
}

async function room(): Promise<{
  world: RoomLogWorld;
  log: RoomLog;
  /** Somebody comes into the room. */
  come: (name: string, trust?: Trust) => { line: Line; ear: Listener; leave: () => void };
  /** Says so many messages, and waits until they are heard. */
  say: (count: number) => Promise<void>;
}> {
  const world = new RoomLogWorld();
  const log = await world.begin("#a");
  let said = 0;
  return {
    world,
    log,
    come(name, trust = "proved") {
      const line = new Line(name, trust);
      const ear = world.listen("x");
      ear.recipient = line;
      return { line, ear, leave: world.router.subscribe("#a", ear) };
    },
    async say(count) {
      for (let n = 0; n < count; n += 1) world.say("#a", `m${String((said += 1))}`);
      await until(() => log.released === said);
    },
  };
}

describe("what was handed over of a durable room", () => {
  it("is what was given to a connection before a sign that it asked for, many messages with one question", async () => {
    const { world, log, come, say } = await room();
    const { line } = come("bob");
    await say(3);
    expect(world.logs.handedTo(log, "bob")).toBe(0);
    world.clock.advance(250);
    expect(line.asked).toHaveLength(1);
    await say(2); // behind the question
    line.pong();
    expect(world.logs.handedTo(log, "bob")).toBe(3);
    world.clock.advance(250);
    line.pong();
    expect(world.logs.handedTo(log, "bob")).toBe(5);
    expect([world.logs.handedTo(log, "eve"), world.clock.waiting]).toEqual([0, 1]); // the sweep
  });

  it("is known also of what was missed and came while a sign for what is live was awaited", async () => {
    const { world, log, come, say } = await room();
    await say(3);
    const { line, ear } = come("bob");
    await say(2);
    world.clock.advance(250);
    expect(line.asked).toHaveLength(1);
    world.logs.given(log, ear, 0, 5); // told what it had missed, up to where it hears live
    line.pong();
    expect(world.logs.handedTo(log, "bob")).toBe(0); // the sign says nothing of what came behind the question
    world.clock.advance(250);
    line.pong();
    expect(world.logs.handedTo(log, "bob")).toBe(5);
  });

  it("does not go over a gap: what is heard live does not cover what was missed", async () => {
    const { world, log, come, say } = await room();
    const first = come("bob");
    await say(2);
    world.clock.advance(250);
    first.line.pong();
    first.leave();
    await say(3);
    const second = come("bob");
    await say(2);
    world.clock.advance(250);
    second.line.pong();
    expect(world.logs.handedTo(log, "bob")).toBe(2);
    world.logs.given(log, second.ear, 2, 7); // a replay up to where live begins
    await say(1);
    world.clock.advance(250);
    second.line.pong();
    expect(world.logs.handedTo(log, "bob")).toBe(8);
  });

  it("ends at a copy that was dropped, and at one whose connection never gave a sign", async () => {
    const { world, log, come, say } = await room();
    const { ear, line } = come("bob");
    const takes = ear.deliver.bind(ear);
    ear.deliver = (message) => {
      if (message.envelope?.content.message === "m2") message.lose("full", "it does not read");
      return takes(message);
    };
    await say(3);
    world.clock.advance(250);
    line.pong();
    expect(world.logs.handedTo(log, "bob")).toBe(0);
    const { line: dead } = come("ada");
    await say(1);
    world.clock.advance(250);
    expect(dead.asked).toHaveLength(1);
    expect(world.logs.handedTo(log, "ada")).toBe(0);
  });

  it("begins with the oldest that is remembered, and what one has said itself is no gap", async () => {
    const { world, log, come, say } = await room();
    await say(4);
    await world.logs.rebound(log, { ...log.row.bounds, max: 2 });
    await until(() => log.row.first === 3);
    const { ear, line } = come("bob");
    world.logs.given(log, ear, 2, 4);
    ear.deliver = (message) => message.origin !== ear; // PAN tells nobody what it said itself
    await say(1);
    world.ledger.messages.accepted += 1;
    const own = Buffer.from('{"message_id":"own","from":"bob","type":"inform","content":{"message":"own"}}');
    world.exchange.submit(
      Message.fromPayload(own, { topic: "#a", receivedAt: world.clock.now(), trust: "proved", origin: ear }),
    );
    await until(() => log.released === 6);
    world.clock.advance(250);
    line.pong();
    expect(world.logs.handedTo(log, "bob")).toBe(6);
  });

  it("is asked for no more once the room has ended", async () => {
    const { world, log, come, say } = await room();
    const { line } = come("bob");
    await say(1);
    await world.logs.end(log);
    for (let round = 0; round < 3; round += 1) {
      world.clock.advance(250);
      line.pong();
    }
    world.clock.advance(250);
    expect(line.asked).toHaveLength(0);
  });

  it("is noted for names that are more than claimed, as many as there may be, and outlives a restart", async () => {
    const world = new RoomLogWorld({ limits: { roomCursorsMax: 10 } });
    const log = await world.begin("#a");
    const names = Array.from({ length: 12 }, (_, index) => `n${String(index)}`);
    world.say("#a", "one");
    await until(() => log.released === 1);
    for (const name of [...names, "claimed"]) {
      const ear = world.listen("x");
      const line = new Line(name, name === "claimed" ? "claimed" : "proved");
      ear.recipient = line;
      world.logs.given(log, ear, 0, 1);
      world.clock.advance(250);
      line.pong();
      await until(() => name === "claimed" || world.table.get(`cursor ${log.row.id} ${name}`) !== undefined);
    }
    await world.logs.close();
    const again = new RoomLogWorld({ table: world.table });
    const [found] = again.logs.load();
    const known = names.filter((name) => again.logs.handedTo(found ?? log, name) === 1);
    expect(known).toEqual(names.slice(-10));
    expect(again.logs.handedTo(found ?? log, "claimed")).toBe(0);
  });

  it("is not forgotten of who has a token, however many keys hear the room", async () => {
    const world = new RoomLogWorld({ limits: { roomCursorsMax: 10 } });
    const log = await world.begin("#a");
    world.say("#a", "one");
    await until(() => log.released === 1);
    const row = (name: string) => world.table.get(`cursor ${log.row.id} ${name}`);
    const reads = async (name: string, proof: string, isNoted = true): Promise<void> => {
      const ear = world.listen("x");
      const line = new Line(name, "proved", proof);
      ear.recipient = line;
      world.logs.given(log, ear, 0, 1);
      world.clock.advance(250);
      line.pong();
      if (isNoted) await until(() => row(name) !== undefined);
      else await until(() => world.logs.handedTo(log, name) === 0); // once it was not written
    };
    const known = (prefix: string): number =>
      Array.from({ length: 30 }, (_, at) => row(`${prefix}${String(at)}`)).filter(Boolean).length;
    for (let at = 0; at < 8; at += 1) await reads(`t${String(at)}`, `token:t${String(at)}`);
    for (let at = 0; at < 30; at += 1) await reads(`k${String(at)}`, `key:k${String(at)}`);
    expect([known("t"), known("k")]).toEqual([8, 2]);
    for (let at = 8; at < 10; at += 1) await reads(`t${String(at)}`, `token:t${String(at)}`);
    expect([known("t"), known("k")]).toEqual([10, 0]);
    await reads("k0", "key:k0", false);
    expect(known("t")).toBe(10);
    await reads("t10", "token:t10");
    expect(known("t")).toBe(10);
  });

  it("is noted later if it cannot be noted now, and the connection hears nothing of that", async () => {
    const { world, log, come, say } = await room();
    const { line } = come("bob");
    await say(2);
    world.clock.advance(250);
    const get = vi.spyOn(world.table, "get").mockImplementation(() => {
      throw new Error("damaged");
    });
    line.pong();
    get.mockRestore();
    expect([...world.failed, world.logs.handedTo(log, "bob")]).toEqual(["Error: damaged", 0]);
    await say(1);
    world.clock.advance(250);
    line.pong();
    expect(world.logs.handedTo(log, "bob")).toBe(3);
  });
});
