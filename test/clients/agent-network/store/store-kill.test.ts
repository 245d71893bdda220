import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { LmdbStore } from "../../../../clients/typescript/agent-network/node/store-lmdb.js";
import { VaultMessages } from "../../../../clients/typescript/agent-network/store/kept-messages.js";
import { ProcessedIds } from "../../../../clients/typescript/agent-network/store/processed-ids.js";
import { Transcript } from "../../../../clients/typescript/agent-network/store/transcript.js";
import { Vault } from "../../../../clients/typescript/agent-network/store/vault.js";
import { Dice } from "../../../fuzz/dice.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "network-store-kill-"));
  folders.push(made);
  return join(made, "agent");
}

const dist = (path: string): string =>
  JSON.stringify(new URL(`../../../../dist/clients/typescript/agent-network/${path}`, import.meta.url).href);

const opening = `
  import { writeSync } from "node:fs";
  import { LmdbStore } from ${dist("node/store-lmdb.js")};
  import { VaultMessages } from ${dist("store/kept-messages.js")};
  import { ProcessedIds } from ${dist("store/processed-ids.js")};
  import { Transcript } from ${dist("store/transcript.js")};
  import { Vault } from ${dist("store/vault.js")};
  const [path, passphrase, ...args] = process.argv.slice(1);
  const tell = (line) => writeSync(1, line + "\\n");
  const vault = await Vault.open(await LmdbStore.open(path), passphrase);
`;

/** Keeps, removes, marks and writes down messages, tells each when it is committed, and kills itself. */
const writer = `${opening}
  const [from, killAfter] = args.map(Number);
  const messages = await VaultMessages.open(vault);
  const ids = await ProcessedIds.open(vault);
  const transcript = await Transcript.open(vault, { entries: 50, bytes: 1e6 });
  const kept = (seq) => ({
    seq, messageId: "m" + seq, recipientId: "bob-of-elsewhere", conversationId: "c", messageType: "INFORM",
    content: { text: "secret words " + seq }, timestamp: seq, metadata: {}, keptAt: seq, expiresAt: 1e13,
  });
  for (let seq = from; ; seq += 1) {
    const told = Promise.all([
      messages.put(kept(seq)).then(() => tell("kept " + seq)),
      seq - 10 < from ? undefined : messages.remove(["m" + (seq - 10)]).then(() => tell("removed " + (seq - 10))),
      ids.add("ann", "id-" + seq).then(() => tell("processed " + seq)),
      transcript.add({ ...kept(seq), direction: "SENT", at: seq, peer: "bob-of-elsewhere", sealed: true, verified: true })
        .then(() => tell("written " + seq)),
      seq % 4 === 0
        ? vault.commit(["a", "b"].map((key) => ({ table: "peers", key, value: seq }))).then(() => tell("both " + seq))
        : undefined,
    ]).then(() => {
      if (seq >= killAfter) process.kill(process.pid, "SIGKILL");
    });
    if (seq % 5 === 0) await told;
    else if (seq % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
`;

function run(
  script: string,
  ...args: readonly string[]
): { readonly lines: readonly string[]; readonly signal: unknown } {
  const { stdout, stderr, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script, ...args], {
    encoding: "utf8",
    timeout: 30_000,
  });
  expect(signal, stderr).toBe("SIGKILL");
  return { lines: stdout.trim().split("\n"), signal };
}

describe("a client's store whose process is killed", () => {
  it("has all that it said is committed, whole, kill after kill, and nothing of it can be read without the keys", async () => {
    const path = folder();
    const dice = new Dice(11);
    let from = 1;
    for (let kill = 0; kill < 5; kill += 1) {
      const { lines } = run(writer, path, "correct horse", String(from), String(from + dice.between(1, 60)));
      const seqs = (what: string): readonly number[] =>
        lines.flatMap((line) => (line.startsWith(`${what} `) ? [Number(line.slice(what.length + 1))] : []));
      const vault = await Vault.open(await LmdbStore.open(path), "correct horse");
      const messages = (await VaultMessages.open(vault)).all();
      const removed = new Set(seqs("removed"));
      const waiting = new Map(messages.map((kept) => [kept.seq, kept.content["text"]]));
      // What was said after the last word of the process may be there or not; never half.
      for (const seq of seqs("kept")) {
        if (removed.has(seq)) expect(waiting.has(seq)).toBe(false);
        else if (waiting.has(seq)) expect(waiting.get(seq)).toBe(`secret words ${seq}`);
        else expect(seq).toBeLessThanOrEqual(Math.max(...seqs("kept")) - 9); // its removal was on its way
      }
      const ids = await ProcessedIds.open(vault);
      expect(seqs("processed").every((seq) => ids.has("ann", `id-${seq}`))).toBe(true);
      const written = (await (await Transcript.open(vault)).read({ limit: 1_000 })).map(({ at }) => at);
      const last = Math.max(...seqs("written"));
      for (const seq of seqs("written")) if (seq > last - 40) expect(written).toContain(seq);
      const pins = (await vault.read("peers")).map(([, value]) => value);
      expect(new Set(pins).size).toBeLessThanOrEqual(1);
      if (seqs("both").length > 0) expect(pins[0]).toBeGreaterThanOrEqual(Math.max(...seqs("both")));
      // Everything that lies there, byte for byte.
      const { signing, agreement } = vault.identity();
      const secrets = [signing.privateKey, signing.privateKey.slice(0, 32), agreement.privateKey].map((key) =>
        Buffer.from(key),
      );
      const markers: readonly (Buffer | string)[] = [
        ...secrets,
        ...secrets.flatMap((key) => [key.toString("base64").slice(0, 40), key.toString("hex")]),
        "correct horse",
        "secret words",
        "bob-of-elsewhere",
        ...["INFORM", "elsewhere", "correct horse"].map((text) => Buffer.from(text, "utf16le")),
      ];
      await vault.close();
      for (const file of readdirSync(path, { recursive: true, encoding: "utf8" })) {
        const bytes = file === "records" ? Buffer.alloc(0) : readFileSync(join(path, file));
        for (const marker of markers) expect(bytes.includes(marker), file).toBe(false);
      }
      from = Math.max(...messages.map(({ seq }) => seq), ...seqs("kept")) + 1;
    }
  }, 120_000);

  it("in the middle of a change of the passphrase opens by the old or by the new one", async () => {
    const path = folder();
    const opens = async (passphrase: string): Promise<Uint8Array | undefined> => {
      const store = await LmdbStore.open(path);
      try {
        return (await Vault.open(store, passphrase)).identity().signing.publicKey;
      } catch {
        return undefined;
      } finally {
        await store.close();
      }
    };
    const first = await Vault.open(await LmdbStore.open(path), "0");
    const key = first.identity().signing.publicKey;
    await first.close();
    let valid = 0;
    // Changes it again and again, and is killed at some moment of it.
    const changer = `${opening}
      const [now, killAfterMs] = args.map(Number);
      setTimeout(() => process.kill(process.pid, "SIGKILL"), killAfterMs);
      for (let nth = now; ; nth += 1) {
        tell("begins " + nth);
        await vault.changePassphrase(String(nth), String(nth + 1));
        tell("changed " + (nth + 1));
      }
    `;
    for (const killAfterMs of [300, 600, 900]) {
      const { lines } = run(changer, path, String(valid), String(valid), String(killAfterMs));
      const said = lines.flatMap((line) => /^changed (\d+)$/.exec(line)?.[1] ?? []).map(Number);
      const told = Math.max(valid, ...said);
      const found = [await opens(String(told)), await opens(String(told + 1))];
      expect(found.filter((one) => one !== undefined)).toEqual([key]);
      valid = found[0] === undefined ? told + 1 : told;
    }
  }, 120_000);
});

it("has nothing in its files that tells names, words, keys or the passphrase", async () => {
  const path = folder();
  const vault = await Vault.open(await LmdbStore.open(path), "marker-passphrase");
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
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const all = Buffer.concat(files.map((one) => readFileSync(join(one.parentPath, one.name))));
  expect(all.includes(publicKey)).toBe(true); // the search finds what is there
  for (const marker of ["marker-", ...secrets]) expect(all.includes(marker)).toBe(false);
});
