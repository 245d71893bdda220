import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { LoopClock, type Clock } from "../../../src/core/index.js";
import { eventually } from "../../kit/broker.js";
import { WsWorld, type Accepted } from "../../kit/ws-world.js";

describe("a WebSocket connection to which something is handed over (protocols §9.1)", () => {
  let world: WsWorld;
  let client: WebSocket;
  let accepted: Accepted;
  /** What the client heard, in order: texts, and the marks of pings in hex. */
  let heard: string[];
  let marks: Buffer[];
  let proved: number[];

  const open = async (
    limits: ConstructorParameters<typeof WsWorld>[0] = {},
    options: { autoPong?: boolean } = { autoPong: false },
    clock?: Clock,
  ): Promise<void> => {
    world = new WsWorld(limits, 0, clock);
    await world.edge.start();
    ({ client, accepted } = await world.connect("/pan", options));
    accepted.connection.admitted();
    [heard, marks, proved] = [[], [], []];
    client.on("message", (data: Buffer) => heard.push(data.toString()));
    client.on("ping", (mark: Buffer) => {
      if (mark.length > 0) marks.push(mark);
      heard.push(mark.length > 0 ? "mark" : "ping");
    });
  };
  afterEach(async () => {
    await world.stop();
    const { copies, written, dropped, pending } = world.ledger.copies;
    expect(copies).toBe(written + dropped.full + dropped.closed + pending);
    expect([pending, world.total.bytes]).toEqual([0, 0]);
  });

  const offer = (text: string): string => accepted.connection.offer(text);
  const prove = (): void => {
    accepted.connection.prove({}, (tookMs) => proved.push(tookMs));
  };
  /** Resolves to the mark of the next ping that asks. */
  const asked = async (count = marks.length + 1): Promise<Buffer> => {
    await eventually(() => marks.length >= count, "the ping");
    return marks[count - 1] ?? Buffer.alloc(0);
  };
  /** All that the client has sent has been read. */
  const read = async (): Promise<void> => {
    const count = accepted.frames.length;
    client.send("read?");
    await eventually(() => accepted.frames.length > count, "the broker reads");
  };

  it("asks by a ping behind it, whose mark of 8 bytes alone proves it, once", async () => {
    await open();
    for (const text of ["one", "two"]) expect(offer(text)).toBe("taken");
    prove();
    expect(offer("three")).toBe("taken");
    const mark = await asked();
    expect(mark).toHaveLength(8);
    await eventually(() => heard.length === 4, "all");
    expect(heard).toEqual(["one", "two", "mark", "three"]);
    const forged = [Buffer.alloc(0), Buffer.alloc(8), mark.subarray(0, 7), Buffer.concat([mark, Buffer.alloc(1)])];
    for (const wrong of forged) client.pong(wrong);
    await read();
    expect(proved).toEqual([]);
    for (let twice = 0; twice < 2; twice += 1) client.pong(mark);
    await read();
    expect(proved).toHaveLength(1);
    expect(proved[0]).toBeGreaterThan(0);
  });

  it("answers the mailbox that asked, however often its rooms ask again while a slow client proves nothing", async () => {
    await open();
    prove();
    const mark = await asked();
    let isMailboxTold = false;
    accepted.connection.prove({}, () => (isMailboxTold = true));
    const rooms = {};
    const minutes: number[] = [];
    for (let minute = 0; minute < 100; minute += 1) accepted.connection.prove(rooms, () => minutes.push(minute));
    client.pong(mark);
    client.pong(await asked(2));
    await eventually(() => isMailboxTold, "the mailbox is told");
    expect([proved.length, minutes]).toEqual([1, [99]]);
  });

  it("takes no answer to an earlier question for one to the next, and no pong that comes unasked", async () => {
    await open();
    client.pong(Buffer.alloc(8));
    await read();
    prove();
    const first = await asked(1);
    client.pong(first);
    await eventually(() => proved.length === 1, "the first proof");
    prove();
    const second = await asked(2);
    expect(second.equals(first)).toBe(false);
    client.pong(first);
    client.pong();
    await read();
    expect(proved).toHaveLength(1);
    client.pong(second);
    await eventually(() => proved.length === 2, "the second proof");
  });

  it("is proved nothing by answers to its other pings, which go on before and after", async () => {
    await open({ wsPingMs: 40 });
    const answering = (): void => {
      client.pong();
    };
    const pings = (): number => heard.filter((what) => what === "ping").length;
    client.on("ping", answering);
    await eventually(() => pings() > 2, "pings of its own");
    prove();
    const mark = await asked();
    expect(await accepted.connection.alive(5_000)).toBe(true);
    client.off("ping", answering);
    await read();
    expect(proved).toEqual([]);
    client.pong(mark);
    await eventually(() => proved.length === 1, "the proof");
    const before = pings();
    client.on("ping", answering);
    await eventually(() => pings() > before + 2, "pings of its own go on");
  });

  it("repeats its question in its other pings, as a client may answer the last one only (RFC 6455 §5.5.3)", async () => {
    await open({ wsPingMs: 40, provingMs: 10_000 });
    prove();
    const [first, last] = [await asked(1), await asked(4)];
    expect(last).toEqual(first);
    expect(heard).not.toContain("ping");
    client.pong(last);
    await eventually(() => proved.length === 1, "the proof");
    client.pong(last);
    await read();
    expect(proved).toHaveLength(1);
  });

  it("is cut for silence after provingMs only while it has not proved it, then as any other", async () => {
    await open({ wsPingMs: 40, provingMs: 500 });
    const begun = performance.now();
    prove();
    expect((await accepted.closed).code).toBe(1006);
    expect(performance.now() - begun).toBeGreaterThan(450);
    expect([world.ledger.reasons["ws-silent"], proved]).toEqual([1, []]);
    const other = await world.connect("/pan", { autoPong: false });
    const mark = once(other.client, "ping");
    other.accepted.connection.prove({}, () => {
      proved.push(0);
    });
    other.client.pong((await mark)[0]);
    await eventually(() => proved.length === 1, "the proof");
    const since = performance.now();
    await other.accepted.closed;
    expect(performance.now() - since).toBeLessThan(400);
  });

  it("is not cut for silence while it says something, however long the proof takes", async () => {
    await open({ wsPingMs: 30, provingMs: 60 });
    prove();
    const talking = setInterval(() => {
      client.send("busy");
    }, 10);
    await eventually(() => accepted.frames.length > 40, "it talks");
    clearInterval(talking);
    client.pong(await asked(1));
    await eventually(() => proved.length === 1, "the proof");
  });

  it("whose peer pauses its socket proves nothing until it reads, and is not cut meanwhile", async () => {
    await open({ wsPingMs: 30, provingMs: 10_000 }, { autoPong: true });
    client.pause();
    for (let n = 0; n < 8; n += 1) expect(offer(String(n))).toBe("taken");
    prove();
    await eventually(() => world.ledger.copies.written === 8, "the system has taken all of it");
    await new Promise((resolve) =>
      accepted.connection.deadline(300, () => {
        resolve(undefined);
      }),
    );
    expect([proved, heard, client.readyState]).toEqual([[], [], client.OPEN]);
    client.resume();
    await eventually(() => proved.length === 1, "the proof");
    expect(proved[0]).toBeGreaterThan(250);
    expect(heard.slice(0, 9)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "mark"]);
  });

  it("is full while much waits, counts nothing then, and has room again with the next proof", async () => {
    await open({ wsBacklogMaxBytes: 400_000 }, { autoPong: true });
    client.pause();
    let taken = 0;
    let became = "taken";
    const frame = accepted.connection.prepare("x".repeat(50_000));
    for (let n = 0; n < 2_000 && became === "taken"; n += 1) {
      became = accepted.connection.offer(frame);
      if (became === "taken") taken += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(became).toBe("full");
    expect(accepted.connection.buffered).toBeLessThanOrEqual(250_100);
    expect(world.ledger.copies).toMatchObject({ copies: taken, dropped: { full: 0, closed: 0, unrenderable: 0 } });
    expect(accepted.connection.dropped).toBe(0);
    // What does not wait has room all the same.
    expect(accepted.connection.send("y".repeat(50_000), true)).toBe(true);
    prove();
    client.resume();
    await eventually(() => proved.length === 1, "the proof");
    expect(heard.filter((what) => what !== "mark")).toHaveLength(taken + 1);
    expect(accepted.connection.offer(frame)).toBe("taken");
  });

  it("says of what can never wait that it is too large, to the byte, and takes the largest that can", async () => {
    await open({ wsBacklogMaxBytes: 100_000 }, { autoPong: true });
    const header = 10;
    expect(offer("x".repeat(100_000 - header + 1))).toBe("too-large");
    expect(world.ledger.copies.copies).toBe(0);
    expect(offer("x".repeat(100_000 - header))).toBe("taken");
    await eventually(() => heard.length === 1, "it comes");
  });

  it("proves nothing once it has ended, whoever ended it", async () => {
    await open({}, { autoPong: true });
    prove();
    accepted.connection.close({ code: 1000, reason: "bye" });
    prove();
    expect(offer("too late")).toBe("closed");
    await accepted.closed;
    const other = await world.connect("/pan", { autoPong: true });
    other.accepted.connection.prove({}, (tookMs) => proved.push(tookMs));
    other.client.terminate();
    await other.accepted.closed;
    other.accepted.connection.prove({}, (tookMs) => proved.push(tookMs));
    const third = await world.connect("/pan", { autoPong: true });
    third.accepted.connection.prove({}, (tookMs) => proved.push(tookMs));
    third.accepted.connection.terminate();
    await third.accepted.closed;
    expect([proved, world.ledger.copies.copies]).toEqual([[], 0]);
  });

  it("is cut while it proves nothing if bytes wait and none leaves for stuckMs", async () => {
    await open({ stuckMs: 100 });
    client.pause();
    let became = "taken";
    for (let n = 0; n < 2_000 && became === "taken"; n += 1) {
      became = offer("x".repeat(60_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    prove();
    await accepted.closed;
    expect([world.ledger.reasons["ws-stuck"], proved]).toEqual([1, []]);
  });

  it("is not cut for the time in which our loop stood still, and has the answer counted that came meanwhile", async () => {
    await open({ wsPingMs: 50, provingMs: 700 }, { autoPong: false }, new LoopClock());
    prove();
    const mark = await asked();
    await asked(3); // its other pings are unanswered, too
    client.pong(mark);
    // The answer lies in the socket, and this process stands still for longer than anybody may be silent.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    await eventually(() => proved.length === 1, "the proof");
    expect(proved[0]).toBeLessThan(1_000);
    expect(world.ledger.reasons["ws-silent"]).toBeUndefined();
  });
});
