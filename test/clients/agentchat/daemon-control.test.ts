import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AgentChatDaemon,
  getDaemonPaths,
  getDaemonStatus,
  isDaemonRunning,
  listDaemons,
  stopAllDaemons,
  stopDaemon,
} from "../../../clients/typescript/agentchat/daemon.js";
import { processStart } from "../../../clients/typescript/agentchat/daemon/run-files.js";
import { FakeClient, tempDir } from "./daemon-world.js";

describe("the instances of a directory", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  const daemons: AgentChatDaemon[] = [];
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    temp = await tempDir();
  });
  afterEach(async () => {
    await Promise.all(daemons.splice(0).map((one) => one.stop()));
    for (const child of children.splice(0)) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    await temp.remove();
  });

  function daemon(name?: string): AgentChatDaemon {
    const made = new AgentChatDaemon({
      server: "ws://nowhere",
      dir: temp.dir,
      ...(name !== undefined && { name }),
      clientFactory: (options, hears) => new FakeClient(options, hears),
    });
    daemons.push(made);
    return made;
  }
  /** A process that is nobody's daemon. */
  function stranger(): number {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    children.push(child);
    if (child.pid === undefined) throw new Error("sleep did not start");
    return child.pid;
  }
  const runFile = (pid: number, start: unknown): string =>
    JSON.stringify({ pid, start, startedAt: 1, server: "ws://x", channels: [] });
  function leaveFiles(pid: string, run: string): void {
    const paths = getDaemonPaths("stale", temp.dir);
    mkdirSync(paths.dir, { recursive: true });
    writeFileSync(paths.pid, pid);
    writeFileSync(paths.run, run);
  }

  it("are listed although files of one cannot be read, which is said", async () => {
    await daemon("good").start();
    const bad = daemon("bad");
    await bad.start();
    rmSync(bad.paths.inbox);
    mkdirSync(bad.paths.inbox);
    const worse = getDaemonPaths("worse", temp.dir);
    mkdirSync(worse.pid, { recursive: true });
    mkdirSync(worse.run);
    const listed = listDaemons(temp.dir);
    expect(listed).toMatchObject([
      { instance: "bad", running: true, unreadable: "EISDIR" },
      { instance: "good", running: true, inboxLines: 0 },
      { instance: "worse", running: false, unreadable: "EISDIR" },
    ]);
    expect(listed[0]).not.toHaveProperty("inboxLines");
    expect(listed[1]).not.toHaveProperty("unreadable");
    rmSync(bad.paths.inbox, { recursive: true });
  });

  it("keeps each in a directory of its own, as the document says", () => {
    const own = join(temp.dir, ".agentchat", "daemons", "agent1");
    expect(getDaemonPaths("agent1", temp.dir)).toMatchObject({
      dir: own,
      inbox: join(own, "inbox.jsonl"),
      outbox: join(own, "outbox.jsonl"),
      log: join(own, "daemon.log"),
      pid: join(own, "daemon.pid"),
    });
    expect(getDaemonPaths().dir).toBe(join(process.cwd(), ".agentchat", "daemons", "default"));
  });

  it("refuses every name that could lead elsewhere", () => {
    for (const name of [
      "",
      ".",
      "..",
      "../x",
      "a/b",
      "/etc",
      "a\\b",
      "a b",
      "a\0",
      "a\n",
      "ä",
      "x".repeat(65),
      "%2e%2e",
    ]) {
      expect(() => getDaemonPaths(name, temp.dir)).toThrow(/cannot be the name of a daemon/);
      expect(() => daemon(name)).toThrow(/cannot be the name/);
      expect(() => isDaemonRunning(name, temp.dir)).toThrow(/cannot be the name/);
    }
    expect(getDaemonPaths("x".repeat(64), temp.dir).dir).toContain("x".repeat(64));
  });

  it("knows nothing where there is nothing", async () => {
    expect(isDaemonRunning("none", temp.dir)).toBe(false);
    expect(getDaemonStatus("none", temp.dir)).toMatchObject({
      instance: "none",
      running: false,
      inboxLines: 0,
      unsentBytes: 0,
    });
    expect(listDaemons(temp.dir)).toEqual([]);
    expect(await stopDaemon("none", temp.dir)).toMatchObject({
      stopped: false,
      reason: "no daemon of this name is running",
    });
    expect(await stopAllDaemons(temp.dir)).toEqual([]);
  });

  it("tells several apart, and what each does", async () => {
    await daemon("one").start();
    await daemon("two").start();
    await daemon("three").start();
    await daemons[2]?.stop();
    expect(listDaemons(temp.dir).map(({ instance, running }) => [instance, running])).toEqual([
      ["one", true],
      ["three", false],
      ["two", true],
    ]);
    expect(getDaemonStatus("one", temp.dir)).toMatchObject({
      pid: process.pid,
      server: "ws://nowhere",
      channels: ["#general", "#agents"],
    });
    expect(readFileSync(getDaemonPaths("one", temp.dir).pid, "utf8")).toBe(`${process.pid}\n`);
  });

  it("lets only one of a name run, also of two started at once, and leaves the first alone", async () => {
    const starts = await Promise.allSettled([daemon("one").start(), daemon("one").start(), daemon("one").start()]);
    expect(starts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(starts.find(({ status }) => status === "rejected")).toMatchObject({
      reason: {
        message: expect.stringMatching(
          /is running already \(pid \d+\); stop it, or give this one another name/,
        ) as string,
      },
    });
    const losers = daemons.filter((_, n) => starts[n]?.status === "rejected");
    await Promise.all(losers.map((one) => one.stop()));
    expect(isDaemonRunning("one", temp.dir)).toBe(true);
  });

  it("never takes, signals or minds a stranger that has the pid of an old file", async () => {
    const pid = stranger();
    const left: readonly [string, string][] = [
      [`${pid}\n`, runFile(pid, "another boot:1")],
      [`${pid}\n`, runFile(pid + 1, processStart(pid))],
      [`${pid}\n`, runFile(pid, undefined)],
      [`${pid}\n`, "{"],
      [`${pid}\n`, "null"],
      ["", runFile(pid, processStart(pid))],
      ["-1", runFile(-1, processStart(pid))],
      ["garbage", "garbage"],
    ];
    for (const [pidFile, run] of left) {
      leaveFiles(pidFile, run);
      expect(isDaemonRunning("stale", temp.dir)).toBe(false);
      expect(await stopDaemon("stale", temp.dir)).toMatchObject({ stopped: false });
      expect(await stopAllDaemons(temp.dir)).toEqual([]);
    }
    await daemon("stale").start();
    expect(getDaemonStatus("stale", temp.dir).pid).toBe(process.pid);
    expect(processStart(pid)).toBeDefined();
  });

  it("signals the process that is the one of the files, and waits for its end", async () => {
    const pid = stranger();
    leaveFiles(`${pid}\n`, runFile(pid, processStart(pid)));
    expect(isDaemonRunning("stale", temp.dir)).toBe(true);
    expect(await stopDaemon("stale", temp.dir)).toEqual({ instance: "stale", stopped: true, pid });
    expect(processStart(pid)).toBeUndefined();
  });

  it("says so when a daemon does not end in time, and does not kill it", async () => {
    const child = spawn(
      process.execPath,
      ["-e", "process.on('SIGTERM', () => console.log('no')); setInterval(() => {}, 1000); console.log('up')"],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    children.push(child);
    await once(child.stdout, "data");
    const pid = child.pid ?? 0;
    leaveFiles(`${pid}\n`, runFile(pid, processStart(pid)));
    expect(await stopDaemon("stale", temp.dir, { timeoutMs: 100 })).toMatchObject({
      stopped: false,
      pid,
      reason: expect.stringMatching(/has not ended within 100 ms/) as string,
    });
    expect(isDaemonRunning("stale", temp.dir)).toBe(true);
  });

  it("breaks a lock that somebody killed has left", async () => {
    const { dir, pid } = getDaemonPaths("one", temp.dir);
    mkdirSync(dir, { recursive: true });
    for (const left of ["", JSON.stringify([stranger(), "another boot:1"])]) {
      writeFileSync(`${pid}.lock`, left);
      if (left === "") utimesSync(`${pid}.lock`, 1, 1);
      const one = daemon("one");
      await one.start();
      expect(isDaemonRunning("one", temp.dir)).toBe(true);
      await one.stop();
    }
  });

  it("leaves a lock that somebody killed has left to whoever removes it already: it may be a new one by then", async () => {
    const { dir, pid } = getDaemonPaths("one", temp.dir);
    mkdirSync(dir, { recursive: true });
    writeFileSync(`${pid}.lock`, JSON.stringify([stranger(), "another boot:1"]));
    writeFileSync(`${pid}.lock.removing`, "");
    let free = false;
    const started = daemon("one")
      .start()
      .then(() => {
        expect(free).toBe(true);
      });
    setTimeout(() => {
      free = true;
      utimesSync(`${pid}.lock.removing`, 1, 1); // it was killed, too
    }, 60);
    await started;
    expect(readdirSync(dir).filter((name) => name.includes("lock"))).toEqual([]);
  });

  it("waits while another holds the lock", async () => {
    const { dir, pid } = getDaemonPaths("one", temp.dir);
    mkdirSync(dir, { recursive: true });
    writeFileSync(`${pid}.lock`, JSON.stringify([process.pid, processStart(process.pid)]));
    let free = false;
    const started = daemon("one")
      .start()
      .then(() => {
        expect(free).toBe(true);
      });
    setTimeout(() => {
      free = true;
      rmSync(`${pid}.lock`);
    }, 60);
    await started;
  });
});
