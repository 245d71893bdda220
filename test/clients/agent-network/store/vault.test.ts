import { describe, expect, it } from "vitest";
import { ProcessedIds } from "../../../../clients/typescript/agent-network/store/processed-ids.js";
import { MemoryStore } from "../../../../clients/typescript/agent-network/store/store-memory.js";
import { Transcript, type TranscriptEntry } from "../../../../clients/typescript/agent-network/store/transcript.js";
import { Vault } from "../../../../clients/typescript/agent-network/store/vault.js";

const entry = (at: number, peer: string): TranscriptEntry => ({
  direction: "SENT",
  at,
  peer,
  messageId: `m${at}`,
  conversationId: "c",
  messageType: "INFORM",
  content: { text: "hello" },
  sealed: true,
  verified: true,
});

describe("the vault", () => {
  it("gives the same keys and records to whoever has the passphrase", async () => {
    const store = new MemoryStore();
    const first = await Vault.open(store, "correct horse");
    await first.commit([{ table: "peers", key: "bob", value: { pin: "x" } }]);
    const again = await Vault.open(store, "correct horse");
    expect(again.identity()).toEqual(first.identity());
    expect(await again.read("peers")).toEqual([["bob", { pin: "x" }]]);
  });

  it("is closed to another passphrase, and to the old one after a change", async () => {
    const store = new MemoryStore();
    const vault = await Vault.open(store, "old");
    await expect(Vault.open(store, "other")).rejects.toThrow("the passphrase does not open this store");
    await vault.changePassphrase("old", "new");
    await expect(Vault.open(store, "old")).rejects.toThrow("does not open");
    expect((await Vault.open(store, "new")).identity()).toEqual(vault.identity());
  });

  it("remembers what was processed, the last of each sender", async () => {
    const store = new MemoryStore();
    const limits = { ofSender: 3, inAll: 5 };
    const vault = await Vault.open(store, "p");
    const ids = await ProcessedIds.open(vault, limits);
    for (const id of ["1", "2", "3", "4"]) await ids.add("ann", id);
    for (const id of ["1", "2", "3"]) await ids.add("bob", id);
    const again = await ProcessedIds.open(await Vault.open(store, "p"), limits);
    expect(again.size).toBe(5);
    expect(["1", "2", "3", "4"].map((id) => again.has("ann", id))).toEqual([false, false, true, true]);
    expect(again.has("bob", "3")).toBe(true);
  });

  it("remembers all that was processed when there is more than a page, and gaps in it", async () => {
    const store = new MemoryStore();
    const vault = await Vault.open(store, "p");
    const ids = await ProcessedIds.open(vault, { ofSender: 700, inAll: 5_000 });
    await ids.add("ann", "first");
    for (let id = 0; id < 2_000; id += 1) await ids.add("bob", `${id}`);
    const again = await ProcessedIds.open(await Vault.open(store, "p"));
    expect([again.size, again.has("ann", "first")]).toEqual([701, true]);
    expect(["1299", "1300", "1999"].map((id) => again.has("bob", id))).toEqual([false, true, true]);
  });

  it("has a transcript whose oldest entries go", async () => {
    const store = new MemoryStore();
    const vault = await Vault.open(store, "p");
    const transcript = await Transcript.open(vault, { entries: 3, bytes: 1e6 });
    for (const at of [1, 2, 3, 4]) await transcript.add(entry(at, at % 2 === 0 ? "bob" : "ann"));
    const again = await Transcript.open(await Vault.open(store, "p"));
    expect((await again.read()).map(({ at }) => at)).toEqual([4, 3, 2]);
    expect((await again.read({ peer: "bob" })).map(({ at }) => at)).toEqual([4, 2]);
  });
});
