import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProgram, type Ended } from "../kit/cli.js";

const binary = fileURLToPath(new URL("../../bin/broker.js", import.meta.url));

describe("tokens on a disk that is full", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "synaptic-full-"));
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });

  /**
   * `broker token`, with files that cannot grow beyond so many KiB: the system then writes a part, as on a full disk,
   * and says so only at the next write.
   */
  function token(agent: string, maxKib: number | "unlimited"): Promise<Ended> {
    return startProgram("bash", [
      "-c",
      `ulimit -S -f ${maxKib}; exec "$@"`,
      "bash",
      process.execPath,
      binary,
      "token",
      agent,
      "--zmq",
      "--data-dir",
      dataDir,
      "--json",
    ]).ended;
  }

  async function agents(): Promise<string[]> {
    const { stdout } = await startProgram(process.execPath, [binary, "token", "list", "--data-dir", dataDir, "--json"])
      .ended;
    return (JSON.parse(stdout) as { agent: string }[]).map(({ agent }) => agent);
  }

  it("keeps the old ones, says why the new one is none, leaves nothing behind, and goes on once there is room", async () => {
    const issued: string[] = [];
    let refused: Ended | undefined;
    while (refused === undefined && issued.length < 20) {
      const ended = await token(`agent-${issued.length}`, 1);
      if (ended.code === 0) issued.push(`agent-${issued.length}`);
      else refused = ended;
    }
    expect(refused).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/tokens\.json.*EFBIG/) as string,
    });
    expect(issued.length).toBeGreaterThan(0);
    expect(await agents()).toEqual(issued);
    expect(readdirSync(dataDir).filter((name) => /tmp|lock/.test(name))).toEqual([]);
    expect(await token("late", "unlimited")).toMatchObject({ code: 0 });
    expect(await agents()).toEqual([...issued, "late"]);
  });
});

describe("a broker on a disk that is full", () => {
  /** Starts with files that cannot grow beyond so many KiB. */
  const start = (dataDir: string, maxKib: number): Promise<Ended> =>
    startProgram("bash", [
      "-c",
      `ulimit -S -f ${maxKib}; exec "$@"`,
      "bash",
      process.execPath,
      binary,
      ...["start", "--data-dir", dataDir, "--ws", "127.0.0.1:0"],
      ...["--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0"],
    ]).ended;

  it("is refused with the file that has no room and the remedy, however little room there is, and not ended by a signal", async () => {
    for (const [maxKib, file] of [
      [0, "broker.pid"],
      [8, "tables"],
      [200, "tables"],
      [300, "tables"],
    ] as const) {
      const dataDir = mkdtempSync(join(tmpdir(), "synaptic-full-"));
      const { code, stderr } = await start(dataDir, maxKib);
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`${join(dataDir, file)}.*EFBIG.*disk is full.*make room`));
      expect(stderr).not.toContain("move");
      rmSync(dataDir, { recursive: true });
    }
  });

  it("does not blame a secret that is there and need not be written", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "synaptic-full-"));
    await startProgram(process.execPath, [binary, "token", "ada", "--zmq", "--data-dir", dataDir]).ended;
    const { code, stderr } = await startProgram("bash", [
      "-c",
      `ulimit -S -f 0; exec "$@"`,
      ...["bash", process.execPath, binary, "token", "bob", "--zmq", "--data-dir", dataDir],
    ]).ended;
    expect([code, stderr]).toEqual([1, expect.stringMatching(/tokens\.json\S* could not be written.*disk is full/)]);
    expect(stderr).not.toContain("pan-token");
    rmSync(dataDir, { recursive: true });
  });
});

/**
 * Puts forty values into a table whose file cannot grow beyond 480 KiB, then, with room again, one more; tells what
 * became of each.
 */
const writer = `
  import { execFileSync } from "node:child_process";
  import { TablesLmdb } from ${JSON.stringify(new URL("../../dist/src/storage/index.js", import.meta.url).href)};
  const reasons = [];
  const tables = new TablesLmdb({ path: process.argv[1], failed: (error) => reasons.push(String(error)) });
  tables.open();
  const table = tables.table("kept");
  const told = [];
  const put = (key) => table.put(key, "x".repeat(3_000)).then(() => told.push(key), (fault) => reasons.push(fault.code));
  for (let at = 0; at < 40; at += 1) await put("key " + at);
  execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=unlimited"]);
  await put("late");
  await tables.close();
  tables.open();
  const again = tables.table("kept");
  console.log(JSON.stringify({ told, reasons, kept: [...again.range("", "~")].map(([key]) => key).sort() }));
  await tables.close();
`;

/**
 * Fills a table in one change, leaves it little room to grow, and deletes entries all over it in one change each; tells
 * what became of each, and of one more with room again.
 */
const scattered = `
  import { execFileSync } from "node:child_process";
  import { createHash } from "node:crypto";
  import { statSync } from "node:fs";
  import { join } from "node:path";
  import { TablesLmdb } from ${JSON.stringify(new URL("../../dist/src/storage/index.js", import.meta.url).href)};
  const limit = (bytes) => execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=" + bytes + ":"]);
  const reasons = [];
  const tables = new TablesLmdb({ path: process.argv[1], failed: (error) => reasons.push(String(error)) });
  tables.open();
  const table = tables.table("kept");
  const keys = Array.from({ length: 20_000 }, (_, at) => createHash("sha256").update(String(at)).digest("hex")).sort();
  await table.batch(keys.map((put, value) => ({ put, value })));
  limit(statSync(join(process.argv[1], "data.mdb")).size + 1_500 * 1024);
  const kept = [];
  for (let round = 0; round < 4; round += 1) {
    const gone = keys.filter((_, at) => at % 20 === round);
    kept.push(await table.batch(gone.map((key) => ({ delete: key }))).then(() => gone.every((key) => table.get(key) === undefined), () => gone.every((key) => table.get(key) !== undefined)));
  }
  limit("unlimited");
  await table.put("late", 1);
  console.log(JSON.stringify({ kept, reasons, late: table.get("late") }));
  await tables.close();
`;

describe("tables on a disk that is full", () => {
  it("refuse a change all over the table that lmdb could not write, before lmdb tries", async () => {
    const folder = mkdtempSync(join(tmpdir(), "synaptic-full-"));
    try {
      const { code, stdout, stderr } = await startProgram(process.execPath, [
        "--input-type=module",
        "-e",
        scattered,
        join(folder, "tables"),
      ]).ended;
      expect(code, stderr).toBe(0);
      const { kept, reasons, late } = JSON.parse(stdout) as { kept: boolean[]; reasons: string[]; late: number };
      expect([kept, late]).toEqual([[true, true, true, true], 1]);
      expect(reasons.length).toBeGreaterThan(0);
      // lmdb's own words are "Input/output error": it has damaged its memory then.
      for (const reason of reasons) expect(reason).toMatch(/EFBIG/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("refuse what they cannot keep, say why, keep what they told, and do not end the process", async () => {
    const folder = mkdtempSync(join(tmpdir(), "synaptic-full-"));
    try {
      const { code, stdout, stderr } = await startProgram("bash", [
        "-c",
        'ulimit -S -f 480; exec "$@"',
        "bash",
        process.execPath,
        "--input-type=module",
        "-e",
        writer,
        join(folder, "tables"),
      ]).ended;
      expect(code, stderr).toBe(0);
      const { told, reasons, kept } = JSON.parse(stdout) as Record<"told" | "reasons" | "kept", string[]>;
      expect(told).toContain("late");
      expect(told.length).toBeGreaterThan(5);
      expect(told.length).toBeLessThan(40);
      expect(kept).toEqual([...told].sort());
      expect(new Set(reasons.map((reason) => reason.replace(/:.*/, "")))).toEqual(new Set(["Error", "unavailable"]));
      expect(reasons[0]).toMatch(/EFBIG/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
