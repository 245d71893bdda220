import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Change, NetworkStore, Range } from "../../../../clients/typescript/agent-network/store/store.js";
import { Chromium, type Page } from "../../../kit/chromium.js";
import { storeSuite } from "../../../kit/network-store-suite.js";

const source = fileURLToPath(
  new URL("../../../../clients/typescript/agent-network/store/store-indexeddb.ts", import.meta.url),
);

let chromium: Chromium;
let server: Server;
let script = "";
let url = "";
let page: Page;
let name = "";
let names = 0;

beforeAll(async () => {
  const bundle = await rolldown({ input: source, resolve: { extensionAlias: { ".js": [".ts", ".js"] } } });
  const { output } = await bundle.generate({ format: "iife", name: "client" });
  await bundle.close();
  script = output[0].code;
  server = createServer((_request, response) => response.setHeader("Content-Type", "text/html").end("<p>a page"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  chromium = await Chromium.start(["elsewhere.example"]);
  page = await newPage();
});
afterAll(async () => {
  await chromium.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  name = `agent ${String((names += 1))}`;
});

async function newPage(from = url): Promise<Page> {
  const opened = await chromium.open(from);
  await opened.shows(/a page/);
  await opened.evaluate(`${script}; globalThis.client = client; globalThis.stores = []; undefined`);
  return opened;
}

/** Does something in a page, and has what it gave. @throws Error what it threw there */
async function inPage(where: Page, expression: string): Promise<unknown> {
  const told = await where.evaluate(
    `(async () => ${expression})().then((is) => JSON.stringify({ is }), ({ message }) => JSON.stringify({ message }))`,
  );
  const { is, message } = JSON.parse(String(told)) as { readonly is?: unknown; readonly message?: string };
  if (message !== undefined) throw new Error(message);
  return is;
}

/** The store of a page, spoken to from here. */
async function openIn(where: Page): Promise<NetworkStore> {
  const at = await inPage(where, `stores.push(await client.IndexedDbStore.open(${JSON.stringify(name)})) - 1`);
  const store = `stores[${String(at)}]`;
  return {
    isDurable: (await inPage(where, `${store}.isDurable`)) === true,
    read: async (table: string, range: Range = {}) => {
      const read = `${store}.read(${JSON.stringify(table)}, ${JSON.stringify(range)})`;
      const rows = await inPage(where, `(await ${read}).map(([key, value]) => [key, [...value]])`);
      return (rows as [string, number[]][]).map(([key, value]) => [key, Uint8Array.from(value)] as const);
    },
    commit: async (changes: readonly Change[]) => {
      const plain = JSON.stringify(changes.map((one) => ({ ...one, value: one.value && [...one.value] })));
      const same = "{ ...one, value: one.value && Uint8Array.from(one.value) }";
      await inPage(where, `${store}.commit(${plain}.map((one) => (${same})))`);
    },
    close: async () => {
      await inPage(where, `${store}.close()`);
    },
  };
}

storeSuite("a browser", { open: () => openIn(page), again: () => openIn(page) });

it("is for one page at a time, and is free when that page is gone", async () => {
  const first = await newPage();
  await (await openIn(first)).commit([{ table: "t", key: "a", value: Uint8Array.of(7) }]);
  await expect(openIn(page)).rejects.toThrow(/another page of this browser uses the store .* close that one, or name/);
  await first.evaluate("location.href = 'about:blank'");
  await first.shows(/^$/);
  let second: NetworkStore | undefined;
  await expect
    .poll(async () => (second = await openIn(page).catch(() => undefined)), { timeout: 20_000 })
    .toBeDefined();
  expect(await second?.read("t")).toEqual([["a", Uint8Array.of(7)]]);
});

it("says what a page needs that is no secure context", async () => {
  const insecure = await newPage(url.replace("127.0.0.1", "elsewhere.example"));
  await expect(openIn(insecure)).rejects.toThrow("open it by https://, or from localhost (a secure context)");
});
