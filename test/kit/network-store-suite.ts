import { describe, expect, it } from "vitest";
import type { NetworkStore } from "../../clients/typescript/agent-network/store/store.js";

/** A store under test: `again` opens the same one once more, where it keeps anything. */
export interface StoreUnderTest {
  readonly open: () => Promise<NetworkStore>;
  readonly again?: () => Promise<NetworkStore>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const keysOf = (rows: readonly (readonly [string, Uint8Array])[]): readonly string[] => rows.map(([key]) => key);

/** What every store of a client of Agent Network does. */
export function storeSuite(name: string, { open, again }: StoreUnderTest): void {
  describe(`the store in ${name}`, () => {
    it("reads what was committed, in the order of the keys", async () => {
      const store = await open();
      await store.commit(["b", "c", "a"].map((key) => ({ table: "t", key, value: bytes(key) })));
      const rows = await store.read("t");
      expect(keysOf(rows)).toEqual(["a", "b", "c"]);
      expect(new TextDecoder().decode(rows[1]?.[1])).toBe("b");
      await store.close();
    });

    it("reads a range: between two keys, so many, from the end", async () => {
      const store = await open();
      await store.commit(["1", "2", "3", "4"].map((key) => ({ table: "t", key, value: bytes(key) })));
      expect(keysOf(await store.read("t", { after: "1", before: "4" }))).toEqual(["2", "3"]);
      expect(keysOf(await store.read("t", { after: "1", limit: 2 }))).toEqual(["2", "3"]);
      expect(keysOf(await store.read("t", { reverse: true, limit: 2 }))).toEqual(["4", "3"]);
      expect(keysOf(await store.read("t", { before: "4", reverse: true, limit: 1 }))).toEqual(["3"]);
      await store.close();
    });

    it("keeps tables apart, also those whose names begin alike", async () => {
      const store = await open();
      await store.commit([
        { table: "peer", key: "a", value: bytes("1") },
        { table: "peers", key: "b", value: bytes("2") },
      ]);
      expect(keysOf(await store.read("peer"))).toEqual(["a"]);
      expect(keysOf(await store.read("peers"))).toEqual(["b"]);
      await store.close();
    });

    it("replaces and removes, several in one commit", async () => {
      const store = await open();
      await store.commit([
        { table: "t", key: "a", value: bytes("1") },
        { table: "t", key: "b", value: bytes("1") },
      ]);
      await store.commit([
        { table: "t", key: "a" },
        { table: "t", key: "b", value: bytes("2") },
        { table: "u", key: "c", value: bytes("3") },
      ]);
      expect(keysOf(await store.read("t"))).toEqual(["b"]);
      expect(new TextDecoder().decode((await store.read("t"))[0]?.[1])).toBe("2");
      expect(keysOf(await store.read("u"))).toEqual(["c"]);
      await store.close();
    });

    it("takes bytes as they are at the moment of the commit", async () => {
      const store = await open();
      const value = bytes("before");
      const done = store.commit([{ table: "t", key: "a", value }]);
      value.fill(0);
      await done;
      expect(new TextDecoder().decode((await store.read("t"))[0]?.[1])).toBe("before");
      await store.close();
    });

    it.runIf(again !== undefined)("has what was committed when it is opened again", async () => {
      const store = await open();
      await store.commit([{ table: "t", key: "a", value: bytes("kept") }]);
      await store.close();
      const later = await again?.();
      expect(later?.isDurable).toBe(true);
      expect(keysOf((await later?.read("t")) ?? [])).toEqual(["a"]);
      await later?.close();
    });
  });
}
