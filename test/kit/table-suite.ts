import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Tables } from "../../src/storage/index.js";
import { tablesMax, type RangePart } from "../../src/storage/table.js";

/** What every implementation of `Tables` must do. `open` gives an empty one. */
export function tableSuite(name: string, open: () => Promise<Tables>): void {
  describe(`tables: ${name}`, () => {
    let tables: Tables;
    beforeEach(async () => {
      tables = await open();
    });
    afterEach(() => tables.close());

    it("gives back what was put, and nothing for a key that is not there", async () => {
      const table = tables.table<{ n: number }>("t");
      await table.put("a", { n: 1 });
      expect(table.get("a")).toEqual({ n: 1 });
      expect(table.get("b")).toBeUndefined();
    });

    it("shows a change at once, before its promise resolves", async () => {
      const table = tables.table<number>("t");
      const kept = table.put("a", 1);
      expect(table.get("a")).toBe(1);
      const gone = table.delete("a");
      expect(table.get("a")).toBeUndefined();
      await Promise.all([kept, gone]);
    });

    it("is the same table for the same name and another for another", async () => {
      await tables.table<number>("one").put("a", 1);
      expect(tables.table<number>("one").get("a")).toBe(1);
      expect(tables.table<number>("two").get("a")).toBeUndefined();
    });

    it("keeps a value as it was when put, whatever its owner does to it later", async () => {
      const table = tables.table<{ list: number[] }>("t");
      const value = { list: [1] };
      await table.put("a", value);
      value.list.push(2);
      table.get("a")?.list.push(3);
      expect(table.get("a")).toEqual({ list: [1] });
    });

    it("gives a range in order of keys, its end left out", async () => {
      const table = tables.table<number>("t");
      await table.batch(["b", "a", "d", "c", "B"].map((put, value) => ({ put, value })));
      expect([...table.range("a", "d")]).toEqual([
        ["a", 1],
        ["b", 0],
        ["c", 3],
      ]);
      expect([...table.range("A", "a")]).toEqual([["B", 4]]);
      expect([...table.range("d", "a")]).toEqual([]);
    });

    it("gives so many of a range, from either end", async () => {
      const table = tables.table<number>("t");
      await table.batch(["a", "b", "c", "d", "e"].map((put, value) => ({ put, value })));
      const keys = (part: RangePart): readonly string[] => [...table.range("b", "e", part)].map(([key]) => key);
      expect(keys({ limit: 2 })).toEqual(["b", "c"]);
      expect(keys({ limit: 2, reverse: true })).toEqual(["d", "c"]);
      expect(keys({ limit: 9, reverse: true })).toEqual(["d", "c", "b"]);
      expect(keys({ limit: 0 })).toEqual([]);
      // Not on disk yet: it counts as what it will be.
      const changed = table.batch([{ delete: "b" }, { delete: "d" }, { put: "bb", value: 5 }]);
      expect(keys({ limit: 2 })).toEqual(["bb", "c"]);
      expect(keys({ limit: 1, reverse: true })).toEqual(["c"]);
      await changed;
      expect(keys({ limit: 1, reverse: true })).toEqual(["c"]);
    });

    it("lets a range be changed while it is read", async () => {
      const table = tables.table<number>("t");
      await table.batch(["a", "b", "c"].map((put, value) => ({ put, value })));
      const seen: string[] = [];
      for (const [key] of table.range("a", "z")) {
        seen.push(key);
        await table.delete(key);
      }
      expect(seen).toEqual(["a", "b", "c"]);
      expect([...table.range("", "z")]).toEqual([]);
    });

    it("refuses a batch whole when one value of it cannot be kept", async () => {
      const table = tables.table<unknown>("t");
      await table.put("a", 1);
      await expect(
        table.batch([{ put: "a", value: 2 }, { delete: "a" }, { put: "b", value: () => 1 }]),
      ).rejects.toThrow();
      expect([...table.range("", "z")]).toEqual([["a", 1]]);
    });

    it("refuses one table more than there can be, and goes on with those that are there", () => {
      for (let n = 0; n < tablesMax; n += 1) tables.table(`t${n}`);
      expect(() => tables.table("more")).toThrow(/there are 64 tables, so none is made for more/);
      expect(tables.table("t1").get("a")).toBeUndefined();
    });

    it("agrees with a sorted list after any changes", async () => {
      const key = fc.string({ maxLength: 3 });
      const change = fc.oneof(fc.record({ put: key, value: fc.integer() }), fc.record({ delete: key }));
      let run = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 8 }),
          key,
          key,
          async (batches, from, to) => {
            const table = tables.table<number>(`property ${run++}`);
            const model = new Map<string, number>();
            for (const batch of batches) {
              await table.batch(batch);
              for (const step of batch) {
                if ("put" in step) model.set(step.put, step.value);
                else model.delete(step.delete);
              }
              const expected = [...model]
                .filter(([k]) => k >= from && k < to)
                .sort(([one], [other]) => (one < other ? -1 : 1));
              expect([...table.range(from, to)]).toEqual(expected);
            }
          },
        ),
        { numRuns: 60 },
      );
    });
  });
}
