import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chainOfCustody } from "../../../clients/typescript/agentchat/identity-file.js";
import { agentchat } from "./binary.js";

interface Shown {
  readonly name: string;
  readonly agent_id: string;
  readonly pubkey: string;
}

describe("agentchat identity", () => {
  let home: string;
  const identity = (...args: readonly string[]) => agentchat(home, "identity", ...args);
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
  });
  afterAll(async () => {
    await rm(home, { recursive: true, force: true });
  });
  const file = () => join(home, ".agentchat/identity.json");
  const stored = async () => JSON.parse(await readFile(file(), "utf8")) as Shown & { privkey: string };

  it("makes a key where the protocol keeps it, for its owner only, and never prints the private half", async () => {
    const made = await identity("--generate", "--name", "ada");
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("identity.json") as string });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    const { name, pubkey, privkey } = await stored();
    expect(name).toBe("ada");
    const shown = await identity("--show", "--json");
    expect(JSON.parse(shown.stdout)).toMatchObject({
      name: "ada",
      pubkey,
      agent_id: expect.stringMatching(/^@[0-9a-f]{16}$/) as string,
    });
    const exported = await identity("--export");
    expect(exported).toMatchObject({ code: 0, stdout: `${pubkey}\n` });
    for (const { stdout, stderr } of [made, shown, exported]) expect(stdout + stderr).not.toContain(privkey);
  });

  it("overwrites none", async () => {
    const before = await readFile(file(), "utf8");
    const again = await identity("--generate");
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toMatch(/exists.*another path/);
    expect(await readFile(file(), "utf8")).toBe(before);
  });

  it("replaces the key by one that the old key signed for, and exports the chain", async () => {
    const before = JSON.parse((await identity("--show", "--json")).stdout) as Shown;
    const rotated = await identity("--rotate", "--json");
    const after = JSON.parse(rotated.stdout) as Shown;
    expect(after.pubkey).not.toBe(before.pubkey);
    expect(rotated.stderr).toContain(`you were ${before.agent_id} and are ${after.agent_id} now`);
    const shared = JSON.parse((await identity("--export", "--json")).stdout) as Shown & { rotations: unknown[] };
    expect(shared).not.toHaveProperty("privkey");
    expect(chainOfCustody({ pubkey: shared.pubkey, rotations: shared.rotations })).toMatchObject([
      { pubkey: before.pubkey },
    ]);
  });

  it.concurrent.each([
    [[], 2, /one of: --generate, --show, --export, --rotate/],
    [["--show", "--rotate"], 2, /one of/],
    [["--show", "-i", "none.json"], 1, /no identity at none\.json.*--generate/],
    [["--rotate", "--file", "none.json"], 1, /--generate/],
    [["--generate", "--name", "two words", "-i", "other.json"], 1, /1 to 32/],
  ] as const)("says what is wrong and how to mend it: %j", async (args, code, words) => {
    const ended = await identity(...args);
    expect(ended.stderr).toMatch(words);
    expect(ended).toMatchObject({ code, stdout: "" });
  });
});
