import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReadTurns, type Reader } from "../../src/core/index.js";

/** Time passes only by work. */
class Worked {
  now = 0;
  readonly monotonic = (): number => this.now;
  readonly missed = (): number => 0;
  /** What waits for its time: nothing comes by itself. */
  readonly timers = new Map<() => void, number>();
  readonly after = (ms: number, run: () => void): (() => void) => {
    this.timers.set(run, this.now + ms);
    return () => this.timers.delete(run);
  };

  /** Lets time pass without work, and calls what is due. */
  pass(ms: number): void {
    this.now += ms;
    for (const [run, at] of [...this.timers]) {
      if (at > this.now) continue;
      this.timers.delete(run);
      run();
    }
  }
}

/** A connection whose bytes take so many milliseconds each. */
class Slow implements Reader {
  isNew = false;
  heard = "";
  isPaused = false;
  /** It takes no more at a time. */
  mostBytes = Infinity;
  /** Sizes of the pieces that it was given. */
  readonly pieces: number[] = [];

  constructor(
    private readonly time: Worked,
    public msPerByte: number,
  ) {}

  take(bytes: Buffer): number {
    const taken = Math.min(bytes.length, this.mostBytes);
    this.time.now += taken * this.msPerByte;
    this.pieces.push(taken);
    this.heard += bytes.toString("latin1", 0, taken);
    return taken;
  }

  isStranger(): boolean {
    return this.isNew;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the turns of reading", () => {
  it("give what is quick at once, and pause nobody", () => {
    const time = new Worked();
    const quick = new Slow(time, 0);
    const turns = new ReadTurns(time);
    turns.read(quick, Buffer.alloc(2_000_000, "x"), true);
    expect(quick.heard).toHaveLength(2_000_000);
    expect(quick.isPaused).toBe(false);
    expect(quick.pieces.slice(0, 3), "pieces grow").toEqual([16_384, 32_768, 65_536]);
  });

  it("give the rest of what takes long in later turns, between others, and read on when all is taken", async () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const [slow, other] = [new Slow(time, 0.001), new Slow(time, 0.001)];
    turns.read(slow, Buffer.alloc(100_000, "a"), true);
    expect(slow.heard.length).toBeLessThan(50_000);
    expect(slow.isPaused).toBe(true);
    turns.read(other, Buffer.alloc(3_000, "b"), true);
    expect(other.heard, "the turn is over").toBe("");
    await turn();
    await turn();
    expect(other.heard).toBe("b".repeat(3_000));
    expect(slow.heard.length).toBeLessThan(100_000);
    expect(other.isPaused).toBe(false);
    while (slow.heard.length < 100_000) await turn();
    expect(slow.isPaused).toBe(false);
    expect(Math.min(...slow.pieces), "pieces shrink to 4 KiB and less").toBeLessThanOrEqual(4 * 1024);
  });

  it("pause who has used up a turn, until the next", async () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const slow = new Slow(time, 1);
    turns.read(slow, Buffer.alloc(100, "a"), true);
    expect(slow).toMatchObject({ isPaused: true, heard: "a".repeat(100) });
    await turn();
    expect(slow.isPaused).toBe(false);
  });

  it("let those who are here go before those who are not logged in", async () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const strangers = Array.from({ length: 20 }, () => Object.assign(new Slow(time, 1), { isNew: true }));
    for (const stranger of strangers) turns.read(stranger, Buffer.from("login"), false);
    expect(strangers.filter(({ heard }) => heard !== "")).toHaveLength(1);
    const known = new Slow(time, 1);
    turns.read(known, Buffer.from("chat"), false);
    expect(known.heard).toBe("chat");
    for (let at = 0; at < 20; at += 1) await turn();
    expect(strangers.map(({ heard, isPaused }) => [heard, isPaused])).toEqual(strangers.map(() => ["login", false]));
  });

  it("let who says little go before those who say much", async () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const floods = Array.from({ length: 50 }, () => new Slow(time, 0.001));
    for (const flood of floods) turns.read(flood, Buffer.alloc(60_000, "f"), true);
    const ping = new Slow(time, 0.001);
    turns.read(ping, Buffer.from("ping"), true);
    expect(ping.heard).toBe("ping");
    for (let at = 0; at < 2_000 && floods.some(({ isPaused }) => isPaused); at += 1) await turn();
    expect(floods.map(({ heard }) => heard.length)).toEqual(floods.map(() => 60_000));
  });

  it("let those who say much wait while what was read of them goes to crowds, and nobody else", async () => {
    const time = new Worked();
    let isBehind = true;
    const turns = new ReadTurns(time, () => isBehind);
    const [much, little, stranger] = [new Slow(time, 0), new Slow(time, 0), new Slow(time, 0)];
    stranger.isNew = true;
    turns.read(much, Buffer.alloc(10_000, "a"), true);
    turns.read(little, Buffer.alloc(100, "b"), true);
    turns.read(stranger, Buffer.alloc(5_000, "c"), true);
    for (let at = 0; at < 5; at += 1) await turn();
    expect([much, little, stranger].map(({ heard }) => heard.length)).toEqual([0, 100, 5_000]);
    expect(much.isPaused).toBe(true);
    isBehind = false;
    while (much.heard.length < 10_000) await turn();
    expect(much.isPaused).toBe(false);
  });

  it("end a turn within a piece when the reader stops there", async () => {
    const time = new Worked();
    const [slow, other] = [new Slow(time, 0.03), new Slow(time, 0)];
    slow.mostBytes = 100;
    const turns = new ReadTurns(time);
    turns.read(slow, Buffer.alloc(1_000, "a"), true);
    expect(slow.pieces, "3 ms each").toEqual([100, 100]);
    turns.read(other, Buffer.alloc(10, "b"), true);
    while (slow.heard.length < 1_000) await turn();
    expect(other.heard).toHaveLength(10);
    expect(slow.isPaused).toBe(false);
  });

  it("let what ends a connection come behind what it said", async () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const slow = new Slow(time, 0.001);
    const ends: number[] = [];
    turns.after(slow, () => ends.push(slow.heard.length));
    expect(ends, "nothing waits").toEqual([0]);
    turns.read(slow, Buffer.alloc(50_000, "a"), true);
    expect(turns.waits(slow)).toBe(true);
    turns.after(slow, () => ends.push(slow.heard.length));
    turns.after(slow, () => ends.push(slow.heard.length));
    expect(ends).toEqual([0]);
    while (turns.waits(slow)) await turn();
    expect(ends).toEqual([0, 50_000, 50_000]);
  });

  it("know how long each connection has waited, and since when the oldest waits", async () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const [one, two] = [new Slow(time, 1), new Slow(time, 1)];
    expect([turns.unheardSince, turns.waitedMs(one)]).toEqual([Infinity, 0]);
    turns.read(one, Buffer.alloc(4), true);
    expect([turns.unheardSince, turns.waitedMs(one)], "its turn is over: it is not read").toEqual([4, 0]);
    turns.read(two, Buffer.alloc(6), true);
    time.pass(1_000);
    expect([turns.waitedMs(one), turns.waitedMs(two)]).toEqual([1_000, 1_000]);
    await turn();
    expect([turns.unheardSince, turns.waitedMs(one), turns.waitedMs(two)]).toEqual([Infinity, 1_000, 1_006]);
    time.pass(1_000);
    expect(turns.waitedMs(two), "it waits no more").toBe(1_006);
  });

  it("do not count the time in which a connection waits against it, for as long again at most", async () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const [slow, silent] = [new Slow(time, 1), new Slow(time, 1)];
    const log: string[] = [];
    turns.read(slow, Buffer.alloc(5, "a"), true);
    turns.deadline(slow, 1_000, () => log.push(`slow after ${slow.heard.length}`));
    turns.deadline(silent, 1_000, () => log.push("silent"));
    turns.deadline(slow, 1_000, () => log.push("called off"))();
    turns.read(slow, Buffer.alloc(6, "b"), true);
    time.pass(900);
    await turn();
    time.pass(100);
    expect(log).toEqual(["silent"]);
    time.pass(905);
    expect(log, "906 of its 1,000 ms it waited").toEqual(["silent"]);
    time.pass(1);
    expect(log).toEqual(["silent", "slow after 11"]);
  });

  it("take what waits before a time is over, however long it has waited", async () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const slow = new Slow(time, 1);
    const log: string[] = [];
    turns.read(slow, Buffer.alloc(5, "a"), true);
    turns.deadline(slow, 1_000, () => log.push(`after ${slow.heard.length}`));
    const calledOff = turns.deadline(slow, 1_000, () => log.push("called off"));
    turns.read(slow, Buffer.alloc(2, "b"), true);
    time.pass(1_000);
    time.pass(5_000);
    calledOff();
    expect(log).toEqual([]);
    await turn();
    turns.read(slow, Buffer.alloc(3, "c"), true);
    expect(slow.heard, "it lay in the socket").toHaveLength(10);
    turns.read(slow, Buffer.alloc(3, "d"), true);
    time.pass(100);
    expect(log).toEqual([]);
    await turn();
    expect(log).toEqual(["after 13"]);
  });

  it("give back what a reader kept, before what waits", async () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const slow = new Slow(time, 1);
    turns.readAgain(slow, Buffer.from("a".repeat(4)));
    expect(slow.heard, "nothing waits, and there is time").toBe("aaaa");
    turns.read(slow, Buffer.from("c".repeat(6)), true);
    turns.readAgain(slow, Buffer.from("b".repeat(6)));
    expect(slow.heard).toBe("aaaa");
    while (turns.waits(slow)) await turn();
    expect(slow).toMatchObject({ heard: "aaaabbbbbbcccccc", isPaused: false });
  });

  it("keep the order of each connection, whoever reads on meanwhile, and copy what is lent", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 30_000 }), fc.boolean()), { maxLength: 40 }),
        async (said) => {
          const time = new Worked();
          const turns = new ReadTurns(time);
          const slow = [0, 1, 2].map((at) => new Slow(time, 0.0005 * at));
          for (const [at, reader] of slow.entries()) reader.mostBytes = [Infinity, 777, 10_000][at] ?? 1;
          const wanted = ["", "", ""];
          const shared = Buffer.alloc(30_000);
          let next = 0;
          for (const [at, size, logsIn] of said) {
            const text = Array.from({ length: size }, () => String.fromCharCode(97 + ((next += 1) % 26))).join("");
            wanted[at] = (wanted[at] ?? "") + text;
            shared.write(text, "latin1");
            const reader = slow[at];
            if (reader === undefined) continue;
            reader.isNew = !logsIn;
            turns.read(reader, shared.subarray(0, size), true);
            if (size % 5 === 0) await turn();
          }
          for (let at = 0; at < 400; at += 1) await turn();
          expect(slow.map(({ heard }) => heard)).toEqual(wanted);
          expect(slow.map(({ isPaused }) => isPaused)).toEqual([false, false, false]);
        },
      ),
      { seed: 15, numRuns: 60 },
    );
  });

  it("let nothing wait beyond 256 MB of all connections", () => {
    const time = new Worked();
    const turns = new ReadTurns(time);
    const slow = Array.from({ length: 300 }, () => new Slow(time, 1));
    const chunk = Buffer.alloc(1_000_000);
    for (const reader of slow) turns.read(reader, chunk, false);
    const waiting = slow.filter(({ heard }) => heard === "").length;
    expect(waiting).toBeGreaterThan(200);
    expect(waiting * 1_000_000).toBeLessThanOrEqual(256 * 1024 * 1024);
  });
});
