import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { appendLines, replaceFile } from "../../../clients/typescript/agentchat/daemon/files.js";
import { Inbox } from "../../../clients/typescript/agentchat/daemon/inbox.js";
import { DaemonLog } from "../../../clients/typescript/agentchat/daemon/log.js";
import { jsonLines, tempDir } from "./daemon-world.js";

/** Bytes that the disk has room for. */
const disk = vi.hoisted(() => ({ room: Number.POSITIVE_INFINITY }));

vi.mock(import("node:fs"), async (original) => {
  const real = await original();
  const writeSync = (file: number, bytes: Uint8Array, offset = 0): number => {
    const fits = Math.min(bytes.length - offset, disk.room);
    if (fits === 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    disk.room -= fits;
    return real.writeSync(file, bytes, offset, fits);
  };
  return { ...real, writeSync: writeSync as typeof real.writeSync };
});

describe("a disk that is full", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let path: string;
  beforeEach(async () => {
    temp = await tempDir();
    path = join(temp.dir, "file");
    writeFileSync(path, "before\n");
  });
  afterEach(async () => {
    disk.room = Number.POSITIVE_INFINITY;
    vi.useRealTimers();
    await temp.remove();
  });

  it("is not kept full by what it had room for of a file's successor", () => {
    disk.room = 5;
    expect(() => {
      replaceFile(path, "after, and more\n");
    }).toThrow(/ENOSPC/);
    expect(readdirSync(temp.dir)).toEqual(["file"]);
    expect(readFileSync(path, "utf8")).toBe("before\n");
    disk.room = Number.POSITIVE_INFINITY;
    replaceFile(path, "after\n");
    expect(readFileSync(path, "utf8")).toBe("after\n");
  });

  it("keeps nothing of lines that it has no room for all of", () => {
    disk.room = 8;
    expect(() => {
      appendLines(path, ["one", "two", "three"]);
    }).toThrow(/ENOSPC/);
    expect(readFileSync(path, "utf8")).toBe("before\n");
    disk.room = Number.POSITIVE_INFINITY;
    appendLines(path, ["one"]);
    expect(readFileSync(path, "utf8")).toBe("before\none\n");
  });

  it("is named where what was written cannot be taken back either", () => {
    symlinkSync("/dev/full", `${path}.full`);
    disk.room = 0;
    expect(() => {
      appendLines(`${path}.full`, ["one"]);
    }).toThrow(/ENOSPC/);
  });

  it("makes no message of the inbox come twice, or be missing", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const inbox = new Inbox(join(temp.dir, "inbox.jsonl"), new DaemonLog(join(temp.dir, "log")), () => 0);
    const add = (...numbers: readonly number[]): void => {
      for (const n of numbers) inbox.add({ n });
      vi.advanceTimersByTime(0);
    };
    add(1, 2);
    const { size } = statSync(join(temp.dir, "inbox.jsonl"));
    disk.room = 20; // two lines and a half
    add(3, 4, 5);
    expect(statSync(join(temp.dir, "inbox.jsonl")).size).toBe(size);
    disk.room = Number.POSITIVE_INFINITY;
    vi.advanceTimersByTime(1_000);
    inbox.close();
    expect(jsonLines(join(temp.dir, "inbox.jsonl")).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5]);
  });
});
