import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { mailFolders } from "../kit/mail-folders.js";

const folders = mailFolders();
const dist = (path: string): string => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

/**
 * Writes messages, five at a time without waiting between, until the file cannot grow any more; tells what became of
 * each, what is found then, and whether one more is kept when there is room again.
 */
const writer = `
  import { execFileSync } from "node:child_process";
  import { statSync } from "node:fs";
  import { MailStoreLmdb } from ${dist("src/mailbox/index.js")};
  const path = process.argv[1];
  const limit = (bytes) => execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=" + bytes + ":"]);
  const reasons = [];
  const store = new MailStoreLmdb({ path, failed: (error) => reasons.push(String(error)) });
  store.open();
  const row = (seq) => ({
    box: 1, seq, secret: "0".repeat(32), sender: "ada", from: "ada", messageId: "id-" + seq, type: "inform", priority: 1,
    trust: "proved", storedAt: seq, until: 1e13, bytes: 9, digest: "d", receipt: 1, state: "waiting", attempts: 0,
  });
  const body = Buffer.alloc(3_000, "b");
  const [kept, refused] = [[], []];
  const put = (seq) => {
    const { committed, kept: safe } = store.write([{ put: row(seq), body }]);
    return Promise.all([committed, safe]).then(() => kept.push(seq), (fault) => refused.push([seq, fault.code]));
  };
  for (let seq = 1; seq <= 50; seq += 1) await put(seq);
  limit(statSync(path + "/data.mdb").size + 400 * 1024);
  for (let seq = 51; refused.length < 20 && seq < 5_000; seq += 5) {
    const first = put(seq);
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([first, ...[1, 2, 3, 4].map((more) => put(seq + more))]);
  }
  // Nobody takes these promises: that may not end the process.
  store.write([{ put: row(9_000), body: Buffer.alloc(4_000_000) }]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const visible = [...store.rows(1, 0)].map(({ seq }) => seq);
  limit("unlimited");
  await put(10_000);
  await store.close();
  store.open();
  console.log(JSON.stringify({
    kept, refused, visible, reasons,
    again: [...store.rows(1, 0)].map(({ seq }) => seq),
    said: kept.every((seq) => [...store.said("ada", "id-" + seq)].length === 1),
    bodies: kept.every((seq) => store.body(1, seq)?.length === 3_000),
  }));
`;

describe("a store of mail on a disk that is full", () => {
  it("refuses what it cannot keep, shows nothing of it, keeps what it told, and goes on once there is room", () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "-e", writer, folders.make()],
      { encoding: "utf8", timeout: 60_000 },
    );
    expect(status, stderr).toBe(0);
    const told = JSON.parse(stdout) as Record<"kept" | "visible" | "again", readonly number[]> & {
      readonly refused: readonly (readonly [number, string])[];
      readonly reasons: readonly string[];
      readonly said: boolean;
      readonly bodies: boolean;
    };
    expect(told.refused.length).toBeGreaterThanOrEqual(20);
    expect(new Set(told.refused.map(([, code]) => code))).toEqual(new Set(["unavailable"]));
    expect(told.kept.length).toBeGreaterThan(50);
    expect(told.visible).toEqual(told.kept.filter((seq) => seq < 10_000));
    expect(told.again).toEqual(told.kept);
    expect(told.kept.at(-1)).toBe(10_000);
    expect([told.said, told.bodies]).toEqual([true, true]);
    for (const reason of told.reasons) expect(reason).toMatch(/EFBIG/);
  });
});
