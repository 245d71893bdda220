import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findEndpoints } from "../../clients/typescript/agent/endpoints.js";
import { readCertificate } from "../../src/cli/doctor/certificate.js";
import { loadDialects } from "../../src/dialect-files.js";
import { Broker } from "../../src/index.js";
import { eventually } from "../kit/broker.js";
import { runCli, startCli } from "../kit/cli.js";

const doors = ["--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0", "--ws", "127.0.0.1:0"];

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "synaptic-special-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

const at = (name: string): string => join(dataDir, name);
/** A pipe: whoever opens it waits for its other end. */
const pipe = (name: string): string => {
  execFileSync("mkfifo", [at(name)]);
  return at(name);
};

describe("a data directory with a pipe in it", () => {
  it("as audit.log keeps no broker from starting and stopping, and the log says what to do", async () => {
    const path = pipe("audit.log");
    const broker = startCli(["start", "--data-dir", dataDir, ...doors]);
    await eventually(() => existsSync(at("endpoints.json")), "it is ready");
    const { code, stderr } = await broker.stop();
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/move it away.*the audit log cannot be written/) as string,
    ]);
    expect(statSync(path).isFIFO()).toBe(true);
  });

  it("as audit.log keeps no token from being issued, and it says so", async () => {
    pipe("audit.log");
    const { code, stderr } = await runCli(["token", "ada", "--zmq", "--data-dir", dataDir]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("could not be written into the audit log") as string]);
  });

  it.each(["pan-token", "operator-token", "tokens.json", "broker.pid", "tables/data.mdb"])(
    "as %s refuses the start at once, naming the file",
    async (name) => {
      mkdirSync(at("tables"), { mode: 0o700 });
      pipe(name);
      const { code, stderr } = await runCli(["start", "--data-dir", dataDir, ...doors]);
      expect(code).not.toBe(0);
      expect(stderr).toContain(at(name));
      expect(stderr).toMatch(/no regular file.*move it away/s);
    },
  );
});

describe("a data directory with something else in it than a file", () => {
  it.each([
    ["broker.pid", "a link to nothing"],
    ["broker.pid", "a folder"],
    ["tables/lock.mdb", "a pipe"],
    ["tables/lock.mdb", "a folder"],
    ["tables/lock.mdb", "a link to nothing"],
  ])("refuses the start when %s is %s, naming it", async (name, what) => {
    mkdirSync(at("tables"), { mode: 0o700 });
    if (what === "a pipe") pipe(name);
    else if (what === "a folder") mkdirSync(at(name));
    else symlinkSync(at("nothing"), at(name));
    const { code, stderr } = await runCli(["start", "--data-dir", dataDir, ...doors]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(at(name));
    expect(stderr).toMatch(/no regular file.*move it away/s);
  });

  it("refuses to issue a token when its lock is a link to nothing", async () => {
    symlinkSync(at("nothing"), at("tokens.json.lock"));
    const { code, stderr } = await runCli(["token", "ada", "--data-dir", dataDir]);
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringMatching(/no regular file.*move it away/s)]);
    expect(code).toBeGreaterThan(0);
  });

  it("refuses the start when endpoints.json is a folder, naming it", async () => {
    mkdirSync(at("endpoints.json"));
    const { code, stderr } = await runCli(["start", "--data-dir", dataDir, ...doors]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/endpoints\.json is no regular file.*move it away/s)]);
  });

  it.each([
    ["endpoints.json", "a folder"],
    ["endpoints.json", "a pipe"],
    ["endpoints.json", "empty"],
    ["endpoints.json", "cut"],
    ["operator-token", "a folder"],
    ["operator-token", "a pipe"],
    ["operator-token", "empty"],
  ])("a command says so, and what to do, when %s of a running broker is %s", async (name, what) => {
    const broker = startCli(["start", "--data-dir", dataDir, ...doors]);
    await eventually(() => existsSync(at("endpoints.json")), "it is ready");
    const text = readFileSync(at(name), "utf8");
    rmSync(at(name));
    if (what === "a folder") mkdirSync(at(name));
    else if (what === "a pipe") pipe(name);
    else writeFileSync(at(name), what === "cut" ? text.slice(0, -9) : "");
    const { code, stderr } = await runCli(["agents", "--data-dir", dataDir]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(at(name));
    expect(stderr).toMatch(/restart the broker/);
    if (name === "endpoints.json") {
      expect((await runCli(["doctor", "--data-dir", dataDir])).stdout).toMatch(
        /FAIL .*endpoints\.json.*restart the broker/,
      );
      expect((await runCli(["token", "ada", "--zmq", "--data-dir", dataDir])).code, "tokens are made").toBe(0);
    }
    expect((await broker.stop()).code, "it stops all the same").toBe(0);
  });

  it("keeps no agent waiting that looks for its broker when endpoints.json is a pipe", () => {
    pipe("endpoints.json");
    expect(() => findEndpoints({ dataDir })).toThrow(/endpoints\.json cannot be read: it is no regular file; move/);
  });

  it("waits for no pipe in place of a dialect or of a certificate that doctor looks at", async () => {
    const file = pipe("dialect.mjs");
    await expect(loadDialects([{ written: "dialect.mjs", path: file }])).rejects.toThrow(
      /cannot be loaded.*no regular/,
    );
    expect(() => readCertificate(file)).toThrow(/is no regular file/);
  });

  it("starts when what it tries the disk with is a pipe", async () => {
    mkdirSync(at("tables"), { mode: 0o700 });
    pipe("tables/room.tmp");
    const broker = startCli(["start", "--data-dir", dataDir, ...doors]);
    await eventually(() => existsSync(at("endpoints.json")), "it is ready");
    expect((await broker.stop()).code).toBe(0);
  });

  it("says so when the operator's token, the configuration or a key is a pipe, and waits for none", async () => {
    pipe("operator-token");
    pipe("config.json");
    pipe("key.pem");
    const piped = await runCli(["start", "--config", at("config.json"), "--data-dir", at("other"), ...doors]);
    expect(piped.stderr).toMatch(/config\.json is a pipe .*read more than once: write it into a regular file/);
    for (const args of [
      ["start", "--config", at("config.json"), "--data-dir", at("other"), ...doors],
      ["start", "--tls-cert", at("key.pem"), "--tls-key", at("key.pem"), "--data-dir", at("other"), ...doors],
    ]) {
      const { code, stderr } = await runCli(args);
      expect(code).toBeGreaterThan(0);
      expect(stderr).toMatch(/config\.json|key\.pem/);
    }
  });
});

it("secrets that others could read are closed to them at the start", async () => {
  const options = { dataDir, zmqIn: ["tcp://127.0.0.1:0"], zmqOut: ["tcp://127.0.0.1:0"], ws: ["127.0.0.1:0"] };
  writeFileSync(at("tokens.json"), '{"tokens":[]}\n', { mode: 0o644 });
  const first = new Broker(options);
  await first.start();
  await first.stop();
  const secrets = ["tokens.json", "pan-token", "operator-token", "audit.log", "tables/data.mdb", "tables/lock.mdb"];
  const modes = (): string[] => secrets.map((name) => (statSync(at(name)).mode & 0o777).toString(8));
  expect(modes()).toEqual(secrets.map(() => "600"));
  const others = ["audit.log.1", "audit.log.5", "tokens.json.old"];
  for (const name of others) writeFileSync(at(name), "");
  for (const name of [...secrets, ...others]) chmodSync(at(name), 0o666);
  symlinkSync("/etc/hostname", at("a-link"));
  const second = new Broker(options);
  await second.start();
  await second.stop();
  secrets.push(...others);
  expect(modes()).toEqual(secrets.map(() => "600"));
});
