import { appendFileSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Inbox } from "../../../clients/typescript/agentchat/daemon/inbox.js";
import { DaemonLog } from "../../../clients/typescript/agentchat/daemon/log.js";
import { block, jsonLines, tempDir } from "./daemon-world.js";

describe("the inbox and the log", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let path: string;
  let logPath: string;
  let log: DaemonLog;
  let inbox: Inbox;
  /** How long a look at the clock takes, milliseconds: a disk that is as slow. */
  let tickMs: number;
  let nowMs = 0;
  const clock = (): number => (nowMs += tickMs);
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    temp = await tempDir();
    tickMs = 0;
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
  const numbers = (): unknown[] => jsonLines(path).map(({ n }) => n);
  const from = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, n) => first + n);
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

  it("never holds more than 1,000 lines, the last ones, and is replaced in one step", () => {
    add(1, 1_000, 7);
    const { ino } = statSync(path);
    expect(numbers()).toEqual(from(1, 1_000));
    add(1_001);
    expect(statSync(path).ino).not.toBe(ino);
    expect(numbers()).toEqual(from(2, 1_001));
    add(1_002, 3_500, 100);
    expect(numbers()).toEqual(from(2_501, 3_500));
  });

  it("trims what an earlier run, or somebody else, has left too long", () => {
    writeFileSync(
      path,
      from(1, 1_500)
        .map((n) => `{"n":${n}}\n`)
        .join(""),
    );
    add(1_501);
    expect(numbers()).toEqual(from(502, 1_501));
    appendFileSync(
      path,
      from(2_000, 2_600)
        .map((n) => `{"n":${n}}\n`)
        .join(""),
    );
    add(2_601);
    expect(numbers()).toHaveLength(1_000);
  });

  it("gathers what is heard while a full one takes long to be replaced, and shows no more than 1,000 lines meanwhile", () => {
    add(1, 1_000);
    tickMs = 50;
    add(1_001); // replaced in one tick: rests for four
    const { ino } = statSync(path);
    for (let n = 1_002; n <= 1_010; n += 1) inbox.add({ n });
    vi.advanceTimersByTime(100);
    expect([statSync(path).ino, numbers().length]).toEqual([ino, 1_000]);
    vi.advanceTimersByTime(150);
    expect(numbers()).toEqual(from(11, 1_010));
    inbox.add({ n: 1_011 });
    inbox.flush();
    expect(numbers().at(-1)).toBe(1_011);
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

  it("drops the half line of a writer that was cut off", () => {
    writeFileSync(path, '{"n":1}\n{"n":2}\n{"n":');
    add(3);
    expect(numbers()).toEqual([1, 2, 3]);
  });

  it("keeps what it cannot write until it can, says so once, and writes it once", () => {
    const lift = block(path);
    add(1, 3, 1);
    vi.advanceTimersByTime(3_000);
    expect(numbers()).toEqual([]);
    lift();
    vi.advanceTimersByTime(1_000);
    expect(numbers()).toEqual([1, 2, 3]);
    expect(jsonLines(logPath)).toMatchObject([
      { code: "EISDIR", event: "inbox cannot be written; what is heard waits" },
      { event: "inbox is written again" },
    ]);
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
