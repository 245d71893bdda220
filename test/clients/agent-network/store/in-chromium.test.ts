import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NetworkStore, Range } from "../../../../clients/typescript/agent-network/store/store.js";
import { Chromium, type Page } from "../../../kit/chromium.js";
import { storeSuite } from "../../../kit/network-store-suite.js";
import { inPage, serveModules, type PageOfModules } from "../../../kit/page-of-modules.js";

let chromium: Chromium;
let served: PageOfModules;
let page: Page;
let names = 0;
let name = "";

/** A tab with the page, there and loaded. */
async function tabAt(host = "127.0.0.1"): Promise<Page> {
  const tab = await chromium.open(`http://${host}:${served.port}/`);
  await tab.shows(/ready/);
  return tab;
}

beforeAll(async () => {
  served = await serveModules(
    ["store/store-indexeddb.js", "store/vault.js", "store/kept-messages.js", "crypto/base64.js"].map(
      (path) => `clients/typescript/agent-network/${path}`,
    ),
  );
  chromium = await Chromium.start(["pages.example"]);
  page = await tabAt();
});
afterAll(async () => {
  await chromium.stop();
  await served.close();
});

/** A store in the page; what is asked here is done there. Bytes go as arrays. */
async function storeInPage(of: string): Promise<NetworkStore> {
  const id = `s${(names += 1)}`;
  await inPage(page, `window[args[0]] = await m.IndexedDbStore.open(args[1])`, id, of);
  return {
    isDurable: await inPage(page, `return window[args[0]].isDurable`, id),
    read: async (table: string, range?: Range) => {
      const rows = await inPage<readonly (readonly [string, readonly number[]])[]>(
        page,
        `return (await window[args[0]].read(args[1], args[2])).map(([key, value]) => [key, [...value]])`,
        id,
        table,
        range ?? {},
      );
      return rows.map(([key, value]) => [key, Uint8Array.from(value)] as const);
    },
    commit: async (changes) => {
      await inPage(
        page,
        `const done = window[args[0]].commit(args[1].map(({ value, ...change }) => {
          if (value === undefined) return change;
          const bytes = Uint8Array.from(value);
          queueMicrotask(() => bytes.fill(0));
          return { ...change, value: bytes };
        }));
        await done`,
        id,
        changes.map((change) => ({ ...change, value: change.value && [...change.value] })),
      );
    },
    close: () => inPage(page, `await window[args[0]].close()`, id),
  };
}

storeSuite("IndexedDB, in a real browser", {
  open: () => storeInPage((name = `suite ${(names += 1)}`)),
  again: () => storeInPage(name),
});

describe("a client's store in a real browser", () => {
  const begin = `
    window.store = await m.IndexedDbStore.open(args[0]);
    window.vault = await m.Vault.open(window.store, args[1]);
    const key = m.toBase64(window.vault.identity().signing.publicKey);`;

  it("has the same keys and messages after a reload in the middle of its work", async () => {
    const tab = await tabAt();
    const key = await inPage(tab, `${begin} return key`, "reload", "correct horse");
    const told = await inPage<number>(
      tab,
      `const messages = await m.VaultMessages.open(window.vault);
      let told = 0;
      const more = async () => {
        for (let seq = 1; ; seq += 1) {
          await messages.put({ seq, messageId: "m" + seq, recipientId: "bob-of-elsewhere", content: { text: "secret words" } });
          told = seq;
        }
      };
      void more();
      while (told < 20) await new Promise((resolve) => setTimeout(resolve, 1));
      return told`,
    );
    await tab.evaluate("document.body.innerText = 'gone soon'; location.reload()");
    await tab.shows(/ready/);
    const again = await inPage<{ key: string; seqs: readonly number[] }>(
      tab,
      `${begin}
      const messages = await m.VaultMessages.open(window.vault);
      return { key, seqs: messages.all().map(({ seq }) => seq) }`,
      "reload",
      "correct horse",
    );
    expect(again.key).toBe(key);
    expect(again.seqs.length).toBeGreaterThanOrEqual(told);
    expect(again.seqs).toEqual(again.seqs.map((_seq, nth) => nth + 1));
    // What lies in the browser's database, by the browser alone.
    const raw = await inPage<readonly (readonly [readonly string[], string])[]>(
      tab,
      `const database = await new Promise((resolve) => {
        const request = indexedDB.open("synaptic-core reload");
        request.onsuccess = () => resolve(request.result);
      });
      const store = database.transaction("records").objectStore("records");
      const all = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result) });
      const [keys, values] = await Promise.all([all(store.getAllKeys()), all(store.getAll())]);
      database.close();
      const { signing, agreement } = window.vault.identity();
      const secrets = [signing, agreement].map(({ privateKey }) => m.toBase64(privateKey).slice(0, 40));
      return [...keys.map((key, nth) => [key, String.fromCharCode(...values[nth])]), [["secrets"], secrets.join()]]`,
    );
    const secrets = String(raw.at(-1)?.[1]).split(",");
    const lies = JSON.stringify(raw.slice(0, -1));
    expect(lies).toContain("PBKDF2-SHA256");
    for (const marker of ["secret words", "bob-of-elsewhere", "correct horse", ...secrets])
      expect(lies).not.toContain(marker);
    await inPage(tab, `await window.vault.close()`);
  });

  it("is one page's at a time, and says so to another", async () => {
    const first = await tabAt();
    const second = await tabAt();
    await inPage(first, begin, "tabs", "p");
    await expect(inPage(second, begin, "tabs", "p")).rejects.toThrow(
      /another page or tab uses the store "tabs".*; close that one, or name another store/,
    );
    await inPage(first, `await window.vault.close()`);
    await inPage(second, begin, "tabs", "p");
    await expect(inPage(second, `await m.Vault.open(window.store, "other")`)).rejects.toThrow(/does not open/);
    await inPage(second, `await window.vault.close()`);
  });

  it("keeps all of a commit or nothing, and reads long tables whole", async () => {
    const store = await storeInPage("all or none");
    const all = await inPage<readonly [number, string, number, string]>(
      page,
      `const store = await m.IndexedDbStore.open("all or none, too");
      const value = new Uint8Array(1_000).subarray(0, 3);
      const failed = await store.commit([{ table: "t", key: "a", value }, { table: "t", key: {}, value }])
        .then(() => "kept", (error) => error.name);
      const none = (await store.read("t")).length;
      await store.commit(Array.from({ length: 2_500 }, (_, n) => ({ table: "t", key: String(n).padStart(6, "0"), value })));
      const rows = await store.read("t", { after: "000003", before: "002400" });
      const isSorted = rows.every(([key], n) => Number(key) === n + 4) && rows[0][1].buffer.byteLength === 3;
      await store.close();
      const closed = await store.read("t").catch((error) => error.message);
      return [none, failed, isSorted ? rows.length : -1, closed]`,
    );
    expect(all).toEqual([0, "DataError", 2_396, expect.stringMatching(/is closed; open it again/)]);
    await store.close();
  });

  it("tells that its database was cleared meanwhile", async () => {
    const said = await inPage<string>(
      page,
      `const store = await m.IndexedDbStore.open("cleared");
      await new Promise((resolve) => { indexedDB.deleteDatabase("synaptic-core cleared").onsuccess = resolve });
      const said = await store.commit([]).catch((error) => error.message);
      await store.close();
      return said`,
    );
    expect(said).toMatch(/was cleared, or is changed by a newer page: load the page again/);
  });

  it("is refused on a page that is no secure context, with the remedy", async () => {
    const insecure = await tabAt("pages.example");
    await expect(inPage(insecure, begin, "insecure", "p")).rejects.toThrow(/https or localhost/);
    await expect(inPage(insecure, `await m.Vault.open(undefined, "p")`)).rejects.toThrow(/https or localhost/);
  });
});
