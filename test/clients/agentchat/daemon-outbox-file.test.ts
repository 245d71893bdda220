import { appendFileSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DaemonLog } from "../../../clients/typescript/agentchat/daemon/log.js";
import { OutboxFile, maxLineBytes, type OutboxLine } from "../../../clients/typescript/agentchat/daemon/outbox-file.js";
import { momentMs } from "../../../clients/typescript/agentchat/daemon/outbox-sent.js";
import { block, jsonLines, tempDir } from "./daemon-world.js";

describe("the outbox as a file", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let outbox: string;
  let progress: string;
  let logFile: string;
  beforeEach(async () => {
    temp = await tempDir();
    outbox = join(temp.dir, "outbox.jsonl");
    progress = join(temp.dir, "outbox.progress.json");
    logFile = join(temp.dir, "daemon.log");
  });
  afterEach(() => temp.remove());

  const open = (instance = "one", now = Date.now): OutboxFile =>
    OutboxFile.open({ outbox, progress }, instance, new DaemonLog(logFile), now);
  const text = (line: OutboxLine | undefined): string | undefined => line?.bytes && Buffer.from(line.bytes).toString();
  function rest(file: OutboxFile): { readonly text: string | undefined; readonly id: string }[] {
    const all = [];
    for (let line = file.next(); line !== undefined; line = file.next()) {
      all.push({ text: text(line), id: line.messageId });
      file.done(line, []);
    }
    return all;
  }
  const texts = (file: OutboxFile): (string | undefined)[] => rest(file).map((line) => line.text);

  it("gives lines once their newline is there, also when nobody has written yet", () => {
    const file = open();
    expect(file.next()).toBeUndefined();
    writeFileSync(outbox, "on");
    expect(file.next()).toBeUndefined();
    appendFileSync(outbox, "e\ntwo\nthr");
    expect(texts(file)).toEqual(["one", "two"]);
    appendFileSync(outbox, "ee\n");
    expect(texts(file)).toEqual(["three"]);
  });

  it("gives the same line with the same id until it is done, over restarts", () => {
    writeFileSync(outbox, "one\ntwo\n");
    const first = open().next();
    const again = open();
    expect(again.next()?.messageId).toBe(first?.messageId);
    expect(rest(again)).toHaveLength(2);
    expect(open().next()).toBeUndefined();
  });

  it("gives a line that was being sent its id also where it stands after a rewrite, and that id to no other line", () => {
    let nowMs = 1_000_000;
    const at = (): OutboxFile => open("one", () => nowMs);
    writeFileSync(outbox, "one\ntwo\n");
    const before = at();
    const one = before.next();
    if (one !== undefined) before.done(one, []);
    const two = before.next();
    if (two !== undefined) before.sending(two);
    // killed, and edited before the next one starts
    writeFileSync(`${outbox}.tmp`, "zero\none\ntwo\ntwo\n");
    renameSync(`${outbox}.tmp`, outbox);
    at().next(); // this one is killed, too
    const after = rest(at());
    expect(after.map((line) => line.text)).toEqual(["zero", "two", "two"]);
    expect(after.map(({ id }) => id === two?.messageId)).toEqual([false, true, false]);
    expect(new Set(after.map(({ id }) => id)).size).toBe(3);
    nowMs += momentMs + 1;
    const later = at();
    expect(rest(later)).toEqual([]);
    appendFileSync(outbox, "two\n");
    expect(rest(later).map(({ id }) => id === two?.messageId)).toEqual([false]);
  });

  it("forgets the id of a line that was being sent when a rewrite has taken it away for longer than a moment", () => {
    let nowMs = 1_000_000;
    writeFileSync(outbox, "one\ntwo\n");
    const before = open("one", () => nowMs);
    const one = before.next();
    if (one !== undefined) before.done(one, []);
    const two = before.next();
    if (two !== undefined) before.sending(two);
    writeFileSync(outbox, "");
    const file = open("one", () => nowMs);
    expect(rest(file)).toEqual([]);
    nowMs += momentMs + 1;
    expect(rest(file)).toEqual([]);
    appendFileSync(outbox, "two\n");
    const again = rest(file);
    expect(again.map((line) => line.text)).toEqual(["two"]);
    expect(again.map(({ id }) => id === two?.messageId)).toEqual([false]);
  });

  it("gives every line an id of its own: by offset, by instance, by content of the file", () => {
    writeFileSync(outbox, "same\nsame\n");
    const ids = rest(open()).map(({ id }) => id);
    truncateSync(outbox);
    let nowMs = 0;
    const file = open("one", () => nowMs);
    expect(file.next()).toBeUndefined();
    nowMs = momentMs + 1;
    appendFileSync(outbox, "same\n");
    ids.push(...rest(file).map(({ id }) => id));
    rmSync(progress);
    ids.push(...rest(open("two")).map(({ id }) => id));
    expect(new Set(ids).size).toBe(4);
  });

  it("notices that its writer cut it and wrote it anew, longer than before", () => {
    writeFileSync(outbox, "one\ntwo\n");
    const file = open();
    expect(texts(file)).toEqual(["one", "two"]);
    writeFileSync(outbox, "four\nfive\nsix\n");
    expect(texts(file)).toEqual(["four", "five", "six"]);
    expect(jsonLines(logFile)).toMatchObject([
      {
        event: "outbox is another file; it is read from its beginning, without what was sent before",
        change: "written anew",
        sentBytes: 8,
      },
    ]);
  });

  it("notices a file put in its place, also while it was not running", () => {
    writeFileSync(outbox, "one\n");
    expect(texts(open())).toEqual(["one"]);
    writeFileSync(`${outbox}.new`, "two\n");
    renameSync(`${outbox}.new`, outbox);
    const file = open();
    expect(texts(file)).toEqual(["two"]);
    rmSync(outbox);
    expect(file.next()).toBeUndefined();
    expect(jsonLines(logFile)).toMatchObject([{ change: "replaced" }]);
  });

  it("does not take a touched or copied-over file for another one", () => {
    writeFileSync(outbox, "one\ntwo\n");
    const file = open();
    expect(texts(file)).toEqual(["one", "two"]);
    const { ino } = statSync(outbox);
    writeFileSync(outbox, "one\ntwo\nthree\n");
    expect(statSync(outbox).ino).toBe(ino);
    expect(texts(file)).toEqual(["three"]);
  });

  it("says once that it was written anew with the bytes that were there, and gives none of them again, over restarts", () => {
    writeFileSync(outbox, "one\n");
    let file = open();
    expect(texts(file)).toEqual(["one"]);
    expect(file.wasOverwritten()).toBe(false);
    for (const restarts of [false, true]) {
      writeFileSync(outbox, "one\n");
      utimesSync(outbox, new Date(), new Date(Date.now() + (restarts ? 10_000 : 5_000))); // surely later
      if (restarts) file = open();
      expect(texts(file)).toEqual([]);
      expect([file.wasOverwritten(), file.wasOverwritten()]).toEqual([true, false]);
      file = open();
      expect([texts(file), file.wasOverwritten()]).toEqual([[], false]);
    }
    appendFileSync(outbox, "two\n");
    expect([texts(file), file.wasOverwritten()]).toEqual([["two"], false]);
    appendFileSync(outbox, "half");
    expect([texts(file), file.wasOverwritten()]).toEqual([[], false]);
  });

  it("searches a line without an end a piece at a time, so that everything else has its turn", () => {
    writeFileSync(outbox, "one\n");
    truncateSync(outbox, 40_000_000);
    const file = open();
    expect(texts(file)).toEqual(["one"]);
    let looks = 0;
    for (; file.isSearching; looks += 1) {
      expect(file.tail).toBeUndefined();
      expect(file.next()).toBeUndefined();
    }
    expect(looks).toBeGreaterThan(5);
    expect(file.tail).toMatchObject({ offset: 4, size: 40_000_000 });
    appendFileSync(outbox, "\ntwo\n");
    expect(texts(file)).toEqual([undefined, "two"]);
  });

  it("passes over a line too long to be a message, however it arrives", () => {
    const file = open();
    writeFileSync(outbox, "one\n");
    for (let written = 0; written <= maxLineBytes * 3; written += maxLineBytes / 2) {
      appendFileSync(outbox, "x".repeat(maxLineBytes / 2));
      if (written === maxLineBytes) expect(texts(file)).toEqual(["one"]);
    }
    expect(file.next()).toBeUndefined();
    appendFileSync(outbox, "\ntwo\n");
    expect(texts(file)).toEqual([undefined, "two"]);
    expect(texts(open())).toEqual([]);
  });

  it("refuses a damaged record and says what to do, rather than guess", () => {
    writeFileSync(outbox, "one\n");
    for (const damage of [
      "",
      "{",
      "null",
      "[]",
      '{"origin":"x"}',
      '{"origin":"x","generation":1,"ino":"1","born":"","offset":-1,"tail":""}',
    ]) {
      writeFileSync(progress, damage);
      expect(open).toThrow(/is damaged; delete it/);
    }
  });

  it("gives no line of a new file before its record is on the disk", () => {
    writeFileSync(outbox, "one\n");
    let lift = block(progress);
    const file = open();
    expect(() => file.next()).toThrow(/EISDIR/);
    lift();
    const line = file.next();
    expect(text(line)).toBe("one");
    lift = block(progress);
    expect(() => {
      if (line !== undefined) file.done(line, []);
    }).toThrow(/EISDIR/);
    expect(text(file.next())).toBe("one");
    lift();
    expect(texts(open())).toEqual(["one"]);
  });

  it("gives every line once and in order, however it is written and however often the daemon starts anew", () => {
    const chunk = fc.oneof(
      fc.string({ maxLength: 40 }).map((some) => some.replaceAll("\n", "_")),
      fc.constant("\n"),
      fc.constant("restart"),
      fc.string({ minLength: 900, maxLength: 1_200 }).map((some) => some.replaceAll("\n", "_")),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 40 }), (chunks) => {
        rmSync(outbox, { force: true });
        rmSync(progress, { force: true });
        let file = open();
        const seen: { readonly text: string | undefined; readonly id: string }[] = [];
        const written = chunks.filter((some) => some !== "restart");
        for (const some of chunks) {
          if (some === "restart") file = open();
          else appendFileSync(outbox, some);
          seen.push(...rest(file));
        }
        expect(seen.map((line) => line.text)).toEqual(written.join("").split("\n").slice(0, -1));
        expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
      }),
      { numRuns: 40 },
    );
  });
});
