import { describe, expect, it } from "vitest";
import { ProcessedIds } from "../../../../clients/typescript/agent-network/store/processed-ids.js";
import { MemoryStore } from "../../../../clients/typescript/agent-network/store/store-memory.js";
import type { Change, NetworkStore, Range } from "../../../../clients/typescript/agent-network/store/store.js";
import { Vault } from "../../../../clients/typescript/agent-network/store/vault.js";

/** A store that says it is on disk, and fails where it is told to. */
class DiskLike implements NetworkStore {
  readonly isDurable = true;
  readonly #records = new MemoryStore();
  fails = false;
  /** Called once, in the middle of the next commit. */
  meanwhile: (() => void) | undefined;

  read(table: string, range?: Range): ReturnType<NetworkStore["read"]> {
    return this.#records.read(table, range);
  }

  commit(changes: readonly Change[]): Promise<void> {
    this.meanwhile?.();
    this.meanwhile = undefined;
    return this.fails ? Promise.reject(new Error("the disk is full")) : this.#records.commit(changes);
  }

  close(): Promise<void> {
    return this.#records.close();
  }
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, place) => (place === at ? byte ^ 1 : byte));

describe("a vault that somebody wrote into", () => {
  it("refuses a record with any bit changed, and says which table is damaged", async () => {
    const store = new MemoryStore();
    const vault = await Vault.open(store, undefined);
    await vault.commit([{ table: "peers", key: "bob", value: { pin: "x" } }]);
    const [row] = await store.read("peers");
    const [key, value] = row ?? ["", new Uint8Array()];
    expect(value.length).toBeGreaterThan(40);
    for (let at = 0; at <= value.length; at += 1) {
      const bad = at === value.length ? value.slice(0, -1) : flipped(value, at);
      await store.commit([{ table: "peers", key, value: bad }]);
      await expect(vault.read("peers")).rejects.toThrow(/a record of peers in the store is damaged; put a copy/);
    }
    await store.commit([{ table: "peers", key, value: new Uint8Array() }]);
    await expect(vault.read("peers")).rejects.toThrow("a record of peers");
  });

  it("refuses a record in another's place, or in another table", async () => {
    const store = new MemoryStore();
    const vault = await Vault.open(store, undefined);
    await vault.commit(["ann", "bob"].map((key) => ({ table: "peers", key, value: key })));
    await vault.commit(["1", "2"].map((key) => ({ table: "kept", key, value: key })));
    for (const table of ["peers", "kept"]) {
      const [one, other] = await store.read(table);
      await store.commit([{ table, key: one?.[0] ?? "", value: other?.[1] ?? new Uint8Array() }]);
      await expect(vault.read(table)).rejects.toThrow(`a record of ${table} in the store is damaged`);
      await store.commit([{ table: "elsewhere", key: other?.[0] ?? "", value: other?.[1] ?? new Uint8Array() }]);
    }
    await expect(vault.read("elsewhere")).rejects.toThrow("a record of elsewhere in the store is damaged");
  });

  it("refuses a header that says another thing than was written, in every part", async () => {
    const store = new MemoryStore();
    await Vault.open(store, "p");
    const [row] = await store.read("vault");
    const text = new TextDecoder().decode(row?.[1]);
    const other = text.replace(/"(signing)":"./, '"$1":"_');
    const parts = [
      other,
      text.replace("600000", "600001"),
      text.replace("600000", "1000"),
      text.replace("600000", '"600000"'),
      text.replace(/"salt":"../, '"salt":"AA'),
      text.replace(/"data":"../, '"data":"AA'),
      text.replace(/"iv":"../, '"iv":"AA'),
      text.replace('"v":1', '"v":2'),
      text.slice(0, -1),
      "null",
      "",
    ];
    for (const bad of parts) {
      expect(bad).not.toBe(text);
      await store.commit([{ table: "vault", key: "header", value: new TextEncoder().encode(bad) }]);
      await expect(Vault.open(store, "p")).rejects.toThrow(/header/);
    }
  });

  it("needs a passphrase where it outlives the process", async () => {
    await expect(Vault.open(new DiskLike(), undefined)).rejects.toThrow("a store on disk needs a passphrase");
  });
});

describe("a vault whose disk fails", () => {
  it("keeps the old passphrase and keys in force, also for what is written later", async () => {
    const store = new DiskLike();
    const vault = await Vault.open(store, "old");
    const before = vault.identity();
    store.fails = true;
    await expect(vault.changePassphrase("old", "new")).rejects.toThrow("the disk is full");
    await expect(vault.saveIdentity({ ...before, earlier: [{ ...before.agreement, until: 9 }] })).rejects.toThrow(
      "full",
    );
    expect(vault.identity()).toBe(before);
    store.fails = false;
    await vault.saveIdentity(before);
    expect((await Vault.open(store, "old")).identity()).toEqual(before);
  });

  it("does not bring an old passphrase back by keys that are saved meanwhile", async () => {
    const store = new DiskLike();
    const vault = await Vault.open(store, "old");
    const saved = new Promise<void>((resolve, reject) => {
      store.meanwhile = () => {
        vault.saveIdentity(vault.identity()).then(resolve, reject);
      };
    });
    await vault.changePassphrase("old", "new");
    await saved;
    await expect(Vault.open(store, "old")).rejects.toThrow("does not open");
  });
});

it("shows nobody which processed messages are of one sender", async () => {
  const store = new MemoryStore();
  const ids = await ProcessedIds.open(await Vault.open(store, "p"));
  for (const id of ["1", "2"]) await ids.add("ann", id);
  const rows = await store.read("processed");
  expect(rows.map(([key]) => key)).toEqual(["0000000000000001", "0000000000000002"]);
  const [one = "", other = ""] = rows.map(([, value]) => Buffer.from(value).toString("latin1"));
  for (let at = 0; at + 6 <= one.length; at += 1) expect(other).not.toContain(one.slice(at, at + 6));
});
