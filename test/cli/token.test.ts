import { chownSync, existsSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../kit/cli.js";
import { auditLines } from "../ops/kit.js";

interface Listed {
  readonly id: string;
  readonly kind: string;
  readonly agent: string;
  readonly scopes: readonly string[];
  readonly issued: string;
  readonly expires: string | null;
}

let home: string;
let dataDir: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "synaptic-token-"));
  dataDir = join(home, "data");
});
afterEach(() => rm(home, { recursive: true, force: true }));

function token(...args: string[]): ReturnType<typeof runCli> {
  return runCli(["token", ...args, "--data-dir", dataDir]);
}

async function list(): Promise<readonly Listed[]> {
  return JSON.parse((await token("list", "--json")).stdout) as readonly Listed[];
}

describe("broker token", () => {
  it("lists what was issued, never the tokens, and revokes by id or by agent", { timeout: 60_000 }, async () => {
    const ada = JSON.parse((await token("ada", "--json", "--create")).stdout) as Record<string, string>;
    await token("bob", "--zmq", "--expires", "1h", "--scope", "observe");
    const all = await list();
    expect(all).toMatchObject([
      { kind: "zmq", agent: "ada", scopes: [], expires: null },
      { kind: "ws", agent: "ada" },
      { kind: "zmq", agent: "bob", scopes: ["observe"], expires: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    ]);
    const people = (await token("list")).stdout;
    expect(people).toMatch(/^ID +KIND +AGENT/);
    for (const secret of [ada["zmq"] ?? "-", ada["pan"] ?? "-"]) expect(people + JSON.stringify(all)).not.toContain(secret);
    expect(await token("revoke", all[0]?.id ?? "")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^revoked 1: /) as string });
    expect(JSON.parse((await token("revoke", "ada", "--json")).stdout)).toMatchObject({ revoked: 1, tokens: [{ id: all[1]?.id, kind: "ws" }] });
    expect((await list()).map(({ agent }) => agent)).toEqual(["bob"]);
    const lines = auditLines(join(dataDir, "audit.log"));
    expect(lines.map(({ event }) => event)).toEqual(["token.issued", "token.issued", "token.issued", "token.revoked", "token.revoked"]);
    expect(JSON.stringify(lines)).not.toContain(ada["zmq"]);
    expect(statSync(join(dataDir, "audit.log")).mode & 0o777).toBe(0o600);
  });

  it("says that there is nothing to revoke", async () => {
    await token("ada", "--create");
    expect(await token("revoke", "nobody")).toMatchObject({ code: 4, stdout: "", stderr: expect.stringMatching(/broker token list/) as string });
  });

  it("makes tokens for agents whose names are its own words", async () => {
    await token("issue", "list", "--zmq", "--create");
    await token("issue", "issue", "--zmq");
    expect((await list()).map(({ agent }) => agent)).toEqual(["list", "issue"]);
  });

  it("makes no folder whose name may be mistyped, but the usual one for whoever comes before the first start", async () => {
    const mistyped = await token("ada");
    expect(mistyped).toMatchObject({ code: 4, stdout: "", stderr: expect.stringMatching(/check --data-dir.*--create/) as string });
    for (const args of [["list"], ["revoke", "ada"]]) expect(await token(...args)).toMatchObject({ code: 4 });
    expect(existsSync(dataDir)).toBe(false);
    expect(await runCli(["token", "ada"], { SYNAPTIC_DATA_DIR: dataDir })).toMatchObject({ code: 4 });
    expect(existsSync(dataDir)).toBe(false);
    const usual = { HOME: home, XDG_DATA_HOME: "", SYNAPTIC_DATA_DIR: "" };
    expect(await runCli(["token", "ada", "--zmq"], usual)).toMatchObject({ code: 0 });
    expect(existsSync(join(home, ".local/share/synaptic-core/tokens.json"))).toBe(true);
  });

  it.skipIf(process.getuid?.() !== 0)("writes nothing as root that the broker's own user could not read", async () => {
    await token("ada", "--create");
    chownSync(join(dataDir, "operator-token"), 12_345, 12_345);
    for (const args of [["bob"], ["revoke", "ada"]]) expect(await token(...args)).toMatchObject({ code: 4, stderr: expect.stringMatching(/sudo -u '#12345'/) as string });
    expect((await list()).map(({ agent }) => agent)).toEqual(["ada", "ada"]);
  });
});
