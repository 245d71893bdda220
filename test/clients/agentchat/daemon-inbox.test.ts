import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Inbox, quietMs } from "../../../clients/typescript/agentchat/daemon/inbox.js";
import { DaemonLog } from "../../../clients/typescript/agentchat/daemon/log.js";
import { blockAppends, jsonLines, tempDir } from "./daemon-world.js";

describe("the inbox and the log", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let path: string;
  let logPath: string;
  let log: DaemonLog;
  let inbox: Inbox;
  let nowMs = 0;
  const clock = (): number => nowMs;
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    temp = await tempDir();
    path = join(temp.dir, "inbox.jsonl");
    logPath = join(temp.dir, "daemon.log");
    log = new DaemonLog(logPath);
    inbox = new Inbox(path, log, clock);
  });
  afterEach(async () => {
    inbox.close();
    vi.useRealTimers();
    vi.restoreAllMocks();
    await temp.remove();
  });
  const numbersIn = (file: string): unknown[] => jsonLines(file).map(({ n }) => n);
  const numbers = (): unknown[] => numbersIn(path);
  const from = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, n) => first + n);
  const linesOf = (first: number, last: number): string =>
    from(first, last)
      .map((n) => `{"n":${n}}\n`)
      .join("");
  function pass(ms: number): void {
    nowMs += ms;
    vi.advanceTimersByTime(ms);
  }
  function add(first: number, last = first, step = 1): void {
    for (let n = first; n <= last; n += 1) {
      inbox.add({ n });
      if (n % step === 0) vi.advanceTimersByTime(0);
    }
    vi.advanceTimersByTime(0);
  }

  it("holds what was heard, in order, over a restart", () => {
    add(1, 5);
    inbox = new Inbox(path, log, clock);
    add(6);
    expect(numbers()).toEqual(from(1, 6));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("is begun anew in place when it has 1,000 lines, which stay beside it; what comes before is gathered on disk", () => {
    add(1, 1_000, 7);
    const { ino } = statSync(path);
    add(1_001, 1_003);
    expect([numbers(), numbersIn(`${path}.gathered`)]).toEqual([from(1, 1_000), from(1_001, 1_003)]);
    pass(quietMs - 1);
    expect(numbers()).toHaveLength(1_000);
    pass(1);
    expect([numbers(), numbersIn(`${path}.1`)]).toEqual([from(1_001, 1_003), from(1, 1_000)]);
    expect([existsSync(`${path}.gathered`), statSync(path).ino]).toEqual([false, ino]);
    add(1_004);
    expect(numbers()).toEqual(from(1_001, 1_004));
    expect(inbox.lines().filter((line) => line !== "")).toHaveLength(1_004);
  });

  it("never holds more than 1,000 lines, however fast they come, and loses none", () => {
    for (let n = 1; n <= 9_000; n += 300) {
      add(n, n + 299, 100);
      expect(numbers().length).toBeLessThanOrEqual(1_000);
      pass(100);
    }
    pass(quietMs);
    expect([...numbersIn(`${path}.1`), ...numbers()].slice(-1_100)).toEqual(from(7_901, 9_000));
  });

  it("stays smaller than before the cut for as long as a follower may not have seen it", () => {
    add(1, 1_000, 100);
    const { size } = statSync(path);
    inbox.add({ n: 1_001, long: "x".repeat(size) });
    vi.advanceTimersByTime(0);
    pass(quietMs);
    expect(statSync(path).size).toBe(0);
    add(1_002);
    expect(statSync(path).size).toBe(0);
    pass(quietMs);
    expect(numbers()).toEqual([1_001, 1_002]);
    add(1_003);
    expect(numbers()).toEqual([1_001, 1_002, 1_003]);
  });

  it("goes on after a kill at any step of a cut: no line is lost, none stands twice", () => {
    const [old, fresh] = [linesOf(1, 1_000), linesOf(1_001, 1_004)];
    for (const [before, has, half] of [
      ["full", old, ""],
      ["emptied", "", ""],
      ["with some lines of it", linesOf(1_001, 1_002), ""],
      ["with one and a half", fresh.slice(0, 15), ""],
      ["with all of it", fresh, ""],
      ["appended to", linesOf(900, 1_000) + linesOf(1_001, 1_003), ""],
      ["full, and half a line was gathered", old, '{"n":'],
    ] as const) {
      writeFileSync(path, has);
      writeFileSync(`${path}.1`, old);
      writeFileSync(`${path}.gathered`, fresh + half);
      inbox = new Inbox(path, log, clock);
      inbox.open();
      add(1_005);
      pass(quietMs);
      expect([before, numbers().slice(-5)]).toEqual([before, from(1_001, 1_005)]);
      expect(new Set(numbers()).size).toBe(numbers().length);
      expect([existsSync(`${path}.gathered`), numbersIn(`${path}.1`).at(-1)]).toEqual([false, 1_000]);
    }
  });

  it("is begun anew with a folder in the place of the older lines, and says so once", () => {
    mkdirSync(`${path}.1`);
    add(1, 1_001);
    pass(quietMs);
    pass(quietMs);
    add(1_002, 2_500, 500);
    pass(quietMs);
    expect(numbers()).toEqual(from(2_001, 2_500));
    expect(jsonLines(logPath).filter(({ level }) => level === "warn")).toMatchObject([
      { event: "the older half of the inbox cannot be kept in inbox.jsonl.1" },
    ]);
  });

  it("trims what somebody else has left too long", () => {
    writeFileSync(path, linesOf(1, 1_500));
    add(1_501);
    pass(quietMs);
    expect(numbers()).toEqual([1_501]);
    appendFileSync(path, linesOf(2_000, 3_100));
    add(3_101);
    pass(quietMs);
    expect(numbers()).toEqual([3_101]);
  });

  it("lets its reader empty or remove it", () => {
    add(1, 3);
    truncateSync(path);
    add(4);
    expect(numbers()).toEqual([4]);
    rmSync(path);
    add(5);
    expect(numbers()).toEqual([5]);
  });

  it("puts a line that says so in the place of half a line, and never becomes shorter", () => {
    for (const half of ['{"n":', `{"n":3,"long":"${"x".repeat(500)}`]) {
      writeFileSync(path, `{"n":1}\n{"n":2}\n${half}`);
      const { size } = statSync(path);
      inbox = new Inbox(path, log, clock);
      inbox.open();
      add(4);
      expect(jsonLines(path)).toMatchObject([{ n: 1 }, { n: 2 }, { type: "ERROR", code: "INTERNAL" }, { n: 4 }]);
      expect(statSync(path).size).toBeGreaterThan(size);
    }
  });

  it("keeps what it cannot write until it can, says so once, and writes it once", () => {
    add(1);
    const lift = blockAppends(path);
    add(2, 3);
    pass(3_000);
    lift();
    expect(numbers()).toEqual([1]);
    pass(1_000);
    expect(numbers()).toEqual([1, 2, 3]);
    expect(jsonLines(logPath)).toMatchObject([
      { code: "EISDIR", event: "inbox cannot be written; what is heard waits" },
      { event: "inbox is written again" },
    ]);
  });

  it("leaves nothing gathered behind when it ends in order", async () => {
    vi.useRealTimers();
    inbox = new Inbox(path, log);
    writeFileSync(path, linesOf(1, 1_000));
    inbox.add({ n: 1_001 });
    await inbox.settled();
    inbox.close();
    expect([numbers(), existsSync(`${path}.gathered`)]).toEqual([[1_001], false]);
  });

  it("writes what waits when it is closed", () => {
    inbox.add({ n: 1 });
    inbox.close();
    expect(numbers()).toEqual([1]);
  });

  it("moves a log of more than 5 MB aside once", () => {
    writeFileSync(logPath, `${"x".repeat(5 * 1024 * 1024)}\n`);
    log.info({}, "new");
    expect(jsonLines(logPath)).toMatchObject([{ level: "info", event: "new" }]);
    writeFileSync(logPath, `${"y".repeat(5 * 1024 * 1024)}\n`);
    log.info({}, "newer");
    expect(readFileSync(`${logPath}.1`, "utf8")[0]).toBe("y");
  });

  it("empties a log of more than 5 MB where a folder lies in the place of its older half, and says so", () => {
    mkdirSync(`${logPath}.1`);
    writeFileSync(logPath, "x".repeat(5 * 1024 * 1024 + 1));
    log.info({}, "new");
    log.info({}, "newer");
    expect(jsonLines(logPath)).toMatchObject([{ level: "warn", code: "EISDIR" }, { event: "new" }, { event: "newer" }]);
  });

  it("logs to stderr while the disk is full, and then how much is missing", () => {
    const said: string[] = [];
    vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
    symlinkSync("/dev/full", logPath);
    log.warn({ code: "X" }, "one");
    log.warn({ code: "X" }, "two");
    expect(said.join("")).toMatch(/"event":"one"[^]*ENOSPC[^]*"event":"two"/);
    rmSync(logPath);
    log.info({}, "three");
    expect(jsonLines(logPath)).toMatchObject([
      { event: "log lines could not be written", count: 2 },
      { event: "three" },
    ]);
  });

  it("ends a half line of the log before it goes on", () => {
    writeFileSync(logPath, '{"half');
    log.info({}, "whole");
    expect(readFileSync(logPath, "utf8")).toMatch(/^\{"half\n\{.*"whole"\}\n$/);
  });
});
