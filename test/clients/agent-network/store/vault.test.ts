import { beforeAll, describe, expect, it } from "vitest";
import { agreementPair } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { MemoryStore } from "../../../../clients/typescript/agent-network/store/store-memory.js";
import { Vault } from "../../../../clients/typescript/agent-network/store/vault.js";
import { DiskInMemory, flip } from "../../../kit/network-records.js";

beforeAll(async () => {
  await ready();
});

type Json = Record<string, Record<string, unknown> | number>;

const headerOf = async (store: DiskInMemory): Promise<Json> =>
  JSON.parse(new TextDecoder().decode((await store.read("vault"))[0]?.[1])) as Json;

/** Changes the header as somebody would who has the disk. */
async function changeHeader(store: DiskInMemory, change: (header: Json) => void): Promise<void> {
  const header = await headerOf(store);
  change(header);
  await store.commit([{ table: "vault", key: "header", value: new TextEncoder().encode(JSON.stringify(header)) }]);
}

const renewed = (vault: Vault, since: number) => ({
  ...vault.identity(),
  agreement: { ...agreementPair(), since },
});

describe("the vault", () => {
  it("gives the same keys and records to whoever has the passphrase", async () => {
    const store = new DiskInMemory();
    const first = await Vault.open(store, "correct horse");
    const { agreement } = first.identity();
    const earlier = [{ publicKey: agreement.publicKey, privateKey: agreement.privateKey, until: 8 }];
    await first.saveIdentity({ ...renewed(first, 7.5), earlier });
    await first.commit([{ table: "peers", key: "bob", value: { pin: "x" } }]);
    const again = await Vault.open(store, "correct horse");
    expect(again.identity()).toEqual(first.identity());
    expect(await again.read("peers")).toEqual([["bob", { pin: "x" }]]);
  });

  it("encrypts private keys by AES-256-GCM under a key of PBKDF2-SHA256, and leaves public keys plain", async () => {
    const store = new DiskInMemory();
    const vault = await Vault.open(store, "correct horse");
    const header = await headerOf(store);
    expect(header.recipe).toMatchObject({ kdf: "PBKDF2-SHA256", iterations: 600_000 });
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
    const { signing, agreement } = vault.identity();
    expect(header.publicKeys).toEqual({
      signing: base64(signing.publicKey),
      agreement: base64(agreement.publicKey),
    });
    // Opened here by WebCrypto alone, as the document has it.
    const { recipe, secrets } = header as unknown as {
      recipe: { salt: string };
      secrets: { iv: string; data: string };
    };
    const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "base64"));
    const { subtle } = globalThis.crypto;
    const word = await subtle.importKey("raw", new TextEncoder().encode("correct horse"), "PBKDF2", false, [
      "deriveKey",
    ]);
    const key = await subtle.deriveKey(
      { name: "PBKDF2", hash: "SHA-256", salt: bytes(recipe.salt), iterations: 600_000 },
      word,
      { name: "AES-GCM", length: 256 },
      false,
      ["decrypt"],
    );
    const beside = new TextEncoder().encode(`AN2 vault 1 PBKDF2-SHA256 600000 ${recipe.salt}`);
    const params = { name: "AES-GCM", iv: bytes(secrets.iv), additionalData: beside };
    const plain = Buffer.from(await subtle.decrypt(params, key, bytes(secrets.data)));
    expect(plain.includes(Buffer.from(signing.privateKey))).toBe(true);
    expect(plain.includes(Buffer.from(agreement.privateKey))).toBe(true);
  });

  it("is closed to another passphrase, and to the old one after a change", async () => {
    const store = new DiskInMemory();
    const vault = await Vault.open(store, "old");
    await expect(Vault.open(store, "other")).rejects.toThrow(
      /the passphrase does not open this store: it is another.*put a copy/,
    );
    await expect(vault.changePassphrase("wrong", "new")).rejects.toThrow(/the old one is another/);
    await expect(vault.changePassphrase("old", "")).rejects.toThrow(/is empty/);
    await vault.changePassphrase("old", "new");
    await expect(Vault.open(store, "old")).rejects.toThrow("does not open");
    expect((await Vault.open(store, "new")).identity()).toEqual(vault.identity());
  });

  it("takes a passphrase however its accents were typed, and however long it is", async () => {
    const store = new DiskInMemory();
    const long = "é".repeat(500_000);
    const { signing } = (await Vault.open(store, long)).identity();
    expect((await Vault.open(store, long.normalize("NFD"))).identity().signing).toEqual(signing);
    // Letters that only look alike (NFKC) are others: a ligature is no two letters.
    const other = new DiskInMemory();
    await Vault.open(other, "ﬁsh");
    await expect(Vault.open(other, "fish")).rejects.toThrow("does not open");
  });

  it("refuses a passphrase that is empty or holds half a character, and a disk without one", async () => {
    const store = new DiskInMemory();
    await expect(Vault.open(store, "")).rejects.toThrow(/empty: whoever has the disk would have the keys/);
    await expect(Vault.open(store, "a\ud800")).rejects.toThrow(/half a character/);
    await expect(Vault.open(store, undefined)).rejects.toThrow(
      /needs a passphrase.*set passphrase, or leave store out/,
    );
    expect((await store.dump()).get("vault")).toEqual([]);
    expect((await Vault.open(new MemoryStore(), undefined)).isDurable).toBe(false);
  });

  it("says that a page has no secure context, with the remedy", async () => {
    const { crypto } = globalThis;
    const { newLock } = await import("../../../../clients/typescript/agent-network/store/header.js");
    const insecure = { getRandomValues: crypto.getRandomValues.bind(crypto) };
    Object.defineProperty(globalThis, "crypto", { value: insecure, configurable: true });
    try {
      await expect(newLock("p")).rejects.toThrow(/https:\/\/, or from localhost/);
    } finally {
      Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true });
    }
  });

  it("refuses a header that is damaged, weakened, changed, or of a newer version, and records without one", async () => {
    const store = new DiskInMemory();
    const vault = await Vault.open(store, "p");
    await vault.commit([{ table: "peers", key: "bob", value: 1 }]);
    const [[, whole] = ["", new Uint8Array()]] = await store.read("vault");
    const refused = async (change: (header: Json) => void, why: RegExp): Promise<void> => {
      await store.commit([{ table: "vault", key: "header", value: whole }]);
      await changeHeader(store, change);
      await expect(Vault.open(store, "p")).rejects.toThrow(why);
    };
    const damaged = /the store's header is damaged; put a copy of the store back, or move it away/;
    const inRecipe = (more: Record<string, unknown>) => (header: Json) => {
      header.recipe = { ...(header.recipe as object), ...more };
    };
    for (const more of [
      { iterations: 599_999 },
      { iterations: 1e9 },
      { iterations: "600000" },
      { salt: "" },
      { salt: 1 },
      { kdf: "MD5" },
    ])
      await refused(inRecipe(more), damaged);
    await refused(inRecipe({ iterations: 600_001 }), /does not open this store: it is another, or .* damaged/);
    await refused((header) => (header.v = 2), /of a newer version \(2\) than this client's \(1\): update/);
    await refused((header) => (header.secrets = 1), damaged);
    await refused(
      (header) => (header.publicKeys = { signing: "x", agreement: "y" }),
      /not those of its private keys: somebody has changed it/,
    );
    await store.commit([{ table: "vault", key: "header", value: whole }]);
    await store.tamper("vault", 0, (bytes) => {
      flip(bytes, 0);
    });
    await expect(Vault.open(store, "p")).rejects.toThrow(damaged);
    await store.commit([{ table: "vault", key: "header" }]);
    await expect(Vault.open(store, "p")).rejects.toThrow(/records and no header/);
  });

  it("has the keys and the passphrase of the last of many changes at once", async () => {
    const store = new DiskInMemory();
    const vault = await Vault.open(store, "0");
    const changes = [1, 2, 3].flatMap((nth) => [
      vault.saveIdentity(renewed(vault, nth)),
      vault.changePassphrase(String(nth - 1), String(nth)),
    ]);
    await Promise.all([...changes, vault.saveIdentity(renewed(vault, 4))]);
    const again = await Vault.open(store, "3");
    expect(again.identity()).toEqual(vault.identity());
    expect(again.identity().agreement.since).toBe(4);
  });

  it("lets one of two win who change the passphrase at once, and tells the other", async () => {
    const store = new DiskInMemory();
    const vault = await Vault.open(store, "old");
    const [first, second] = await Promise.allSettled([
      vault.changePassphrase("old", "a"),
      vault.changePassphrase("old", "b"),
    ]);
    expect([first.status, second.status]).toEqual(["fulfilled", "rejected"]);
    await Vault.open(store, "a");
  });

  it("keeps keys and passphrase as they were when a change cannot be written", async () => {
    const store = new DiskInMemory();
    const vault = await Vault.open(store, "old");
    const before = vault.identity();
    store.isFull = true;
    await expect(vault.saveIdentity(renewed(vault, 1))).rejects.toThrow("no space left");
    await expect(vault.changePassphrase("old", "new")).rejects.toThrow("no space left");
    expect(vault.identity()).toBe(before);
    store.isFull = false;
    await vault.saveIdentity(renewed(vault, 2));
    expect((await Vault.open(store, "old")).identity().agreement.since).toBe(2);
  });

  it("wipes its keys when it is closed, and writes nothing by wiped ones", async () => {
    const store = new DiskInMemory();
    const vault = await Vault.open(store, "p");
    const { signing, agreement } = vault.identity();
    const saving = vault.saveIdentity({ ...vault.identity(), earlier: [{ ...agreementPair(), until: 1 }] });
    const closing = vault.close();
    await expect(vault.saveIdentity(renewed(vault, 1))).rejects.toThrow(/closed, and its keys are wiped/);
    await expect(vault.commit([{ table: "peers", key: "x", value: 1 }])).rejects.toThrow(/closed/);
    await expect(vault.read("peers")).rejects.toThrow(/closed/);
    await Promise.all([saving, closing]);
    const wiped = [signing.privateKey, agreement.privateKey, vault.identity().earlier[0]?.privateKey];
    for (const key of wiped) expect(key?.every((byte) => byte === 0)).toBe(true);
    const again = await Vault.open(store, "p");
    expect(again.identity().earlier).toHaveLength(1);
    expect(again.identity().signing.privateKey.some((byte) => byte !== 0)).toBe(true);
    await vault.close();
  });
});
