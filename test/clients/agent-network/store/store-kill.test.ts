import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { LmdbStore } from "../../../../clients/typescript/agent-network/node/store-lmdb.js";
import { VaultMessages } from "../../../../clients/typescript/agent-network/store/kept-messages.js";
import { Vault } from "../../../../clients/typescript/agent-network/store/vault.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "network-kill-"));
  folders.push(folder);
  return folder;
}

const client = (path: string): string =>
  JSON.stringify(new URL(`../../../../dist/clients/typescript/agent-network/${path}`, import.meta.url).href);

/** Commits pairs, tells each that is committed, and kills itself right after the one that it was told. */
const pairs = `
  import { writeSync } from "node:fs";
  import { LmdbStore } from ${client("node/store-lmdb.js")};
  const [folder, from, killAfter] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
  const store = await LmdbStore.open(folder);
  for (let told = from; ; told += 1) {
    const value = Buffer.from("value " + told);
    const key = String(told).padStart(8, "0");
    const committed = store.commit([{ table: "one", key, value }, { table: "other", key, value }]).then(() => {
      writeSync(1, key + "\\n");
      if (told === killAfter) process.kill(process.pid, "SIGKILL");
    });
    if (told % 5 === 0) await committed;
  }
`;

/** Changes the passphrase to and fro, tells when it begins, and is killed in the middle of it. */
const changes = `
  import { LmdbStore } from ${client("node/store-lmdb.js")};
  import { Vault } from ${client("store/vault.js")};
  const [folder, now, next, afterMs] = process.argv.slice(1);
  const vault = await Vault.open(await LmdbStore.open(folder), now);
  setTimeout(() => process.kill(process.pid, "SIGKILL"), Number(afterMs));
  for (;;) {
    await vault.changePassphrase(now, next);
    await vault.changePassphrase(next, now);
  }
`;

function run(program: string, ...args: readonly string[]): string {
  const { stdout, stderr, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", program, ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(signal, stderr).toBe("SIGKILL");
  return stdout;
}

describe("a client's store whose process is killed", () => {
  it("has all that it said is committed, and nothing by half, kill after kill", async () => {
    const folder = newFolder();
    let from = 0;
    for (const more of [1, 7, 23, 40, 12, 33]) {
      const told = run(pairs, folder, String(from), String(from + more))
        .trim()
        .split("\n");
      const store = await LmdbStore.open(folder);
      const [one, other] = [await store.read("one"), await store.read("other")];
      const keys = one.map(([key]) => key);
      expect(told.filter((key) => !keys.includes(key))).toEqual([]);
      expect(other).toEqual(one);
      for (const [key, value] of one) expect(Buffer.from(value).toString()).toBe(`value ${String(Number(key))}`);
      from = Number(keys.at(-1)) + 1;
      await store.close();
    }
  });

  it("is opened by the old passphrase or the new one, whenever a change is cut off", async () => {
    const folder = newFolder();
    const vault = await Vault.open(await LmdbStore.open(folder), "first");
    const { signing } = vault.identity();
    const publicKey = signing.publicKey.slice();
    await vault.close();
    let [now, next] = ["first", "second"];
    for (const afterMs of [40, 310, 570, 890]) {
      run(changes, folder, now, next, String(afterMs));
      const opened = await Promise.all([]).then(async () => {
        for (const passphrase of [now, next]) {
          const store = await LmdbStore.open(folder);
          const found = await Vault.open(store, passphrase).catch(() => undefined);
          if (found !== undefined) return { found, passphrase };
          await store.close();
        }
        return undefined;
      });
      expect(opened?.found.identity().signing.publicKey).toEqual(publicKey);
      if (opened?.passphrase === next) [now, next] = [next, now];
      await opened?.found.close();
    }
  });
});

it("has nothing in its files that tells names, words, keys or the passphrase", async () => {
  const folder = newFolder();
  const vault = await Vault.open(await LmdbStore.open(folder), "marker-passphrase");
  const kept = await VaultMessages.open(vault);
  const text = { messageType: "INFORM", content: { text: "marker-content" }, metadata: {} };
  const when = { timestamp: 1, keptAt: 1, expiresAt: 2 };
  await kept.put({ seq: 1, messageId: "marker-id", recipientId: "marker-peer", conversationId: "c", ...text, ...when });
  await vault.commit([{ table: "peers", key: "marker-peer", value: { pin: "marker-pin" } }]);
  const { signing, agreement } = vault.identity();
  const secrets = [signing, agreement].flatMap(({ privateKey }) => {
    const bytes = Buffer.from(privateKey.slice(0, 32));
    return [bytes, bytes.toString("base64").slice(0, 40), bytes.toString("hex")];
  });
  const publicKey = Buffer.from(signing.publicKey).toString("base64");
  await vault.close();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const all = Buffer.concat(files.map((one) => readFileSync(join(one.parentPath, one.name))));
  expect(all.includes(publicKey)).toBe(true); // the search finds what is there
  for (const marker of ["marker-", ...secrets]) expect(all.includes(marker)).toBe(false);
});
