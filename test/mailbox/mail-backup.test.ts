import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lmdbDamage } from "../../src/storage/lmdb-damage.js";
import { mailFolders } from "../kit/mail-folders.js";
import { boxRow, mailRow, noMail } from "../kit/mail-rows.js";

const folders = mailFolders();

describe("a copy of a store of mail", () => {
  it("is whole and counts exactly, though all is written to meanwhile, and has all that was kept before", async () => {
    const path = folders.make();
    const store = folders.open(path);
    let seq = 0;
    const writeOne = (): Promise<void> => {
      seq += 1;
      const box = 1 + (seq % 5);
      const stored = Math.floor((seq + 5 - (box - 1 === 0 ? 5 : box - 1)) / 5);
      return store.write([
        { put: mailRow(box, seq), body: Buffer.alloc(2_000, `${String(seq)} `) },
        { box: boxRow(box, { nextSeq: seq + 1, counts: { ...noMail, stored, waiting: stored } }) },
      ]).kept;
    };
    const write = async (until: () => boolean): Promise<void> => {
      while (!until()) await Promise.all(Array.from({ length: 20 }, writeOne));
    };
    await write(() => seq >= 2_000);
    const copies: { readonly folder: string; readonly atLeast: number; readonly atMost: number }[] = [];
    let isDone = false;
    const writing = write(() => isDone);
    for (let copy = 0; copy < 3; copy += 1) {
      const [folder, atLeast] = [folders.make(), seq - 20];
      await store.backup(folder);
      copies.push({ folder, atLeast, atMost: seq });
    }
    isDone = true;
    await writing;
    expect(copies[2]?.atMost).toBeGreaterThan(copies[0]?.atLeast ?? Infinity);
    for (const { folder, atLeast, atMost } of copies) {
      expect(readdirSync(folder)).toEqual(["data.mdb"]);
      expect([folder, join(folder, "data.mdb")].map((name) => statSync(name).mode & 0o777)).toEqual([0o700, 0o600]);
      expect(lmdbDamage(join(folder, "data.mdb"))).toBeUndefined();
      const copy = folders.open(folder);
      expect(copy.epoch).toBe(store.epoch);
      let all = 0;
      for (const { id, counts, nextSeq } of copy.boxes()) {
        const rows = [...copy.rows(id, 0)];
        expect([counts.stored, nextSeq]).toEqual([rows.length, (rows.at(-1)?.seq ?? 0) + 1]);
        for (const row of rows) expect(String(copy.body(id, row.seq)).startsWith(`${String(row.seq)} `)).toBe(true);
        all += rows.length;
      }
      expect(all).toBeGreaterThanOrEqual(atLeast);
      expect(all).toBeLessThanOrEqual(atMost);
      await copy.write([{ put: mailRow(9, 1) }]).kept;
      await copy.close();
    }
    await store.close();
  });

  it("leaves out the free pages", async () => {
    const store = folders.open(folders.make());
    await store.write(Array.from({ length: 500 }, (_, at) => ({ put: mailRow(1, at + 1), body: Buffer.alloc(4_000) })))
      .kept;
    await store.write([{ close: 1 }]).kept;
    await store.write([{ put: mailRow(2, 1), body: Buffer.from("b") }]).kept;
    const folder = folders.make();
    await store.backup(folder);
    expect(statSync(join(folder, "data.mdb")).size).toBeLessThan(store.diskBytes / 10);
    await store.close();
  });

  it("is refused where something is, and where nothing can be written, and of a store that is not open", async () => {
    const path = folders.make();
    const store = folders.open(path);
    await expect(store.backup(path)).rejects.toThrow(/is not empty/);
    const file = folders.make();
    writeFileSync(file, "a file");
    await expect(store.backup(join(file, "copy"))).rejects.toMatchObject({ code: "unavailable" });
    const empty = folders.make();
    mkdirSync(empty);
    const closing = store.backup(empty);
    await Promise.all([closing, store.close()]);
    expect(lmdbDamage(join(empty, "data.mdb"))).toBeUndefined();
    await expect(store.backup(folders.make())).rejects.toThrow(/not open/);
  });
});
