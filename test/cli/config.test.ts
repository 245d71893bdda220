import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { catalogueOf } from "../../src/config/index.js";
import { defaultLimits } from "../../src/core/index.js";
import { makeCertificate, makeExpired, makeNameless } from "../kit/certificates.js";
import { runCli } from "../kit/cli.js";

interface Printed {
  readonly file: string | null;
  readonly options: Readonly<
    Record<string, { readonly value: unknown; readonly origin: string; readonly said?: string }>
  >;
}

describe("broker config", () => {
  let home: string;
  let dataDir: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "synaptic-config-"));
    dataDir = join(home, "data");
  });
  afterEach(async () => {
    await rm(home, { recursive: true, force: true });
  });

  async function writeConfig(options: unknown): Promise<string> {
    const file = join(home, "mine.json");
    await writeFile(file, JSON.stringify(options));
    return file;
  }

  it("print tells each option, its value, and who said it", async () => {
    const file = await writeConfig({ zmqAuth: "required", limits: { wsPingMs: 5_000 } });
    const args = [
      "config",
      "print",
      "--data-dir",
      dataDir,
      "--config",
      file,
      "--ws",
      "127.0.0.1:1",
      "--agentchat-identity",
      "strict",
      "--agentchat-replay",
      "5",
      "--agentchat-unproved",
      "@0123456789abcdef,fedcba9876543210",
    ];
    const { code, stdout } = await runCli([...args, "--json"], { SYNAPTIC_TOPICS: "prices,news" });
    const { file: told, options } = JSON.parse(stdout) as Printed;
    expect([code, told]).toEqual([0, file]);
    expect(options).toMatchObject({
      ws: { value: ["127.0.0.1:1"], origin: "flag", said: "--ws" },
      topics: { value: ["prices", "news"], origin: "environment", said: "SYNAPTIC_TOPICS" },
      zmqAuth: { value: "required", origin: "file", said: `${file}: zmqAuth` },
      "agentchat.identity": { value: "strict", origin: "flag" },
      "agentchat.replay": { value: 5, origin: "flag" },
      "agentchat.unproved": { value: ["@0123456789abcdef", "fedcba9876543210"], origin: "flag" },
      "limits.wsPingMs": { value: 5_000, origin: "file" },
      zmqIn: { value: ["tcp://127.0.0.1:5555", `ipc://${dataDir}/in.sock`], origin: "default" },
      tlsCert: { value: null, origin: "default" },
    });
    expect(Object.keys(options).filter((name) => name.startsWith("limits."))).toEqual(["limits.wsPingMs"]);
    const people = await runCli(args);
    expect(people.stdout).toMatch(/^zmqAuth +required +.*mine\.json: zmqAuth$/m);
    expect(people.stderr).toMatch(/--all/);
    const all = JSON.parse((await runCli([...args, "--json", "--all"])).stdout) as Printed;
    expect(Object.keys(all.options).filter((name) => name.startsWith("limits."))).toHaveLength(
      Object.keys(catalogueOf().limits).length,
    );
  });

  it("check says ok and makes nothing", async () => {
    expect(await runCli(["config", "check", "--data-dir", dataDir])).toEqual({ code: 0, stdout: "ok\n", stderr: "" });
    expect(await readdir(home)).toEqual([]);
  });

  it("check tells every problem that a start would have, with its remedy", async () => {
    await mkdir(dataDir);
    await chmod(dataDir, 0o755);
    const [one, other] = [makeCertificate(home, "one"), makeCertificate(home, "other")];
    const args = [
      "config",
      "check",
      "--data-dir",
      dataDir,
      "--insecure",
      "--ws",
      "no-such-host.invalid:1",
      "--own",
      "morse=192.0.2.1:2",
      "--tls-cert",
      one.cert,
      "--tls-key",
      other.key,
    ];
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([2, ""]);
    for (const words of [
      /chmod 700/,
      /--own: there is no dialect morse; there are pan/,
      /--ws: no-such-host\.invalid:1: .*write an address of this machine/,
      /--own: 192\.0\.2\.1:2: 192\.0\.2\.1 is not an address of this machine/,
      /are no pair/,
    ])
      expect(stderr).toMatch(words);
    const told = JSON.parse((await runCli([...args, "--json"])).stdout) as { ok: boolean; problems: string[] };
    expect([told.ok, told.problems.length]).toEqual([false, 5]);
  });

  it("check warns of a certificate that soon expires", async () => {
    const { cert, key } = makeCertificate(home, "short");
    const { code, stdout, stderr } = await runCli([
      "config",
      "check",
      "--data-dir",
      dataDir,
      "--tls-cert",
      cert,
      "--tls-key",
      key,
    ]);
    expect([code, stdout]).toEqual([0, "ok\n"]);
    expect(stderr).toMatch(/warning: --tls-cert: .* expires in 1 days/);
    const old = makeExpired(home, "old");
    const expired = await runCli([
      "config",
      "check",
      "--data-dir",
      dataDir,
      "--tls-cert",
      old.cert,
      "--tls-key",
      old.key,
    ]);
    expect(expired).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/warning: --tls-cert: .* has expired at/) as string,
    });
    const changed = await runCli(["config", "check", "--data-dir", dataDir, "--tls-cert", key, "--tls-key", cert]);
    expect(changed).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/holds no certificate, but .* does: change them round/) as string,
    });
  });

  it("check warns of a certificate that names no host, and of a door that is written as an address", async () => {
    const { cert, key } = makeNameless(home, "nameless");
    const check = (...args: readonly string[]) =>
      runCli(["config", "check", "--data-dir", dataDir, "--tls-cert", cert, "--tls-key", key, ...args]);
    expect(await check()).toEqual({
      code: 0,
      stdout: "ok\n",
      stderr: expect.stringMatching(
        /^broker: warning: --tls-cert: .* names no host .*subjectAltName=DNS:HOST/,
      ) as string,
    });
    const { code, stderr } = await check("--ws", "wss://127.0.0.1:8443");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^broker: --ws: wss:.* without wss:\/\/: HOST:PORT\n/)]);
    expect(stderr).not.toMatch(/ZeroMQ|no machine called/);
  });

  it("check takes what a start takes, and points to its own help", async () => {
    expect(await runCli(["config", "check", "--data-dir", dataDir, "--log-level", "info"])).toMatchObject({ code: 0 });
    expect(await runCli(["config", "check", "--data-dir", dataDir], { SYNAPTIC_LOG_LEVEL: "info" })).toMatchObject({
      code: 0,
    });
    const wrong = await runCli(["start", "--data-dir", dataDir], { SYNAPTIC_LOG_LEVEL: "loud" });
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /'loud' from env 'SYNAPTIC_LOG_LEVEL'[^]*\(broker start --help lists what it takes\)/,
      ) as string,
    });
  });

  it("check tells what is wrong in every layer at once", async () => {
    const file = await writeConfig({ port: 8080 });
    const { code, stderr } = await runCli(
      ["config", "check", "--data-dir", dataDir, "--config", file, "--ws", "127.0.0.1:70000"],
      { SYNAPTIC_DEPTH: "1" },
    );
    expect(code).toBe(2);
    for (const words of [
      /^broker: SYNAPTIC_DEPTH: /m,
      /^broker: --ws: must have a port/m,
      /^broker: .*mine\.json: port: /m,
    ])
      expect(stderr).toMatch(words);
  });

  it("schema prints the form of the file, every option with its description", async () => {
    const { code, stdout } = await runCli(["config", "schema"]);
    const { $schema, properties, additionalProperties } = JSON.parse(stdout) as {
      $schema: string;
      properties: Record<string, { description: string }>;
      additionalProperties: boolean;
    };
    expect([code, $schema, additionalProperties]).toEqual([0, "https://json-schema.org/draft/2020-12/schema", false]);
    expect(Object.keys(properties).sort()).toEqual(
      ["$schema", ...Object.keys(catalogueOf().schema.shape).filter((name) => name !== "log")].sort(),
    );
    expect(properties["limits"]).toMatchObject({ properties: { wsPingMs: { default: defaultLimits.wsPingMs } } });
  });

  it.each([
    [["--ws", "127.0.0.1:70000"], /--ws: must have a port from 0 to 65535/],
    [["--zmq-in", "tcp://127.0.0.1:70000"], /--zmq-in: must have a port/],
    [["--ws", "no-such-host.invalid:1", "--insecure"], /--ws: no-such-host\.invalid:1: .*write an address/],
    [
      ["--ws", "127.0.0.1:7", "--own", "pan=127.0.0.1:7"],
      /--own: 127\.0\.0\.1:7 is asked for beside --ws 127\.0\.0\.1:7; give each door a port of its own/,
    ],
  ])("a start that cannot be is refused in a line that names the flag: %j", async (args, words) => {
    const { code, stderr } = await runCli(["start", "--data-dir", dataDir, ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(words);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
