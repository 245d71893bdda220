import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { appendAudit } from "../../src/ops/audit-event.js";
import { AuditLog } from "../../src/ops/audit-log.js";
import { eventually } from "../kit/broker.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { auditLines, folder } from "./kit.js";

const limits = { auditFileMaxBytes: 1_000_000, auditFilesMax: 5, auditQueueMaxBytes: 1_000_000 };

let home: Awaited<ReturnType<typeof folder>>;
let path: string;
let clock: FakeClock;
let logged: string[];
let fields: unknown[];
let logs: AuditLog[];
beforeEach(async () => {
  home = await folder();
  path = home.file("audit.log");
  clock = new FakeClock();
  logged = [];
  fields = [];
  logs = [];
});
afterEach(async () => {
  await Promise.all(logs.map((log) => log.stop()));
  await home.remove();
});

async function open(own: Partial<typeof limits> = {}): Promise<AuditLog> {
  const log = new AuditLog({
    path,
    limits: { ...limits, ...own },
    clock,
    log: (level, event, more) => {
      logged.push(`${level}: ${event}`);
      fields.push(more);
    },
  });
  logs.push(log);
  await log.start();
  return log;
}

function login(agent: string): Parameters<AuditLog["write"]>[0] {
  return { event: "login", agent, dialect: "pan", trust: "proved", remote: "127.0.0.1", tokenId: "0123" };
}

describe("the audit log", () => {
  it("is JSON lines with a time, for its owner only", async () => {
    const log = await open();
    log.write(login("ada"));
    await log.stop();
    expect(auditLines(path)).toEqual([
      {
        at: "2026-01-01T00:00:00.000Z",
        event: "login",
        agent: "ada",
        dialect: "pan",
        trust: "proved",
        remote: "127.0.0.1",
        tokenId: "0123",
      },
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("closes a file that others could read, and goes on in it", async () => {
    writeFileSync(path, "{}\n");
    chmodSync(path, 0o644);
    const log = await open();
    log.write(login("ada"));
    await log.stop();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(auditLines(path)).toHaveLength(2);
  });

  it("keeps what came before it was started, and takes nothing after its stop", async () => {
    const log = new AuditLog({ path, limits, clock, log: () => undefined });
    log.write(login("early"));
    await log.start();
    await log.stop();
    log.write(login("late"));
    await log.stop();
    expect(auditLines(path)).toMatchObject([{ agent: "early" }]);
  });

  it("goes on in a new file after reopen", async () => {
    const log = await open();
    log.write(login("before"));
    await eventually(() => auditLines(path).length === 1, "the first line is written");
    renameSync(path, home.file("moved"));
    log.reopen();
    log.write(login("after"));
    await log.stop();
    expect(auditLines(home.file("moved"))).toMatchObject([{ agent: "before" }]);
    expect(auditLines(path)).toMatchObject([{ agent: "after" }]);
  });

  it("tells how many lines were left out: before the next one, after a while, and at stop", async () => {
    const log = await open();
    log.leaveOut();
    log.leaveOut();
    log.write(login("ada"));
    log.leaveOut();
    clock.advance(10_000);
    await eventually(() => auditLines(path).length === 3, "the one after ada is told");
    log.leaveOut();
    await log.stop();
    expect(auditLines(path)).toMatchObject([
      { event: "left-out", lines: 2 },
      { agent: "ada" },
      { event: "left-out", lines: 1 },
      { event: "left-out", lines: 1 },
    ]);
    expect(clock.waiting).toBe(0);
  });

  it("holds nothing in a name that steers a terminal, ends a line or turns it around", async () => {
    const name = "a\u007fb\u0085c\u009bd\u2028e\u202ef\u2066g\u200eh\u061ci";
    const log = await open();
    log.write(login(name));
    await log.stop();
    expect(auditLines(path)).toMatchObject([{ agent: name }]);
    expect(readFileSync(path, "utf8")).toMatch(/^[\x20-\x7e]+\n$/);
  });

  it("begins a new file when one is full and keeps as many as it may", async () => {
    const log = await open({ auditFileMaxBytes: 1, auditFilesMax: 2 });
    for (const [n, agent] of ["a", "b", "c", "d"].entries()) {
      log.write(login(agent));
      await eventually(
        () => auditLines(`${path}.1`).some((line) => "agent" in line && line.agent === agent),
        `file ${String(n)} is full`,
      );
    }
    await log.stop();
    expect([`${path}.1`, `${path}.2`].map((file) => auditLines(file))).toMatchObject([
      [{ agent: "d" }],
      [{ agent: "c" }],
    ]);
    expect([existsSync(`${path}.3`), existsSync(path)]).toEqual([false, false]);
  });

  it("passes over an older file that cannot be replaced, and tells it once with what to do", async () => {
    mkdirSync(`${path}.3`);
    writeFileSync(`${path}.3/somebody's`, "");
    const log = await open({ auditFileMaxBytes: 1, auditFilesMax: 3 });
    for (const agent of ["a", "b", "c", "d"]) {
      log.write(login(agent));
      await eventually(
        () => auditLines(`${path}.1`).some((line) => "agent" in line && line.agent === agent),
        `the file with ${agent} is full`,
      );
    }
    await log.stop();
    expect([`${path}.1`, `${path}.2`].map((file) => auditLines(file))).toMatchObject([
      [{ agent: "d" }],
      [{ agent: "c" }],
    ]);
    expect(existsSync(`${path}.3/somebody's`)).toBe(true);
    expect(logged).toEqual(["warn: an older audit log cannot be replaced, so fewer of them are kept"]);
    expect(fields).toMatchObject([{ path: `${path}.3`, remedy: "move it away and try again" }]);
  });

  it("does not grow when no older file can be replaced: it counts what it loses, and goes on when one can", async () => {
    mkdirSync(`${path}.1`);
    const log = await open({ auditFileMaxBytes: 1, auditFilesMax: 1, auditQueueMaxBytes: 200 });
    log.write(login("one"));
    await eventually(() => logged.length === 1, "the failure is told");
    for (let n = 0; n < 10; n += 1) log.write(login("more"));
    clock.advance(5_000);
    await eventually(() => clock.waiting === 1, "it has failed again");
    expect(auditLines(path)).toMatchObject([{ agent: "one" }]);
    expect(logged).toEqual(["error: the audit log cannot be written; the broker goes on without it"]);
    expect(fields).toMatchObject([{ error: expect.stringContaining(`${path}.1`) as string }]);
    rmdirSync(`${path}.1`);
    clock.advance(5_000);
    await eventually(() => logged.length === 2, "it is written again");
    await log.stop();
    const [lost, ...kept] = auditLines(`${path}.1`);
    expect(lost).toMatchObject({ event: "lost", lines: 10 - kept.length });
  });

  it("tells a disk that takes nothing once, and counts what it lost when it can write again", async () => {
    mkdirSync(path);
    const log = await open({ auditQueueMaxBytes: 200 });
    log.write(login("one"));
    await eventually(() => logged.length === 1, "the failure is told");
    for (let n = 0; n < 10; n += 1) log.write(login("more"));
    clock.advance(5_000);
    await eventually(() => clock.waiting === 1, "it has failed again");
    expect(logged).toEqual(["error: the audit log cannot be written; the broker goes on without it"]);
    rmdirSync(path);
    clock.advance(5_000);
    await eventually(() => logged.length === 2, "it is written again");
    expect(logged[1]).toMatch(/^info: .*again/);
    const [lost, ...kept] = auditLines(path);
    expect(lost).toMatchObject({ event: "lost", lines: 11 - kept.length });
    expect(kept.length).toBeGreaterThan(0);
  });

  it("stops although the disk takes nothing", async () => {
    mkdirSync(path);
    const log = await open();
    log.write(login("ada"));
    await log.stop();
    expect(clock.waiting).toBe(0);
  });

  it("leaves room for lines that another process appends", async () => {
    const log = await open();
    log.write(login("ada"));
    await eventually(() => auditLines(path).length === 1, "the first line is written");
    appendAudit(
      path,
      [{ event: "token.issued", uid: 0, tokenId: "1", kind: "zmq", agent: "bob", scopes: [] }],
      clock.now(),
    );
    log.write(login("eve"));
    await log.stop();
    expect(auditLines(path).map((line) => ("agent" in line ? line.agent : line.event))).toEqual(["ada", "bob", "eve"]);
    expect(readFileSync(path, "utf8").endsWith("\n")).toBe(true);
  });
});
