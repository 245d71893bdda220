import { describe, expect, it } from "vitest";
import { Peers } from "../../../../clients/typescript/agent-network/conversations/peers.js";
import { VaultMessages } from "../../../../clients/typescript/agent-network/store/kept-messages.js";
import { ProcessedIds } from "../../../../clients/typescript/agent-network/store/processed-ids.js";
import { Transcript } from "../../../../clients/typescript/agent-network/store/transcript.js";
import { Vault } from "../../../../clients/typescript/agent-network/store/vault.js";
import { DiskInMemory, flip, keptMessage, transcriptEntry } from "../../../kit/network-records.js";

/** A vault on a disk, and what it tells of damage. */
async function begin(): Promise<{ disk: DiskInMemory; vault: Vault; told: string[] }> {
  const disk = new DiskInMemory();
  const told: string[] = [];
  const vault = await Vault.open(disk, "p", ({ message }) => told.push(message));
  return { disk, vault, told };
}

const putBack = /or put a copy of the store back$/;

describe("a store that is damaged", () => {
  it("is read without the bytes that were changed, wherever a bit flips", async () => {
    const { disk, vault, told } = await begin();
    await vault.commit([{ table: "used-keys", key: "k", value: 1 }]);
    const length = (await disk.read("used-keys"))[0]?.[1].length ?? 0;
    expect(length).toBeGreaterThan(40);
    for (let at = 0; at < length; at += 1) {
      await disk.tamper("used-keys", 0, (bytes) => {
        flip(bytes, at);
      });
      expect(await vault.read("used-keys")).toEqual([]);
      await disk.tamper("used-keys", 0, (bytes) => {
        flip(bytes, at);
      });
    }
    expect(await vault.read("used-keys")).toEqual([["k", 1]]);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/used keys of peers that cannot be read: 1;/);
  });

  it("refuses a record in another's place, or in another table, or of another store", async () => {
    const { disk, vault, told } = await begin();
    await vault.commit(["a", "b"].map((key) => ({ table: "kept", key, value: key })));
    await vault.commit([{ table: "transcript", key: "1", value: "t" }]);
    const [[, a] = [], [, b] = []] = await disk.read("kept");
    const [[, t] = []] = await disk.read("transcript");
    if (a === undefined || b === undefined || t === undefined) throw new Error("they are not there");
    await disk.commit([
      { table: "kept", key: "a", value: b },
      { table: "kept", key: "b", value: a },
      { table: "kept", key: "c", value: t },
      { table: "kept", key: "d", value: new Uint8Array(3) },
    ]);
    expect(await vault.read("kept")).toEqual([]);
    const other = await begin();
    await other.vault.commit([{ table: "transcript", key: "1", value: "of another store" }]);
    const [[, foreign] = []] = await other.disk.read("transcript");
    if (foreign !== undefined) await disk.commit([{ table: "transcript", key: "1", value: foreign }]);
    expect(await vault.read("transcript")).toEqual([]);
    expect(told).toEqual([
      expect.stringMatching(/messages that waited .*: 4/),
      expect.stringMatching(/entries of the transcript .*: 1/),
    ]);
  });

  it("says all other messages that waited, and tells of the damaged one once", async () => {
    const { disk, vault, told } = await begin();
    const before = await VaultMessages.open(vault);
    for (const seq of [1, 2, 3]) await before.put(keptMessage(seq));
    await disk.tamper("kept", 1, (bytes) => {
      flip(bytes, 30);
    });
    const messages = await VaultMessages.open(vault);
    expect(messages.all().map(({ seq }) => seq)).toEqual([1, 3]);
    expect(told).toEqual([expect.stringMatching(/messages that waited .*: 1; they are lost: say them again/)]);
    expect(told[0]).toMatch(putBack);
    expect(await disk.read("kept")).toHaveLength(2);
    await VaultMessages.open(vault);
    expect(told).toHaveLength(1);
  });

  it("shows all other entries of the transcript, and goes on", async () => {
    const { disk, vault, told } = await begin();
    const limits = { entries: 4, bytes: 1e6 };
    const before = await Transcript.open(vault, limits);
    for (const at of [1, 2, 3, 4]) await before.add(transcriptEntry(at));
    await disk.tamper("transcript", 2, (bytes) => {
      flip(bytes, 0);
    });
    await disk.commit([{ table: "transcript", key: "no number", value: new Uint8Array(50) }]);
    const transcript = await Transcript.open(vault, limits);
    const read = async (): Promise<readonly number[]> => (await transcript.read()).map(({ at }) => at);
    expect(await read()).toEqual([4, 2, 1]);
    expect(await read()).toEqual([4, 2, 1]);
    expect(told).toEqual([expect.stringMatching(/entries of the transcript .*: 1; they are left out/)]);
    for (const at of [5, 6, 7]) await transcript.add(transcriptEntry(at));
    expect(await read()).toEqual([7, 6, 5, 4]);
    expect(await disk.read("transcript")).toHaveLength(4);
  });

  it("has no first contact with a peer whose pin is damaged", async () => {
    const { disk, vault, told } = await begin();
    const pin = { peer: "bob", since: 1, isSpokenTo: true, mode: 2, signingKey: "s", publicKey: "p", fingerprint: "f" };
    await vault.commit([{ table: "peers", key: "bob", value: pin }]);
    await disk.tamper("peers", 0, (bytes) => {
      flip(bytes, 60);
    });
    const peers = await Peers.open(vault);
    expect(told).toEqual([
      expect.stringMatching(/pinned peers .*: 1; they are refused until the application accepts their keys/),
    ]);
    expect(peers.judge("bob", { mode: 2, signingKey: "s", publicKey: "p" })).toBe("changed");
    expect(peers.judge("bob", { mode: "seed", publicKey: "p" })).toBe("downgrade");
    expect(peers.judge("eve", { mode: 2, signingKey: "s", publicKey: "p" })).toBe("new");
    await vault.commit([peers.forget("bob")]);
    expect(peers.judge("bob", { mode: 2, signingKey: "s", publicKey: "p" })).toBe("new");
    expect(await disk.read("peers")).toEqual([]);
  });

  it("remembers every other message that was processed", async () => {
    const { disk, vault, told } = await begin();
    const before = await ProcessedIds.open(vault);
    for (const id of ["1", "2", "3"]) await before.add("ann", id);
    const [, [, second] = []] = await disk.read("processed");
    await disk.tamper("processed", 0, (bytes) => {
      flip(bytes, 50);
    });
    if (second !== undefined) await disk.commit([{ table: "processed", key: "9999999999999999", value: second }]);
    const ids = await ProcessedIds.open(vault);
    expect(["1", "2", "3"].map((id) => ids.has("ann", id))).toEqual([false, true, true]);
    expect(told).toEqual([expect.stringMatching(/ids of processed messages .*: 2; such a message may be processed/)]);
    await ids.add("ann", "4");
    expect(await disk.read("processed")).toHaveLength(3);
    expect((await ProcessedIds.open(vault)).size).toBe(3);
  });

  it("is refused by whoever reads it, where nobody is told", async () => {
    const disk = new DiskInMemory();
    const vault = await Vault.open(disk, "p");
    await vault.commit([{ table: "transcript", key: "1", value: 1 }]);
    await disk.tamper("transcript", 0, (bytes) => {
      flip(bytes, 5);
    });
    await expect(vault.read("transcript")).rejects.toThrow(/the store is damaged, or was changed; entries/);
  });

  it("that an old copy of is put back, opens as it was then", async () => {
    const { disk, vault } = await begin();
    await vault.commit([{ table: "peers", key: "bob", value: "pin" }]);
    const copy = await disk.dump();
    await vault.commit([{ table: "peers", key: "bob" }]);
    await vault.changePassphrase("p", "q");
    const restored = new DiskInMemory();
    for (const [table, rows] of copy) await restored.commit(rows.map(([key, value]) => ({ table, key, value })));
    const old = await Vault.open(restored, "p");
    expect(await old.read("peers")).toEqual([["bob", "pin"]]);
    expect(old.identity()).toEqual(vault.identity());
  });
});
