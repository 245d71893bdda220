import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { LmdbStore } from "../../../../clients/typescript/agent-network/node/store-lmdb.js";
import { VaultMessages } from "../../../../clients/typescript/agent-network/store/kept-messages.js";
import { Vault } from "../../../../clients/typescript/agent-network/store/vault.js";

const made = mkdtempSync(join(tmpdir(), "network-store-full-"));
afterAll(() => {
  rmSync(made, { recursive: true, force: true });
});

const dist = (path: string): string =>
  JSON.stringify(new URL(`../../../../dist/clients/typescript/agent-network/${path}`, import.meta.url).href);

/** Keeps messages until the file cannot grow any more, then once more when there is room again. */
const writer = `
  import { execFileSync } from "node:child_process";
  import { statSync } from "node:fs";
  import { LmdbStore } from ${dist("node/store-lmdb.js")};
  import { VaultMessages } from ${dist("store/kept-messages.js")};
  import { Vault } from ${dist("store/vault.js")};
  const path = process.argv[1];
  const limit = (bytes) => execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=" + bytes + ":"]);
  const vault = await Vault.open(await LmdbStore.open(path), "p");
  const messages = await VaultMessages.open(vault);
  const [kept, refused] = [[], []];
  const put = (seq) => messages.put({ seq, messageId: "m" + seq, content: { text: "x".repeat(3_000) } })
    .then(() => kept.push(seq), (error) => refused.push(error.message));
  for (let seq = 1; seq <= 20; seq += 1) await put(seq);
  limit(statSync(path + "/records/data.mdb").size + 300 * 1024);
  for (let seq = 21; refused.length < 20 && seq < 5_000; seq += 4) await Promise.all([0, 1, 2, 3].map((more) => put(seq + more)));
  const passphrase = await vault.changePassphrase("p", "q").then(() => "q", () => "p");
  limit("unlimited");
  await put(10_000);
  await vault.close();
  console.log(JSON.stringify({ kept, refused, passphrase }));
`;

describe("a client's store on a disk that is full", () => {
  it("refuses what it cannot keep and says so, has all that it told, and goes on once there is room", async () => {
    const path = join(made, "agent");
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", writer, path], {
      encoding: "utf8",
      timeout: 60_000,
    });
    expect(status, stderr).toBe(0);
    const told = JSON.parse(stdout) as {
      readonly kept: readonly number[];
      readonly refused: readonly string[];
      readonly passphrase: string;
    };
    expect(told.kept.length).toBeGreaterThan(20);
    expect(told.kept.at(-1)).toBe(10_000);
    for (const words of new Set(told.refused))
      expect(words).toMatch(/^the store \S+\/agent could not keep the change: .*EFBIG.*; make room on its disk/);
    const vault = await Vault.open(await LmdbStore.open(path), told.passphrase);
    expect((await VaultMessages.open(vault)).all().map(({ seq }) => seq)).toEqual(told.kept);
    await vault.close();
  });
});
