import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { LmdbStore } from "../../../../clients/typescript/agent-network/node/store-lmdb.js";
import { MemoryStore } from "../../../../clients/typescript/agent-network/store/store-memory.js";
import { storeSuite } from "../../../kit/network-store-suite.js";

const folders: string[] = [];
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "network-store-"));
  folders.push(folder);
});

afterAll(async () => {
  await Promise.all(folders.map((path) => rm(path, { recursive: true, force: true })));
});

const openLmdb = (): Promise<LmdbStore> => LmdbStore.open(join(folder, "agent"));

storeSuite("memory", { open: () => Promise.resolve(new MemoryStore()) });
storeSuite("a folder", { open: openLmdb, again: openLmdb });

it("is for nobody else to read, and for one at a time", async () => {
  const store = await openLmdb();
  expect((await stat(join(folder, "agent"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, "agent", "records", "data.mdb"))).mode & 0o777).toBe(0o600);
  await expect(openLmdb()).rejects.toThrow(/the process \d+ uses the store .*; end that one, or name another folder/);
  await store.close();
  await (await openLmdb()).close();
});
