import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { Dice } from "../fuzz/dice.js";
import { mailFolders } from "../kit/mail-folders.js";

const folders = mailFolders();
const dist = (path: string): string => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

/**
 * Writes messages into three boxes, settles and forgets some, tells each as soon as it is committed, and kills itself
 * at once after the one that it was told.
 */
const writer = `
  import { writeSync } from "node:fs";
  import { MailStoreLmdb } from ${dist("src/mailbox/index.js")};
  const [path, from, killAfter] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
  const store = new MailStoreLmdb({ path, failed: console.error });
  store.open();
  const counts = new Map([1, 2, 3].map((id) => [id, { stored: 0, waiting: 0, done: 0 }]));
  for (const box of store.boxes()) counts.set(box.id, { ...box.counts });
  const next = new Map([1, 2, 3].map((id) => [id, 1 + [...store.rows(id, 0)].reduce((max, { seq }) => Math.max(max, seq), 0)]));
  const none = { leased: 0, answered: 0, refused: 0, expired: 0, dead: 0, bytes: 0, deadBytes: 0 };
  const boxRow = (id) => ({
    id, name: "agent-" + id, mode: "push", trust: "proved", rooms: false, keepMs: 1e9, max: 1000, maxBytes: 1e9, openedAt: 1,
    nextSeq: next.get(id), counts: { ...none, ...counts.get(id) },
  });
  const row = (box, seq, state) => ({
    box, seq, secret: "0".repeat(32), sender: "ada", from: "ada", messageId: box + "-" + seq, type: "inform", priority: 1,
    trust: "proved", storedAt: seq, until: 1e13, bytes: 9, digest: "d", receipt: 1, state, attempts: 0,
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  for (let told = from; ; told += 1) {
    const id = 1 + (told % 3);
    const seq = next.get(id);
    next.set(id, seq + 1);
    const count = counts.get(id);
    count.stored += 1;
    count.waiting += 1;
    const changes = [{ put: row(id, seq, "waiting"), body: Buffer.from("body " + told) }];
    if (seq > 2) {
      count.waiting -= 1;
      count.done += 1;
      changes.push({ settle: row(id, seq - 2, "done") });
    }
    if (seq > 5) {
      count.stored -= 1;
      count.done -= 1;
      changes.push({ forget: { box: id, seq: seq - 5 } });
    }
    const { committed } = store.write([...changes, { box: boxRow(id) }]);
    void committed.then(() => {
      writeSync(1, told + " " + id + " " + seq + "\\n");
      if (told === killAfter) process.kill(process.pid, "SIGKILL");
    });
    if (told % 7 === 0) await committed;
    else if (told % 3 === 0) await turn();
  }
`;

describe("a store of mail whose process is killed", () => {
  it("has all that it said is committed, whole, and counts exactly what is there, kill after kill", async () => {
    const path = folders.make();
    const dice = new Dice(7);
    let from = 0;
    for (let kill = 0; kill < 8; kill += 1) {
      const killAfter = from + dice.between(1, 60);
      const { stdout, stderr, signal } = spawnSync(
        process.execPath,
        ["--input-type=module", "-e", writer, path, String(from), String(killAfter)],
        { encoding: "utf8", timeout: 30_000 },
      );
      expect(signal, stderr).toBe("SIGKILL");
      const told = stdout
        .trim()
        .split("\n")
        .map((line) => line.split(" ").map(Number));
      expect(told.at(-1)?.[0]).toBe(killAfter);
      const store = folders.open(path);
      for (const [message = 0, box = 0, seq = 0] of told.slice(-9)) {
        // What came after it may have forgotten or settled it.
        const last = Math.max(...[...store.rows(box, 0)].map((row) => row.seq));
        if (seq > last - 2) expect(String(store.body(box, seq))).toBe(`body ${String(message)}`);
        else if (seq > last - 5) expect(store.row(box, seq)?.state).toBe("done");
      }
      const boxes = [...store.boxes()];
      expect(boxes.length).toBeGreaterThan(0);
      for (const { id, counts, nextSeq } of boxes) {
        const rows = [...store.rows(id, 0)];
        const inState = (state: string): number => rows.filter((row) => row.state === state).length;
        expect([counts.stored, counts.waiting, counts.done]).toEqual([
          rows.length,
          inState("waiting"),
          inState("done"),
        ]);
        expect(nextSeq).toBe((rows.at(-1)?.seq ?? 0) + 1);
        expect(rows.every((row) => (store.body(id, row.seq) !== undefined) === (row.state === "waiting"))).toBe(true);
        for (const row of rows) expect([...store.said("ada", row.messageId)]).toEqual([row]);
      }
      await store.close();
      from = killAfter + 1;
    }
  });
});
