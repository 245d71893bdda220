import { once } from "node:events";
import { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { eventually } from "../../kit/broker.js";
import { WsWorld, type Accepted } from "../../kit/ws-world.js";

describe("a WebSocket connection", () => {
  let world: WsWorld;
  let client: WebSocket;
  let accepted: Accepted;
  const open = async (
    limits: ConstructorParameters<typeof WsWorld>[0] = {},
    options: { autoPong?: boolean } = {},
  ): Promise<void> => {
    world = new WsWorld(limits);
    await world.edge.start();
    ({ client, accepted } = await world.connect("/pan", options));
  };
  afterEach(async () => {
    await world.stop();
    const { copies, written, dropped, pending } = world.ledger.copies;
    expect(copies).toBe(written + dropped.full + dropped.closed + pending);
    expect(pending).toBe(0);
    expect(world.total.bytes).toBe(0);
  });

  it("carries text and binary both ways, whole and in order, of every length", async () => {
    await open();
    accepted.connection.admitted();
    const sizes = [0, 1, 125, 126, 65_535, 65_536];
    const heard: (string | Buffer)[] = [];
    client.on("message", (data: Buffer, isBinary) => heard.push(isBinary ? data : data.toString()));
    for (const size of sizes) {
      client.send("ü".repeat(size / 2));
      client.send(Buffer.alloc(size, 7));
      accepted.connection.send("é".repeat(size / 2), true);
      accepted.connection.send(accepted.connection.prepare(Buffer.alloc(size, 9)), true);
      accepted.connection.send(`answer ${size}`, false);
    }
    await eventually(() => heard.length === sizes.length * 3 && accepted.frames.length === sizes.length * 2, "all");
    expect(accepted.frames).toEqual(sizes.flatMap((size) => ["ü".repeat(size / 2), Buffer.alloc(size, 7)]));
    expect(heard).toEqual(sizes.flatMap((size) => ["é".repeat(size / 2), Buffer.alloc(size, 9), `answer ${size}`]));
    expect(world.ledger.copies).toMatchObject({ copies: 12, written: 12, pending: 0 });
  });

  it.each(["a close frame", "the end of the socket"])(
    "hears all that was said before %s, in order, while others are heard in between",
    async (end) => {
      await open();
      accepted.connection.admitted();
      const other = await world.connect();
      const heardBefore: number[] = [];
      world.onFrame = (from) => {
        if (from !== accepted) heardBefore.push(accepted.frames.length);
        const until = performance.now() + 0.1;
        while (performance.now() < until);
      };
      for (let n = 0; n < 2_000; n += 1) client.send(`${String(n)} ${"x".repeat(100)}`);
      other.client.send("between");
      if (end === "a close frame") client.close(1000);
      else {
        const socket: unknown = Reflect.get(client, "_socket");
        if (socket instanceof Socket) socket.end();
      }
      await accepted.closed;
      expect(accepted.frames.map((frame) => parseInt(String(frame)))).toEqual(
        Array.from({ length: 2_000 }, (_, n) => n),
      );
      expect(heardBefore).toHaveLength(1);
      expect(heardBefore[0]).toBeLessThan(2_000);
    },
  );

  /** Takes a millisecond for whatever comes, so that what comes after it waits for its turn. */
  const workSlowly = (): void => {
    world.onFrame = () => {
      const until = performance.now() + 1;
      while (performance.now() < until);
    };
  };

  it("outlives connections that flood and are reset or end while their bytes wait", async () => {
    await open();
    workSlowly();
    const floods = await Promise.all(Array.from({ length: 30 }, () => world.connect()));
    for (const [at, flood] of floods.entries()) {
      for (let n = 0; n < 100; n += 1) flood.client.send("x".repeat(20));
      const socket: unknown = Reflect.get(flood.client, "_socket");
      if (!(socket instanceof Socket)) throw new Error("ws has no socket of this name any more");
      if (at % 2 === 0) socket.resetAndDestroy();
      else socket.end();
    }
    await Promise.all(floods.map(({ accepted: one }) => one.closed));
    for (const [at, flood] of floods.entries()) if (at % 2 === 1) expect(flood.accepted.frames).toHaveLength(100);
    client.send("still here");
    await eventually(() => accepted.frames.length === 1, "others are heard");
    expect(world.logged).toEqual([]);
  });

  it("is alive though its answer waits behind what others say", async () => {
    await open();
    accepted.connection.admitted();
    workSlowly();
    const floods = await Promise.all(Array.from({ length: 40 }, () => world.connect()));
    for (const flood of floods) {
      flood.accepted.connection.admitted();
      for (let n = 0; n < 100; n += 1) flood.client.send("x".repeat(1_000));
    }
    await eventually(() => floods.some((flood) => flood.accepted.frames.length > 0), "they are heard");
    // All of it takes 4 s, and the pong comes in the midst of it.
    for (let n = 0; n < 50; n += 1) client.send("x".repeat(1_000));
    expect(await accepted.connection.alive(500)).toBe(true);
  });

  it("reads and forgets what comes behind a message that is far too long, so that its author hears why", async () => {
    await open({ wsFrameMaxBytes: 1_000 });
    accepted.connection.admitted();
    client.send(Buffer.alloc(20_000_000));
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    expect([code, String(reason)]).toEqual([
      1009,
      "a message has at most 1000 bytes (wsFrameMaxBytes); send it in parts",
    ]);
    await accepted.closed;
    expect(world.ledger.reasons).toEqual({ "ws-frame-too-large": 1 });
  });

  it("tells of a message beyond the limit and lives; closes 1009 beyond twice the limit, and counts it", async () => {
    await open({ wsFrameMaxBytes: 100 });
    client.send("x".repeat(200));
    await eventually(() => accepted.oversized.length === 1, "the message that is too long");
    expect(accepted.oversized).toEqual([200]);
    client.send("x".repeat(201));
    expect((await once(client, "close"))[0]).toBe(1009);
    await accepted.closed;
    expect(world.ledger.reasons["ws-frame-too-large"]).toBe(1);
    expect(accepted.frames).toEqual([]);
  });

  it("closes 1009 on too much before the login, and takes any amount after it", async () => {
    await open({ wsPreLoginMaxBytes: 1_000 });
    for (let n = 0; n < 10; n += 1) client.send("x".repeat(100));
    await eventually(() => accepted.frames.length === 10, "as much as may be");
    accepted.connection.admitted();
    for (let n = 0; n < 11; n += 1) client.send("x".repeat(100));
    await eventually(() => accepted.frames.length === 21, "the rest");
    const stranger = await world.connect();
    for (let n = 0; n < 11; n += 1) stranger.client.send("x".repeat(100));
    expect((await once(stranger.client, "close"))[0]).toBe(1009);
    expect([stranger.accepted.frames.length, world.ledger.reasons["ws-pre-login-full"]]).toEqual([10, 1]);
  });

  it("closes 1008 on a message of too many fragments", async () => {
    await open({ wsFragmentsMax: 4 });
    for (let n = 0; n < 5; n += 1) client.send("x", { fin: false });
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    expect([code, String(reason)]).toEqual([1008, "a message has at most 4 fragments (wsFragmentsMax); send it whole"]);
    await accepted.closed;
    expect(accepted.frames).toEqual([]);
    expect(world.ledger.reasons).toEqual({ "ws-fragments-full": 1 });
  });

  it("closes 1007 on text that is no UTF-8", async () => {
    await open();
    client.send(Buffer.from([0xc3, 0x28]), { binary: false });
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    expect([code, String(reason)]).toEqual([1007, "text must be UTF-8"]);
    expect(world.ledger.reasons["ws-protocol-error"]).toBe(1);
  });

  it("says goodbye after everything queued, with a reason that fits", async () => {
    await open();
    const heard: string[] = [];
    client.on("message", (data: Buffer) => heard.push(data.toString()));
    for (let n = 0; n < 1_000; n += 1) accepted.connection.send(`${n} ${"x".repeat(500)}`, true);
    accepted.connection.close({ code: 4409, reason: "ü".repeat(200) });
    expect(accepted.connection.send("too late", true)).toBe(false);
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    expect(code).toBe(4409);
    expect(reason.toString()).toMatch(/^ü+…$/);
    expect(heard).toHaveLength(1_000);
    expect(world.ledger.copies).toMatchObject({ written: 1_000, dropped: { closed: 1 } });
  });

  it("answers a peer's close behind what is queued, never within a frame that is half written", async () => {
    await open();
    const heard: number[] = [];
    client.on("message", (data: Buffer) => heard.push(data.length));
    client.pause();
    let sent = 0;
    while (accepted.connection.buffered < 2 * 1024 * 1024 && accepted.connection.send("x".repeat(300_001), true)) {
      sent += 1;
      await new Promise(setImmediate);
    }
    client.close(4001, "enough");
    await eventually(() => !accepted.connection.send("", true), "the close is known");
    client.resume();
    expect((await once(client, "close"))[0]).toBe(4001);
    expect(heard.filter((length) => length > 0)).toEqual(new Array(sent).fill(300_001));
    expect((await accepted.closed).code).toBe(4001);
    expect(world.ledger.copies).toMatchObject({ written: heard.length, dropped: { closed: 1 } });
  });

  it("ends the connection of a peer that closes and does not read", async () => {
    await open({ drainFlushMs: 50 });
    client.pause();
    while (accepted.connection.buffered < 2 * 1024 * 1024 && accepted.connection.send("x".repeat(300_001), true))
      await new Promise(setImmediate);
    client.close(1000);
    expect((await accepted.closed).code).toBe(1000);
    await eventually(() => world.ledger.reasons["ws-close-backlog"] === 1, "its line is cut");
  });

  it("ends the connection of a peer that does not answer the goodbye", async () => {
    await open();
    client.pause();
    accepted.connection.close({ code: 1000, reason: "" });
    expect((await accepted.closed).code).toBe(1006);
    expect(world.ledger.reasons["ws-close-unanswered"]).toBe(1);
  });

  it("drops the newest for a peer that does not read, tells when it reads again, and hurts nobody else", async () => {
    await open({ wsBacklogMaxBytes: 200_000 });
    const other = await world.connect();
    let others = 0;
    other.client.on("message", () => (others += 1));
    client.pause();
    const frame = accepted.connection.prepare("x".repeat(20_000));
    let taken = 0;
    for (let n = 0; n < 1_000; n += 1) {
      if (accepted.connection.send(frame, true)) taken += 1;
      other.accepted.connection.send("small", true);
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(world.ledger.copies.dropped.full).toBe(1_000 - taken);
    expect(world.ledger.copies.dropped.full).toBeGreaterThan(0);
    expect(accepted.connection.buffered).toBeLessThanOrEqual(200_000);
    await eventually(() => others === 1_000, "the other one has all");
    let heard = 0;
    client.on("message", () => (heard += 1));
    client.resume();
    await eventually(
      () => heard === taken && accepted.drained > 0,
      "everything taken arrives, and the backlog is small",
    );
  });

  it("does not read a peer that does not read its answers", async () => {
    await open({ wsBacklogMaxBytes: 100_000 });
    world.onFrame = ({ connection }) => {
      connection.send("y".repeat(50_000), false);
    };
    accepted.connection.admitted();
    client.pause();
    // More than one chunk of the socket's: what has been read is handled.
    for (let n = 0; n < 2_000; n += 1) client.send("question".padEnd(1_000));
    await eventually(() => (world.ledger.reasons["ws-reader-paused"] ?? 0) > 0, "reading stops");
    const read = accepted.frames.length;
    client.resume();
    await eventually(() => accepted.frames.length === 2_000, "and goes on");
    expect(read).toBeLessThan(2_000);
  });

  it("reads nothing while it is told so, all of it afterwards, and takes its peer for alive meanwhile", async () => {
    await open({ wsPingMs: 40 }, { autoPong: false });
    accepted.connection.admitted();
    client.send("first");
    await eventually(() => accepted.frames.length === 1, "the first");
    accepted.connection.pauseReading();
    for (let n = 0; n < 50; n += 1) client.send("x".repeat(1_000));
    expect(await accepted.connection.alive(5_000)).toBe(true);
    await new Promise((resolve) =>
      accepted.connection.deadline(200, () => {
        resolve(undefined);
      }),
    );
    expect(accepted.frames).toHaveLength(1);
    expect(world.ledger.reasons).toEqual({ "ws-reader-held": 1 });
    accepted.connection.resumeReading();
    await eventually(() => accepted.frames.length === 51, "the rest");
  });

  it("ends while nothing is read", async () => {
    await open();
    accepted.connection.pauseReading();
    client.send("unread");
    accepted.connection.close({ code: 1000, reason: "bye" });
    expect((await once(client, "close"))[0]).toBe(1000);
    await accepted.closed;
    const other = await world.connect();
    other.accepted.connection.pauseReading();
    other.client.terminate();
    await world.stop();
    expect(world.ledger.reasons["ws-close-unanswered"]).toBeUndefined();
  });

  it("answers pings, and pings", async () => {
    await open({ wsPingMs: 40 });
    client.ping("are you there");
    expect(String((await once(client, "pong"))[0])).toBe("are you there");
    await once(client, "ping");
    await once(client, "ping");
    expect(client.readyState).toBe(client.OPEN);
  });

  it("cuts a peer that answers no ping", async () => {
    await open({ wsPingMs: 40 }, { autoPong: false });
    expect((await accepted.closed).code).toBe(1006);
    expect(world.ledger.reasons["ws-silent"]).toBe(1);
  });

  it("cuts a peer of which nothing leaves any more", async () => {
    await open({ stuckMs: 100 });
    client.pause();
    const frame = accepted.connection.prepare("x".repeat(60_000));
    for (let n = 0; n < 200; n += 1) {
      accepted.connection.send(frame, true);
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await accepted.closed;
    expect(world.ledger.reasons["ws-stuck"]).toBe(1);
    expect(world.ledger.copies.dropped.closed).toBeGreaterThan(0);
  });

  it("knows whether its peer lives", async () => {
    await open({}, { autoPong: false });
    expect(await accepted.connection.alive(50)).toBe(false);
    const answer = accepted.connection.alive(5_000);
    client.send("here");
    expect(await answer).toBe(true);
    const [one, two] = [accepted.connection.alive(5_000), accepted.connection.alive(5_000)];
    client.terminate();
    expect(await Promise.all([one, two])).toEqual([false, false]);
    expect(await accepted.connection.alive(5_000)).toBe(false);
  });

  it("gives its memory back at once when it is evicted", async () => {
    await open({ backlogTotalMaxBytes: 300_000 });
    client.pause();
    const frame = accepted.connection.prepare("x".repeat(10_000));
    for (let n = 0; n < 1_000 && accepted.connection.send(frame, true); n += 1) {
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await accepted.closed;
    expect(world.ledger.reasons["ws-evicted"]).toBe(1);
    expect(world.total.bytes).toBe(0);
  });
});
