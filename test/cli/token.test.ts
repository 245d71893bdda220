import { chownSync, existsSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
      { kind: "pan", agent: "ada" },
      { kind: "jwt", agent: "ada", expires: expect.stringMatching(/^\d{4}-.*:\d\d\.000Z$/) as string },
      { kind: "zmq", agent: "bob", scopes: ["observe"], expires: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    ]);
    const people = (await token("list")).stdout;
    expect(people).toMatch(/^ID +KIND +AGENT/);
    for (const secret of [ada["zmq"] ?? "-", ada["pan"] ?? "-", ada["jwt"] ?? "-"])
      expect(people + JSON.stringify(all)).not.toContain(secret);
    expect(await token("revoke", all[0]?.id ?? "")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^revoked 1: /) as string,
    });
    expect(JSON.parse((await token("revoke", "ada", "--json")).stdout)).toMatchObject({
      revoked: 2,
      tokens: [
        { id: all[1]?.id, kind: "pan" },
        { id: all[2]?.id, kind: "jwt" },
      ],
    });
    expect((await list()).map(({ agent }) => agent)).toEqual(["bob"]);
    const lines = auditLines(join(dataDir, "audit.log"));
    expect(lines.map(({ event }) => event)).toEqual([
      "token.issued",
      "token.issued",
      "token.issued",
      "token.issued",
      "token.revoked",
      "token.revoked",
      "token.revoked",
    ]);
    for (const kind of ["zmq", "pan", "jwt"]) expect(JSON.stringify(lines)).not.toContain(ada[kind]);
    expect(statSync(join(dataDir, "audit.log")).mode & 0o777).toBe(0o600);
  });

  it("makes one kind alone, bare on stdout; a JWT is listed and revoked by its jti", { timeout: 60_000 }, async () => {
    const made = await token("ada", "--jwt", "--create", "--expires", "90s", "--scope", "observe", "approve");
    expect(made.stdout).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const claims = JSON.parse(Buffer.from(made.stdout.split(".")[1] ?? "", "base64url").toString("utf8")) as {
      jti: string;
      exp: number;
    };
    expect(claims).toMatchObject({ sub: "ada", aud: "synaptic-core", scope: "observe approve" });
    expect(await list()).toMatchObject([{ id: claims.jti, kind: "jwt", agent: "ada", scopes: ["observe", "approve"] }]);
    expect(Date.parse((await list())[0]?.expires ?? "")).toBe(claims.exp * 1_000);
    expect((await token("list")).stdout).toContain(`${claims.jti}  jwt`);
    expect((await token("revoke", claims.jti)).stdout).toBe(`revoked 1: ${claims.jti} (jwt, ada)\n`);
    expect(await list()).toEqual([]);
    expect(statSync(join(dataDir, "jwt-key")).mode & 0o777).toBe(0o600);
    for (const kind of ["--zmq", "--pan"]) expect((await token("ada", kind)).stdout).toMatch(/^[\w-]{43}\n$/);
    expect((await token("ada", "--zmq", "--jwt")).stdout).toMatch(/^zmq +[\w-]{43}\njwt +eyJ\S+\n$/);
    expect(statSync(join(dataDir, "tokens.json")).mode & 0o777).toBe(0o600);
  });

  it("names a jwt-key that is damaged, and the remedy", async () => {
    await token("ada", "--zmq", "--create");
    await writeFile(join(dataDir, "jwt-key"), "{");
    expect(await token("ada", "--jwt")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/jwt-key is damaged.*broker token NAME --jwt/) as string,
    });
  });

  it.each(["list", "revoke"])("says which command is meant by --%s", async (word) => {
    const { code, stderr } = await token(`--${word}`);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`did you mean broker token ${word}?`) as string]);
  });

  it("says that there is nothing to revoke", async () => {
    await token("ada", "--create");
    expect(await token("revoke", "nobody")).toMatchObject({
      code: 4,
      stdout: "",
      stderr: expect.stringMatching(/broker token list/) as string,
    });
  });

  it("makes tokens for agents whose names are its own words", async () => {
    await token("issue", "list", "--zmq", "--create");
    await token("issue", "issue", "--zmq");
    expect((await list()).map(({ agent }) => agent)).toEqual(["list", "issue"]);
  });

  it("makes the default folder before the first start, but not one whose name may be mistyped", async () => {
    const mistyped = await token("ada");
    expect(mistyped).toMatchObject({
      code: 4,
      stdout: "",
      stderr: expect.stringMatching(/check --data-dir.*--create/) as string,
    });
    for (const args of [["list"], ["revoke", "ada"]]) expect(await token(...args)).toMatchObject({ code: 4 });
    expect(existsSync(dataDir)).toBe(false);
    expect(await runCli(["token", "ada"], { SYNAPTIC_DATA_DIR: dataDir })).toMatchObject({ code: 4 });
    expect(existsSync(dataDir)).toBe(false);
    const usual = { HOME: home, XDG_DATA_HOME: "", SYNAPTIC_DATA_DIR: "" };
    expect(await runCli(["token", "ada", "--zmq"], usual)).toMatchObject({ code: 0 });
    expect(existsSync(join(home, ".local/share/synaptic-core/tokens.json"))).toBe(true);
  });

  it("says on stderr for which folder they are when no broker runs there", async () => {
    const made = await token("ada", "--create");
    expect(made.stderr).toBe(
      `broker: no broker runs on ${dataDir}, and these tokens are for that folder; ` +
        "if your broker uses another one, name it with --data-dir\n" +
        "zmq: plain_password of both ZeroMQ sockets (plain_username ada), or token in the SDKs.\n" +
        "pan: token of auth, and wherever else a WebSocket dialect takes a token.\n" +
        "jwt: the same, where a JWT is wanted; broker token list says until when it is valid.\n" +
        "They are shown only now. Whoever uses the name ada without one is refused from now on.\n",
    );
  });

  it(
    "takes the folder that a start would: from the environment's file, a named one, or the usual one",
    { timeout: 60_000 },
    async () => {
      await token("ada", "--zmq", "--create");
      const file = join(home, "broker.json");
      await writeFile(file, JSON.stringify({ dataDir, limits: { wsPingMs: 5 } }));
      const elsewhere = { HOME: home, XDG_DATA_HOME: "", SYNAPTIC_DATA_DIR: "" };
      for (const [args, env] of [
        [[], { SYNAPTIC_CONFIG: file }],
        [["--config", file], {}],
      ] as const) {
        expect(await runCli(["token", "list", ...args, "--json"], { ...elsewhere, ...env })).toMatchObject({
          code: 0,
          stdout: expect.stringMatching(/"agent":"ada"/) as string,
        });
        expect(await runCli(["status", ...args], { ...elsewhere, ...env })).toMatchObject({
          code: 3,
          stderr: expect.stringContaining(dataDir) as string,
        });
      }
      await mkdir(join(home, ".local/share/synaptic-core"), { recursive: true, mode: 0o700 });
      await writeFile(join(home, ".local/share/synaptic-core/config.json"), JSON.stringify({ dataDir }));
      expect(await runCli(["token", "list", "--json"], elsewhere)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/"agent":"ada"/) as string,
      });
      await writeFile(file, '{"dataDir":1}');
      expect(await runCli(["token", "list", "--config", file], elsewhere)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/broker\.json: dataDir: .*--data-dir/) as string,
      });
    },
  );

  it("refuses what no date can hold, and names to carry without the right to", { timeout: 60_000 }, async () => {
    for (const time of ["100000000d", `${"9".repeat(310)}d`, "36526d"]) {
      expect(await token("ada", "--create", "--expires", time)).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(new RegExp(`'${time}'.*36525d`)) as string,
      });
    }
    expect(await token("ada", "--create", "--carries", "x")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--carries x .*--scope proxy/) as string,
    });
    expect(existsSync(dataDir)).toBe(false);
    expect(
      await token("ada", "--zmq", "--create", "--expires", "36525d", "--scope", "proxy", "--carries", "x"),
    ).toMatchObject({ code: 0 });
  });

  it(
    "lists what an earlier version let expire beyond all dates, and fails by itself when the list is damaged",
    { timeout: 60_000 },
    async () => {
      await token("ada", "--zmq", "--create");
      const file = join(dataDir, "tokens.json");
      const text = await readFile(file, "utf8");
      await writeFile(file, text.replace('"issuedAt"', '"expiresAt": 8.7e15, "issuedAt"'));
      expect((await list())[0]?.expires).toMatch(/^\+275760-/);
      await writeFile(file, "{");
      for (const args of [["list"], ["revoke", "ada"], ["ada"], ["issue", "ada"]])
        expect(await token(...args)).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(/tokens\.json is damaged/) as string,
        });
    },
  );

  it.skipIf(process.getuid?.() !== 0)("writes nothing as root that the broker's own user could not read", async () => {
    await token("ada", "--create");
    chownSync(join(dataDir, "operator-token"), 12_345, 12_345);
    for (const args of [["bob"], ["revoke", "ada"]])
      expect(await token(...args)).toMatchObject({
        code: 4,
        stderr: expect.stringMatching(/sudo -u '#12345'/) as string,
      });
    expect((await list()).map(({ agent }) => agent)).toEqual(["ada", "ada", "ada"]);
  });
});
