import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lmdbDamage } from "../../src/storage/lmdb-damage.js";
import { TablesLmdb } from "../../src/storage/index.js";
import { Dice } from "../fuzz/dice.js";

let folder: string;
let file: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "synaptic-damage-")), "tables");
  file = join(folder, "data.mdb");
});
afterEach(() => {
  rmSync(join(folder, ".."), { recursive: true, force: true });
});

function open(): TablesLmdb {
  const tables = new TablesLmdb({ path: folder, failed: () => undefined });
  tables.open();
  return tables;
}

/** Tables with many entries, large ones among them, some of which were deleted. */
async function fill(): Promise<void> {
  const tables = open();
  const [one, two] = [tables.table<string>("one"), tables.table<string>("two")];
  const keys = Array.from({ length: 2_000 }, (_, at) => `key ${String(at * 7919).padStart(9, "0")}`);
  await one.batch(keys.map((put) => ({ put, value: `${put} `.repeat(10) })));
  await two.batch(
    Array.from({ length: 20 }, (_, at) => ({ put: `large ${String(at)}`, value: "x".repeat(at * 3_000) })),
  );
  await one.batch(keys.filter((_, at) => at % 3 > 0).map((key) => ({ delete: key })));
  await two.batch([{ delete: "large 19" }, { put: "large 1", value: "y".repeat(20_000) }]);
  await tables.close();
}

describe("a file of lmdb's", () => {
  it("is found whole: none, an empty one, a new one, one with many entries, and while it changes at random", async () => {
    expect(lmdbDamage(file)).toBeUndefined();
    await open().close();
    expect(lmdbDamage(file)).toBeUndefined();
    await fill();
    expect(lmdbDamage(file)).toBeUndefined();
    const dice = new Dice(20);
    for (let round = 0; round < 8; round += 1) {
      const tables = open();
      const table = tables.table<string>(`random ${String(round % 3)}`);
      for (let step = 0; step < 40; step += 1) {
        const key = `key ${String(dice.below(200))}`;
        await (dice.below(3) === 0 ? table.delete(key) : table.put(key, "z".repeat(dice.below(9_000))));
      }
      // A broker that is killed now leaves the file as it is.
      expect(lmdbDamage(file)).toBeUndefined();
      await tables.close();
      expect(lmdbDamage(file)).toBeUndefined();
    }
    writeFileSync(file, "");
    expect(lmdbDamage(file)).toBeUndefined();
  });

  it("that is no file, or another program's, is told", () => {
    const other = join(folder, "..", "other");
    writeFileSync(other, "a text of somebody else's".repeat(1_000));
    expect(lmdbDamage(other)).toMatch(/not lmdb's/);
    expect(lmdbDamage(join(folder, ".."))).toMatch(/no regular file/);
  });

  it("that is cut off anywhere is refused, with the way out, and never opened", async () => {
    await fill();
    const whole = readFileSync(file);
    const used = usedBytes(whole);
    for (const share of [0.01, 0.1, 0.3, 0.5, 0.7, 0.9]) {
      writeFileSync(file, whole);
      const cut = openSync(file, "r+");
      ftruncateSync(cut, Math.floor(used * share));
      closeSync(cut);
      expect(() => open(), String(share)).toThrow(/data\.mdb is damaged: .*move it away to start with empty tables/s);
    }
    writeFileSync(file, whole.subarray(0, used));
    await open().close();
  });

  it("whose pages are scrambled is refused", async () => {
    await fill();
    const whole = readFileSync(file);
    const pages = usedBytes(whole) / 4_096;
    const open = openSync(file, "r+");
    /** Whether it is refused with 64 bytes of nonsense in that place. */
    const refused = (at: number): boolean => {
      writeSync(open, Buffer.alloc(64, 0xa5), 0, 64, at);
      const damage = lmdbDamage(file);
      writeSync(open, whole, at, 64, at);
      return damage !== undefined;
    };
    // The header and the offsets of a page; in a page that is free, nobody reads them.
    const found = Array.from({ length: pages - 2 }, (_, at) => refused((at + 2) * 4_096)).filter(Boolean);
    expect(found.length).toBeGreaterThan(pages / 10);
    expect([refused(0), refused(24), refused(4_096 + 24)]).toEqual([true, true, true]);
    expect(lmdbDamage(file)).toBeUndefined();
    closeSync(open);
  });

  it("that hides a loop comes to an end", async () => {
    await fill();
    const whole = readFileSync(file);
    const root = [0, 2_048, 4_096].map((at) => Number(whole.readBigUInt64LE(at + 24 + 24 + 48 + 40)));
    for (const page of root.filter((at) => at < whole.length / 4_096))
      whole.copy(whole, (page + 1) * 4_096, page * 4_096, (page + 1) * 4_096);
    writeFileSync(file, whole);
    expect(() => lmdbDamage(file)).not.toThrow();
  });

  it("is nobody else's to read, whatever rights it had before", async () => {
    const names = ["data.mdb", "lock.mdb"].map((name) => join(folder, name));
    const modes = (): number[] => names.map((name) => statSync(name).mode & 0o777);
    await open().close();
    expect(modes()).toEqual([0o600, 0o600]);
    for (const name of names) chmodSync(name, 0o664);
    await open().close();
    expect(modes()).toEqual([0o600, 0o600]);
  });
});

/** Where the last page ends, by the newest meta page. */
function usedBytes(whole: Buffer): number {
  const pages = [0, 4_096].map((at) => Number(whole.readBigUInt64LE(at + 24 + 120)));
  return (Math.max(...pages) + 1) * 4_096;
}
