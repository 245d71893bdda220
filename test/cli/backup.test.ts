import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Agent } from "../../src/index.js";
import { runCli, startCli, startProgram } from "../kit/cli.js";
import { freeDoors, serveBroker, type Served } from "./served.js";

/** What `broker mailbox show` and `peek` say about a box. */
interface Seen {
  readonly counts: Readonly<Record<string, number | string>>;
  readonly texts: readonly string[];
  readonly epoch: string;
}

async function seen(dataDir: string): Promise<Seen> {
  const cli = (...args: readonly string[]) => runCli(["mailbox", ...args, "--data-dir", dataDir]);
  const counts = JSON.parse((await cli("show", "bob")).stdout) as Record<string, number | string>;
  const lines = (await cli("peek", "bob", "--max", "5000")).stdout.split("\n").filter((line) => line !== "");
  const texts = lines.map(
    (line) => (JSON.parse(line) as { message: { content: { message: string } } }).message.content.message,
  );
  return { counts, texts, epoch: String(counts["epoch"]) };
}

/** Runs a broker on a folder, looks into bob's box, and stops it. */
async function lookInto(dataDir: string): Promise<Seen> {
  const broker = startCli(["start", ...freeDoors, "--data-dir", dataDir]);
  try {
    await broker.prints(/broker status/);
    return await seen(dataDir);
  } finally {
    await broker.stop();
  }
}

describe("broker backup, through the real binary", () => {
  let served: Served;
  let ada: Agent;
  let copy: string;
  /** Texts that the broker called stored before the copy began. */
  let storedBefore: readonly string[] = [];
  let original: Seen;

  beforeAll(async () => {
    served = await serveBroker("--keep-mail", "bob", "--limit", "mailMax=100000", "mailMaxBytes=100000000");
    await served.cli("token", "carl", "--zmq");
    await mkdir(join(served.dataDir, "tls"), { mode: 0o700 });
    await writeFile(join(served.dataDir, "tls", "cert.pem"), "mine", { mode: 0o644 });
    ada = await Agent.connect({ name: "ada", in: served.at.zmqIn, out: served.at.zmqOut });
    const ids = new Map<string, string>();
    const stored = new Set<string>();
    const isUnderLoad = new Promise<void>((resolve) => {
      ada.onInform(({ content }) => {
        if (content.kind !== "receipt") return;
        for (const id of (content.data as { ids: string[] }).ids) stored.add(id);
        if (stored.size > 200) resolve();
      });
    });
    let phase: "loading" | "over" = "loading";
    const load = async (): Promise<void> => {
      for (let at = 0; phase === "loading"; at += 1) {
        ids.set(`id-${at}`, `number ${at}`);
        await ada.inform("bob", `number ${at}`, { messageId: `id-${at}`, receipt: ["stored"] });
        if (at % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const loaded = load();
    await isUnderLoad;
    copy = join(served.home, "copy");
    storedBefore = [...stored].map((id) => ids.get(id) ?? "");
    const backup = await served.cli("backup", copy);
    phase = "over";
    await loaded;
    expect(backup).toMatchObject({ code: 0, stderr: "" });
    original = await seen(served.dataDir);
  });
  afterAll(async () => {
    await ada.close();
    await served.end();
  });

  it("has everything that was stored before it began, in order, with exact counts", async () => {
    const found = await lookInto(copy);
    expect(storedBefore.length).toBeGreaterThan(200);
    expect(storedBefore.filter((text) => !found.texts.includes(text))).toEqual([]);
    expect(found.texts).toEqual(original.texts.slice(0, found.texts.length));
    expect(found.counts).toMatchObject({ waiting: found.texts.length, stored: found.texts.length, leased: 0 });
  });

  it("has another epoch each time it is restored, and keeps it", async () => {
    const [one, other] = [join(served.home, "one"), join(served.home, "other")];
    expect(await served.cli("backup", join(served.home, "second"))).toMatchObject({ code: 0 });
    for (const to of [one, other]) await cp(join(served.home, "second"), to, { recursive: true });
    const epochs = [(await lookInto(one)).epoch, (await lookInto(other)).epoch];
    expect(new Set([original.epoch, ...epochs]).size).toBe(3);
    expect((await lookInto(one)).epoch).toBe(epochs[0]);
    const broker = startCli(["start", ...freeDoors, "--data-dir", one]);
    await broker.prints(/broker status/);
    const gap = await runCli(["mailbox", "peek", "bob", "--after", `${original.epoch}:1`, "--data-dir", one]);
    await broker.stop();
    expect(gap).toMatchObject({ code: 4, stderr: expect.stringContaining("another epoch") as string });
  });

  it("answers cursors of the original with gap in a durable room, whose places it gives to other messages", async () => {
    const token = (await served.cli("token", "dora", "--zmq")).stdout.trim();
    const { zmqIn, zmqOut } = served.at;
    const dora = await Agent.connect({ name: "dora", token, in: zmqIn, out: zmqOut });
    await dora.create("#log", { durable: true });
    await dora.inform("#log", "before");
    await vi.waitFor(async () => {
      expect((await dora.history("#log", {})).messages).toHaveLength(1);
    });
    const restored = join(served.home, "restored");
    expect(await served.cli("backup", restored)).toMatchObject({ code: 0 });
    const { next: after } = await dora.history("#log", {});
    await dora.close();
    const broker = startCli(["start", ...freeDoors, "--data-dir", restored]);
    await broker.prints(/broker status/);
    const back = await Agent.connect({ name: "dora", token, dataDir: restored });
    const past = await back.history("#log", after === undefined ? {} : { after });
    expect(past).toMatchObject({ gap: true, messages: [{ content: { message: "before" } }] });
    expect(past.next?.epoch).not.toBe(after?.epoch);
    await back.close();
    await broker.stop();
  });

  it("has tokens and files, for their owner only, and nothing of the broker that ran", async () => {
    expect((await readdir(copy)).filter((name) => /endpoints|broker\.pid|life-|sock|tmp/.test(name))).toEqual([]);
    expect(await readFile(join(copy, "operator-token"), "utf8")).toBe(
      await readFile(join(served.dataDir, "operator-token"), "utf8"),
    );
    const all = await readdir(copy, { recursive: true, withFileTypes: true });
    for (const entry of all) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      expect([entry.name, mode & 0o777]).toEqual([entry.name, entry.isDirectory() ? 0o700 : 0o600]);
    }
    expect(all.map(({ name }) => name)).toContain("cert.pem");
    const stores = (await readdir(served.dataDir)).filter((name) => existsSync(join(served.dataDir, name, "data.mdb")));
    expect(stores).toEqual(expect.arrayContaining(["mail", "tables"]) as string[]);
    for (const name of stores) expect(existsSync(join(copy, name, "data.mdb")), name).toBe(true);
    expect((await runCli(["token", "list", "--json", "--data-dir", copy])).stdout).toContain('"carl"');
  });

  it("works without a broker, and leaves nothing half done", async () => {
    const again = join(served.home, "again");
    expect(await runCli(["backup", again, "--data-dir", copy])).toMatchObject({ code: 0 });
    expect((await lookInto(again)).texts).toEqual((await lookInto(copy)).texts);
    expect(await served.cli("backup", again)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/is there already/) as string,
    });
    expect(await served.cli("backup", join(served.dataDir, "in"))).toMatchObject({ code: 1 });
    expect(await served.cli("backup", join(served.home, "no", "way"))).toMatchObject({ code: 4 });
    expect(await served.cli("backup", "/sys/copy")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining(
        "nothing can be written in /sys by this user: name a new folder in one",
      ) as string,
    });
    expect((await readdir(served.home)).filter((name) => name.includes(".part"))).toEqual([]);
  });

  it("is restored by the commands of docs/operations.md", async () => {
    const page = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
    const [, block = ""] = /To restore:\n\n```sh\n([^]*?)```/.exec(page) ?? [];
    const live = join(served.home, "live");
    await cp(copy, live, { recursive: true });
    const moves = block
      .split("\n")
      .filter((line) => /^(mv|cp) /.test(line))
      .map((line) => line.replaceAll("/var/lib/synaptic-core", live).replace(/\/var\/backups\S+/, copy));
    expect(moves).toHaveLength(2);
    expect(await startProgram("/bin/sh", ["-ec", moves.join("\n")]).ended).toMatchObject({ code: 0, stderr: "" });
    expect((await lookInto(live)).texts).toEqual((await lookInto(copy)).texts);
    expect(existsSync(`${live}.before`)).toBe(true);
  });
});
