import { mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it, vi } from "vitest";
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

it("says that it is closed, or cannot be made, with the remedy", async () => {
  const store = await openLmdb();
  await store.close();
  await store.close();
  await expect(store.read("t")).rejects.toThrow(/agent is closed; open it again/);
  await expect(store.commit([])).rejects.toThrow(/is closed/);
  await writeFile(join(folder, "file"), "");
  await expect(LmdbStore.open(join(folder, "file", "agent"))).rejects.toThrow(
    /cannot be made or locked: ENOTDIR.*; name a folder as store in which this process may write/,
  );
});

it("leaves the mode of a folder that was there as it is, and closes its records to others", async () => {
  await mkdir(join(folder, "agent"), { mode: 0o755 });
  await (await openLmdb()).close();
  expect((await stat(join(folder, "agent"))).mode & 0o777).toBe(0o755);
  expect((await stat(join(folder, "agent", "records"))).mode & 0o777).toBe(0o700);
});

it("that lies scrambled on the disk is refused, with the remedy", async () => {
  const store = await openLmdb();
  await store.commit([{ table: "t", key: "a", value: new Uint8Array(9_000) }]);
  await store.close();
  await truncate(join(folder, "agent", "records", "data.mdb"), 12_000);
  await expect(openLmdb()).rejects.toThrow(/is damaged: .*; put a copy of the folder .* back, or move it away/);
  await expect(openLmdb()).rejects.toThrow(/is damaged/); // the lock is free again
});

it("is lost to a process that another has replaced", async () => {
  const store = await openLmdb();
  await writeFile(join(folder, "agent", "agent.pid"), "another's");
  await vi.waitFor(
    () => expect(store.commit([])).rejects.toThrow(/another process has taken the store .*: end one of them/),
    { timeout: 20_000 },
  );
  await store.close();
  expect(await readFile(join(folder, "agent", "agent.pid"), "utf8")).toBe("another's");
});

it("is for nobody else to read, and for one at a time", async () => {
  const store = await openLmdb();
  expect((await stat(join(folder, "agent"))).mode & 0o777).toBe(0o700);
  for (const file of ["data.mdb", "lock.mdb"])
    expect((await stat(join(folder, "agent", "records", file))).mode & 0o777).toBe(0o600);
  await expect(openLmdb()).rejects.toThrow(/the process \d+ uses the store .*; end that one, or name another folder/);
  await store.close();
  await (await openLmdb()).close();
});
