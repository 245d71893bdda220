import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { makeCertificate } from "../kit/certificates.js";
import { startProgram } from "../kit/cli.js";
import { issueToken } from "../kit/tokens.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs/remote-bots.md"), "utf8");
const renewal = /```sh\n(openssl[^`]*ca-key[^`]*)```/.exec(page)?.[1] ?? "";
const bot = /```python\n([^]*?)```/.exec(page)?.[1] ?? "";

describe("docs/remote-bots.md", () => {
  let folder: string;
  let at: TestBroker;
  let cert: string;
  let asker: Agent;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "synaptic-remote-"));
    const pair = makeCertificate(folder, "broker");
    cert = pair.cert;
    at = await startBroker({ tlsCert: pair.cert, tlsKey: pair.key });
    asker = await Agent.connect({ name: "asker", in: at.zmqIn, out: at.zmqOut });
  });
  afterAll(async () => {
    await asker.close();
    await at.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("has a Python bot that joins over TLS and answers", async () => {
    await writeFile(join(folder, "bot.py"), bot);
    const token = await issueToken(at.dataDir, "snake", "ws");
    const snake = startProgram("/usr/bin/python3", [join(folder, "bot.py"), at.pan, "snake", cert], {
      PAN_TOKEN: token,
    });
    try {
      await snake.prints(/Welcome to PAN/);
      expect((await asker.request("snake", "hello")).content.message).toBe("heard: hello");
    } finally {
      await snake.stop("SIGKILL");
    }
  });

  it("has an authority for bots that know it only, also of the next certificate", async () => {
    const sh = (lines: string): void => {
      execFileSync("/bin/sh", ["-e", "-c", lines], { cwd: folder, stdio: "ignore" });
    };
    const here = renewal.replaceAll("DNS:broker.lan", "IP:127.0.0.1");
    sh(here);
    // As Python does from 3.13 on.
    sh("openssl verify -x509_strict -CAfile ca.pem chain.pem");
    const files = { tlsCert: join(folder, "chain.pem"), tlsKey: join(folder, "key.pem") };
    const other = await startBroker(files);
    const ca = readFileSync(join(folder, "ca.pem"));
    const serial = async (): Promise<string> => {
      const socket = connect({ host: "127.0.0.1", port: Number(new URL(other.pan).port), ca });
      await once(socket, "secureConnect");
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    try {
      const first = await serial();
      sh(here.trimEnd().split("\n").at(-1) ?? "");
      expect(other.broker.reload(files).changed).toContain("tls");
      expect(await serial()).not.toBe(first);
    } finally {
      await other.stop();
    }
  });

  it("has a Node bot that joins with NODE_EXTRA_CA_CERTS, and is told of it when it is missing", async () => {
    const env = { PAN_TOKEN: await issueToken(at.dataDir, "trader", "ws") };
    const run = (more: NodeJS.ProcessEnv) =>
      startProgram(process.execPath, [join(root, "examples/pan-bot.mjs"), "trader", at.pan], { ...env, ...more });
    const refused = run({});
    expect(await refused.ended).toMatchObject({
      code: 1,
      // No more: a broker is there, and none is missed on this machine.
      stderr: expect.stringMatching(
        /^cannot connect .*self-signed certificate; .*NODE_EXTRA_CA_CERTS=FILE.*\n$/,
      ) as string,
    });
    const trader = run({ NODE_EXTRA_CA_CERTS: cert });
    try {
      await trader.prints(/trader is ready/);
      expect((await asker.request("trader", "hello")).content.message).toBe("trader heard: hello");
    } finally {
      await trader.stop();
    }
  });
});

describe("bridges/pan/README.md", () => {
  it("has a Python client that asks the broker", async () => {
    const [, client = ""] =
      /```python\n([^]*?)```/.exec(readFileSync(join(root, "bridges/pan/README.md"), "utf8")) ?? [];
    const folder = await mkdtemp(join(tmpdir(), "synaptic-ask-"));
    const at = await startBroker();
    try {
      await writeFile(join(folder, "ask.py"), client);
      const env = { PAN_TOKEN: await issueToken(at.dataDir, "snake", "ws") };
      const { ended } = startProgram("/usr/bin/python3", [join(folder, "ask.py"), at.pan, "snake"], env);
      const { code, stdout } = await ended;
      expect(stdout.trimEnd().split("\n")).toEqual([
        "q1 you made #lab {'room': '#lab', 'invite_only': False}",
        expect.stringMatching(/^q2 #agents, #general, #lab \{'rooms': \[.*\]\}$/) as string,
      ]);
      expect(code).toBe(0);
    } finally {
      await at.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
