import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { TablesLmdb } from "../../src/storage/index.js";
import { tableSuite } from "../kit/table-suite.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function openAt(path: string, failed: (error: unknown) => void = () => undefined): TablesLmdb {
  const tables = new TablesLmdb({ path, failed });
  tables.open();
  return tables;
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "synaptic-tables-"));
  folders.push(made);
  return join(made, "tables");
}

tableSuite("lmdb", () => Promise.resolve(openAt(folder())));

describe("tables on disk", () => {
  it("are there again after a restart, and nobody else's to read", async () => {
    const path = folder();
    const tables = openAt(path);
    await tables.table<unknown>("one").batch([
      { put: "a", value: { deep: [1, null, "ü"] } },
      { put: "", value: 0 },
      { put: "\ud800", value: false },
    ]);
    await tables.close();
    expect(statSync(path).mode & 0o777).toBe(0o700);
    const again = openAt(path);
    expect([...again.table<unknown>("one").range("", "\uffff")]).toEqual([
      ["", 0],
      ["a", { deep: [1, null, "ü"] }],
      ["\ud800", false],
    ]);
    await again.close();
  });

  it("keep what a promise said, whatever kills the process", () => {
    const path = folder();
    const script = `
      import { TablesLmdb } from ${JSON.stringify(new URL("../../dist/src/storage/index.js", import.meta.url).href)};
      const tables = new TablesLmdb({ path: ${JSON.stringify(path)}, failed: console.error });
      tables.open();
      const table = tables.table("killed");
      for (let n = 0; ; n += 1) {
        await table.batch([{ put: "a" + String(n).padStart(6, "0"), value: n }, { put: "b" + String(n).padStart(6, "0"), value: n }]);
        process.stdout.write(n + "\\n");
        if (n === 50) process.kill(process.pid, "SIGKILL");
      }`;
    const { stdout, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect(signal).toBe("SIGKILL");
    const said = stdout.trim().split("\n").length;
    expect(said).toBeGreaterThan(40);
    const tables = openAt(path);
    const table = tables.table<number>("killed");
    const [a, b] = [[...table.range("a", "b")], [...table.range("b", "c")]];
    expect(a.length).toBeGreaterThanOrEqual(said);
    expect(a.map(([, n]) => n)).toEqual(b.map(([, n]) => n));
    return tables.close();
  });

  it("say which folder cannot be opened, and what to do", () => {
    const path = folder();
    writeFileSync(path, "a file");
    expect(() => openAt(path)).toThrow(/cannot be opened.*move it away/s);
  });

  it("refuse changes once they are closed", async () => {
    const tables = openAt(folder());
    const table = tables.table<number>("t");
    await table.put("a", 1);
    await tables.close();
    await expect(table.put("b", 2)).rejects.toThrow(/closed/);
    expect([table.get("a"), ...table.range("", "z")]).toEqual([undefined]);
  });

  it("refuse a key that is too long, and change nothing", async () => {
    const tables = openAt(folder());
    const table = tables.table<number>("t");
    await expect(
      table.batch([
        { put: "a", value: 1 },
        { put: "k".repeat(1_000), value: 2 },
      ]),
    ).rejects.toThrow(/key/);
    expect([...table.range("", "z")]).toEqual([]);
    await tables.close();
  });
});
