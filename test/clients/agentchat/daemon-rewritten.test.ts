import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DaemonLog } from "../../../clients/typescript/agentchat/daemon/log.js";
import { OutboxFile } from "../../../clients/typescript/agentchat/daemon/outbox-file.js";
import { momentMs } from "../../../clients/typescript/agentchat/daemon/outbox-sent.js";
import { tempDir } from "./daemon-world.js";

describe("an outbox that its writer writes anew", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let outbox: string;
  let nowMs: number;
  let onNow: () => void;
  let file: OutboxFile;
  beforeEach(async () => {
    temp = await tempDir();
    outbox = join(temp.dir, "outbox.jsonl");
    nowMs = 1_000_000;
    onNow = () => undefined;
    restart();
  });
  afterEach(() => temp.remove());

  function restart(): void {
    const paths = { outbox, progress: join(temp.dir, "outbox.progress.json") };
    file = OutboxFile.open(paths, "one", new DaemonLog(join(temp.dir, "daemon.log")), () => {
      onNow();
      return nowMs;
    });
  }
  const say = (content: string): string => JSON.stringify({ to: "#general", content });
  const linesOf = (...contents: string[]): string => contents.map((content) => `${say(content)}\n`).join("");
  const looks = (): void => {
    file.next();
  };
  /** What is given now, and dealt with; once more while the file is searched. */
  function given(): string[] {
    const all: string[] = [];
    for (;;) {
      const line = file.next();
      if (line !== undefined) {
        all.push((JSON.parse(Buffer.from(line.bytes ?? []).toString()) as { content: string }).content);
        file.done(line, []);
      } else if (!file.isSearching) return all;
    }
  }
  const shell = (command: string): void => {
    execFileSync("sh", ["-c", command], { cwd: temp.dir, stdio: "ignore" });
  };

  it.each<readonly [string, () => void, readonly string[]]>([
    [
      "sed -i, which changes a line",
      () => {
        shell(`sed -i s/two/zwei/ outbox.jsonl`);
      },
      ["zwei"],
    ],
    [
      "sed -i, which removes a line",
      () => {
        shell(`sed -i /two/d outbox.jsonl`);
      },
      [],
    ],
    [
      "sed -i, which inserts one at the top",
      () => {
        shell(`sed -i '1i {"to":"#general","content":"top"}' outbox.jsonl`);
      },
      ["top"],
    ],
    [
      "vim, which writes it in place",
      () => {
        shell(`ex -s -c 'set backupcopy=yes' -c '$s/three/drei/' -c wq outbox.jsonl`);
      },
      ["drei"],
    ],
    [
      "vim, which renames it and writes a new one",
      () => {
        shell(`ex -s -c 'set backupcopy=no' -c '1t$' -c wq outbox.jsonl`);
      },
      ["one"],
    ],
    [
      "a tool that reads it, changes it and writes all of it",
      () => {
        writeFileSync(outbox, readFileSync(outbox, "utf8") + linesOf("four"));
      },
      ["four"],
    ],
    [
      "a tool that writes it with other spaces and another order",
      () => {
        writeFileSync(outbox, `{ "content": "one", "to": "#general" }\r\n${linesOf("new")}`);
      },
      ["new"],
    ],
    [
      "a new file that is moved over it",
      () => {
        writeFileSync(`${outbox}.tmp`, linesOf("zero", "one", "two", "three"));
        renameSync(`${outbox}.tmp`, outbox);
      },
      ["zero"],
    ],
    [
      "a script that empties it, and fills it",
      () => {
        shell(": > outbox.jsonl");
        looks();
        writeFileSync(outbox, linesOf("one", "two", "three", "four"));
      },
      ["four"],
    ],
    [
      "a script that fills it in pieces",
      () => {
        shell(": > outbox.jsonl");
        for (const one of ["one", "two", "three", "four"]) {
          looks();
          nowMs += 900;
          appendFileSync(outbox, linesOf(one));
        }
      },
      ["four"],
    ],
    [
      "an editor that moves it away first",
      () => {
        renameSync(outbox, `${outbox}~`);
        looks();
        nowMs += 100;
        writeFileSync(outbox, linesOf("one", "two", "neu"));
      },
      ["neu"],
    ],
  ])("by %s: only what is new is given, over restarts", (_who, rewrite, expected) => {
    for (const restarts of [false, true]) {
      rmSync(outbox, { force: true });
      looks();
      nowMs += 10 * momentMs;
      writeFileSync(outbox, linesOf("one", "two", "three"));
      expect(given()).toEqual(["one", "two", "three"]);
      if (restarts) restart();
      rewrite();
      expect(given()).toEqual(expected);
      restart();
      expect(given()).toEqual([]);
      appendFileSync(outbox, linesOf("one more"));
      expect(given()).toEqual(["one more"]);
      nowMs += momentMs + 1;
      appendFileSync(outbox, linesOf("one", "one"));
      expect(given()).toEqual(["one", "one"]);
    }
  });

  it("gives an equal line that is appended, and one more than were there, as a new message", () => {
    writeFileSync(outbox, linesOf("ok"));
    expect(given()).toEqual(["ok"]);
    appendFileSync(outbox, linesOf("ok"));
    expect(given()).toEqual(["ok"]);
    writeFileSync(`${outbox}.tmp`, linesOf("ok", "ok", "ok", "end"));
    renameSync(`${outbox}.tmp`, outbox);
    expect(given()).toEqual(["ok", "end"]);
  });

  it.each([
    [
      "emptied",
      (): void => {
        writeFileSync(outbox, "");
      },
    ],
    [
      "removed",
      (): void => {
        rmSync(outbox);
      },
    ],
  ])("is a new one when it was %s for longer than a moment", (_how, clear) => {
    writeFileSync(outbox, linesOf("good morning"));
    expect(given()).toEqual(["good morning"]);
    clear();
    looks();
    nowMs += momentMs + 1;
    looks();
    appendFileSync(outbox, linesOf("good morning"));
    expect(given()).toEqual(["good morning"]);
    expect(file.wasOverwritten()).toBe(false);
  });

  it.each([false, true])("is known however late it is looked at, with a restart: %s", (restarts) => {
    writeFileSync(outbox, linesOf("one", "two"));
    expect(given()).toEqual(["one", "two"]);
    writeFileSync(outbox, "");
    looks();
    writeFileSync(outbox, linesOf("first"));
    const waiting = file.next();
    appendFileSync(outbox, linesOf("one", "two"));
    utimesSync(outbox, new Date(), new Date(nowMs + 100));
    nowMs += 10 * momentMs; // for so long the first line waits, or the process stands still
    if (waiting !== undefined) file.done(waiting, []);
    if (restarts) restart();
    expect(given()).toEqual([]);
    appendFileSync(outbox, linesOf("one"));
    expect(given()).toEqual(["one"]);
  });

  it.each([false, true])(
    "is a new one when the clock was set back since it was emptied, with a restart: %s",
    (restarts) => {
      writeFileSync(outbox, linesOf("good morning"));
      expect(given()).toEqual(["good morning"]);
      writeFileSync(outbox, "");
      looks();
      nowMs -= 20 * momentMs;
      if (restarts) restart();
      looks();
      appendFileSync(outbox, linesOf("good morning"));
      expect(given()).toEqual(["good morning"]);
    },
  );

  it.each([false, true])("is written anew behind the line that waits, with a restart: %s", (restarts) => {
    writeFileSync(outbox, linesOf("one", "two", "three"));
    expect(given()).toEqual(["one", "two", "three"]);
    writeFileSync(outbox, linesOf("first", "one", "two", "three"));
    const waiting = file.next();
    writeFileSync(outbox, linesOf("first", "second", "one", "two", "three"));
    if (waiting !== undefined) file.done(waiting, []);
    if (restarts) restart();
    expect(given()).toEqual(["second"]);
  });

  it("is looked at before it is read, also when it is filled between the two", () => {
    writeFileSync(outbox, linesOf("one", "two"));
    expect(given()).toEqual(["one", "two"]);
    writeFileSync(outbox, "");
    let calls = 0;
    onNow = () => {
      calls += 1;
      if (calls > 3) appendFileSync(outbox, readFileSync(outbox, "utf8") === "" ? linesOf("one", "two", "three") : "");
    };
    expect([...given(), ...given()]).toEqual(["three"]);
    expect(calls).toBeGreaterThan(3);
  });

  it("is told when nothing in it is new, also when the line had gone for a moment", () => {
    for (const content of ["yes", "no", "yes"]) {
      writeFileSync(outbox, linesOf(content));
      utimesSync(outbox, new Date(), new Date(nowMs)); // surely another time
      const isNew = given().length > 0;
      expect([content, file.wasOverwritten()]).toEqual([content, !isNew]);
      nowMs += 1_000;
    }
    nowMs += momentMs;
    writeFileSync(outbox, linesOf("no"));
    expect(given()).toEqual(["no"]);
  });

  it("knows a last line whose newline comes later", () => {
    writeFileSync(outbox, linesOf("one", "two"));
    expect(given()).toEqual(["one", "two"]);
    writeFileSync(outbox, linesOf("one", "two").trimEnd());
    expect(given()).toEqual([]);
    expect(file.tail).toBeUndefined();
    nowMs += 10 * momentMs;
    appendFileSync(outbox, `\n${linesOf("three")}`);
    expect(given()).toEqual(["three"]);
  });

  it("that stood there before a version without a record of lines is known, too", () => {
    writeFileSync(outbox, linesOf("one", "two"));
    expect(given()).toEqual(["one", "two"]);
    rmSync(`${outbox}.sent`);
    restart();
    expect(given()).toEqual([]);
    shell(`sed -i s/two/zwei/ outbox.jsonl`);
    expect(given()).toEqual(["zwei"]);
  });

  it("is sent whole when a line of it waited while it was written anew: what was read before is dealt with", () => {
    writeFileSync(outbox, linesOf("one", "two"));
    const waiting = file.next();
    writeFileSync(`${outbox}.tmp`, linesOf("zero", "one", "two"));
    renameSync(`${outbox}.tmp`, outbox);
    expect(file.next()).toBe(waiting);
    expect(given()).toEqual(["one", "two", "zero"]);
  });

  it("keeps a record no longer than the lines that stand in it", () => {
    for (let n = 0; n < 50; n += 1) {
      writeFileSync(`${outbox}.tmp`, linesOf(`a ${n}`, `b ${n}`));
      renameSync(`${outbox}.tmp`, outbox);
      expect(given()).toHaveLength(2);
      nowMs += momentMs + 1;
    }
    expect(statSync(`${outbox}.sent`).size).toBeLessThan(200);
  });

  it("gives each line once whatever is written, as long as every version holds the one before it", () => {
    const word = fc.constantFrom("a", "b", "c");
    const step = fc.record({
      how: fc.constantFrom("append", "rename", "overwrite", "empty first"),
      words: fc.array(word, { maxLength: 4 }),
      restarts: fc.boolean(),
      at: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        for (const path of [outbox, `${outbox}.sent`, join(temp.dir, "outbox.progress.json")])
          rmSync(path, { force: true });
        restart();
        let whole: string[] = [];
        const sent: string[] = [];
        for (const { how, words, restarts, at } of steps) {
          nowMs += 200;
          const place = how === "append" ? whole.length : Math.min(at, whole.length);
          whole = [...whole.slice(0, place), ...words, ...whole.slice(place)];
          if (how === "append") appendFileSync(outbox, linesOf(...words));
          if (how === "empty first") {
            writeFileSync(outbox, "");
            looks();
          }
          if (how === "overwrite" || how === "empty first") writeFileSync(outbox, linesOf(...whole));
          if (how === "rename") {
            writeFileSync(`${outbox}.tmp`, linesOf(...whole));
            renameSync(`${outbox}.tmp`, outbox);
          }
          if (restarts) restart();
          sent.push(...given());
          expect(sent.toSorted()).toEqual(whole.toSorted());
        }
      }),
      { numRuns: 25 },
    );
  });
});
