import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatDaemon, getDaemonPaths, getDaemonStatus } from "../../../clients/typescript/agentchat/daemon.js";
import type { DaemonPaths } from "../../../clients/typescript/agentchat/daemon.js";
import { appendLines, readIfThere, replaceFile } from "../../../clients/typescript/agentchat/daemon/files.js";
import { Inbox } from "../../../clients/typescript/agentchat/daemon/inbox.js";
import { DaemonLog } from "../../../clients/typescript/agentchat/daemon/log.js";
import { OutboxFile } from "../../../clients/typescript/agentchat/daemon/outbox-file.js";
import { eventually } from "../../kit/broker.js";
import { FakeClient, jsonLines, tempDir } from "./daemon-world.js";

/** A test of these that fails waits for ever, and the whole process with it. */
describe("a daemon's folder with a pipe in it", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let paths: DaemonPaths;
  let daemon: AgentChatDaemon;
  beforeEach(async () => {
    temp = await tempDir();
    paths = getDaemonPaths("one", temp.dir);
    daemon = new AgentChatDaemon({
      server: "ws://nowhere",
      name: "one",
      dir: temp.dir,
      handleSignals: false,
      pollMs: 20,
      clientFactory: (options, hears) => new FakeClient(options, hears),
    });
  });
  afterEach(async () => {
    await daemon.stop();
    await temp.remove();
  });

  function pipe(path: string): void {
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    execFileSync("mkfifo", [path]);
  }

  it.each(["inbox", "outbox", "progress", "pid", "run"] as const)(
    "as its %s file refuses the start, naming the file and what to do",
    async (name) => {
      pipe(paths[name]);
      await expect(daemon.start()).rejects.toThrow(
        `${paths[name]} is no regular file, but a pipe or a socket: move it away`,
      );
      expect(getDaemonStatus("one", temp.dir).running).toBe(false);
      expect(statSync(paths[name]).isFIFO()).toBe(true);
    },
  );

  it("as its lock refuses the start, naming it", async () => {
    pipe(`${paths.pid}.lock`);
    await expect(daemon.start()).rejects.toThrow(/daemon\.pid\.lock is no regular file.*move it away/);
  });

  it("as its outbox while it runs is told once, and sending goes on when it is away", async () => {
    await daemon.start();
    pipe(paths.outbox);
    const told = (): number => jsonLines(paths.log).filter(({ code }) => code === "NO_REGULAR_FILE").length;
    await eventually(() => told() > 0, "it is told");
    expect(readFileSync(paths.log, "utf8")).toContain(`${paths.outbox} is no regular file`);
    expect(getDaemonStatus("one", temp.dir)).toMatchObject({ running: true });
    rmSync(paths.outbox);
    await eventually(
      () => jsonLines(paths.log).some(({ event }) => String(event).includes("sending goes on")),
      "it goes on",
    );
    expect(told()).toBe(1);
  });

  it("is waited for neither by the inbox, the log, nor what replaces a file", () => {
    mkdirSync(paths.dir, { recursive: true });
    const log = new DaemonLog(paths.log);
    pipe(paths.inbox);
    const inbox = new Inbox(paths.inbox, log);
    inbox.add({ type: "MSG" });
    inbox.close();
    expect(jsonLines(paths.log)).toMatchObject([
      { code: "NO_REGULAR_FILE", error: expect.stringContaining(paths.inbox) as string },
      { event: "messages could not be written to the inbox" },
    ]);
    pipe(`${paths.run}.next`);
    expect(() => {
      replaceFile(paths.run, "{}\n");
    }).toThrow(/daemon\.json\.next is no regular file/);
    pipe(paths.log);
    log.info({}, "something"); // goes to stderr
    pipe(paths.outbox);
    expect(() => OutboxFile.open(paths, "one", log).next()).toThrow(/outbox\.jsonl is no regular file/);
    expect(existsSync(join(paths.dir, "daemon.log.1"))).toBe(false);
  });
});

describe("a file of a daemon that cannot be read or written", () => {
  it("is named in the failure, also where the system does not name it", async () => {
    const temp = await tempDir();
    const full = join(temp.dir, "inbox.jsonl");
    symlinkSync("/dev/full", full);
    symlinkSync("/dev/full", `${full}.next`);
    expect(() => readIfThere(temp.dir)).toThrow(`EISDIR: illegal operation on a directory, read '${temp.dir}'`);
    expect(() => {
      appendLines(full, ["one"]);
    }).toThrow(`ENOSPC: no space left on device, write '${full}'`);
    expect(() => {
      replaceFile(full, "one");
    }).toThrow(`ENOSPC: no space left on device, write '${full}'`);
    await temp.remove();
  });
});
