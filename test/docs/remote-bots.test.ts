import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { makeCertificate } from "../kit/certificates.js";
import { startProgram } from "../kit/cli.js";
import { issueToken } from "../kit/tokens.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const bot = /```python\n([^]*?)```/.exec(readFileSync(join(root, "docs/remote-bots.md"), "utf8"))?.[1] ?? "";

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

  it("has a Node bot that joins with NODE_EXTRA_CA_CERTS, and is told of it when it is missing", async () => {
    const env = { PAN_TOKEN: await issueToken(at.dataDir, "trader", "ws") };
    const run = (more: NodeJS.ProcessEnv) =>
      startProgram(process.execPath, [join(root, "examples/pan-bot.mjs"), "trader", at.pan], { ...env, ...more });
    const refused = run({});
    expect(await refused.ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/self-signed certificate; .*NODE_EXTRA_CA_CERTS=FILE/) as string,
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
