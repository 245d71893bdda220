import { mkdtemp, rm, symlink, writeFile, mkdir } from "node:fs/promises";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { issueToken } from "../kit/tokens.js";
import { startProgram, type Program } from "../kit/cli.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
let at: TestBroker;
let asker: Agent;

beforeEach(async () => {
  at = await startBroker();
  asker = await Agent.connect({ name: "asker", in: at.zmqIn, out: at.zmqOut });
});
afterEach(async () => {
  await asker.close();
  await at.stop();
});

it("are all in the README's table, each with a way to run it", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const rows = [...readme.matchAll(/^\| `examples\/([^`]+)` \| [^|]+ \| `([^`]+)`.* \|$/gm)];
  expect(rows.map(([, file]) => file).sort()).toEqual(readdirSync(join(root, "examples")).sort());
  for (const [, file = "", command = ""] of rows) expect(command).toMatch(file.endsWith(".html") ? /examples/ : file);
});

it("runs the plain Python agent, which answers", async () => {
  const python = startProgram("/usr/bin/python3", [
    join(root, "examples/plain_agent.py"),
    "claude",
    at.zmqIn,
    at.zmqOut,
  ]);
  try {
    await python.prints(/claude is ready/);
    expect((await asker.request("claude", "are you there?")).content.message).toBe("claude heard: are you there?");
  } finally {
    await python.stop("SIGINT");
  }
});

it("runs an agent that reads its mailbox, stops, and reads when it runs again what was said meanwhile", async () => {
  const run = (): Program =>
    startProgram("/usr/bin/python3", [join(root, "examples/mailbox_agent.py")], {
      SYNAPTIC_DATA_DIR: at.dataDir,
      PYTHONPATH: join(root, "clients/python/src"),
      PYTHONDONTWRITEBYTECODE: "1",
    });
  const looks = "clerk looks into its mailbox\n";
  expect(await run().ended).toEqual({ code: 0, stdout: looks, stderr: "" });
  await asker.inform("clerk", "there is news");
  const asked = asker.request("clerk", "what do you know?");
  const again = run();
  expect((await asked).content.message).toBe("clerk has read: what do you know?");
  expect(await again.ended).toEqual({
    code: 0,
    stdout: `${looks}asker: there is news\nasker: what do you know?\n`,
    stderr: "",
  });
  expect((await run().ended).stdout).toBe(looks);
});

it("runs the agent with the SDK, which joins, answers and asks", async () => {
  asker.onRequest(() => "testing you");
  const scout = startProgram(process.execPath, [join(root, "examples/agent.mjs"), "scout", "asker"], {
    SYNAPTIC_DATA_DIR: at.dataDir,
  });
  try {
    await scout.prints(/asker: testing you/);
    expect((await asker.request("scout", "hello")).content.message).toBe("scout heard: hello");
    await eventually(
      async () => (await asker.rooms()).some(({ name, members }) => name === "#general" && members === 1),
      "scout is in #general",
    );
  } finally {
    await scout.stop("SIGINT");
  }
});

it("has types that fit in the agent with the SDK", { timeout: 60_000 }, () => {
  const program = ts.createProgram([join(root, "examples/agent.mjs")], {
    allowJs: true,
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    types: ["node"],
  });
  const complaints = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  expect(complaints).toEqual([]);
});

it("runs the PAN bot, which joins and answers", async () => {
  const folder = await mkdtemp(join(tmpdir(), "synaptic-example-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules/synaptic-core"));
  await writeFile(join(folder, "pan-bot.mjs"), readFileSync(join(root, "examples/pan-bot.mjs")));
  const bot = startProgram(process.execPath, [join(folder, "pan-bot.mjs"), "helper", at.pan], {
    SYNAPTIC_DATA_DIR: at.dataDir,
  });
  try {
    await bot.prints(/helper is ready/);
    expect((await asker.request("helper", "are you there?")).content.message).toBe("helper heard: are you there?");
    expect((await asker.rooms()).find(({ name }) => name === "#general")).toMatchObject({ members: 1 });
  } finally {
    await bot.stop("SIGINT");
    await rm(folder, { recursive: true, force: true });
  }
});

it("ends the PAN bot with a failure when it must not come back", async () => {
  const env = { PAN_TOKEN: await issueToken(at.dataDir, "twin", "ws") };
  const run = () => startProgram(process.execPath, [join(root, "examples/pan-bot.mjs"), "twin", at.pan], env);
  const first = run();
  await first.prints(/twin is ready/);
  const second = run();
  try {
    await second.prints(/twin is ready/);
    expect(await first.ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\nended for good: .+\n$/) as string,
    });
  } finally {
    expect(await second.stop("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  }
});

it("ends with a line that names the remedy where no broker runs, never with a stack trace", async () => {
  const elsewhere = join(at.dataDir, "elsewhere");
  await mkdir(elsewhere);
  const nobody = "ws://127.0.0.1:1/pan"; // a port on which nobody may listen
  for (const [args, words] of [
    [["pan-bot.mjs"], /^no token: ENOENT/],
    [["pan-bot.mjs", "x", nobody], /^cannot connect to ws:\/\/127\.0\.0\.1:1\/pan/],
  ] as const) {
    const [file, ...rest] = args;
    const { code, stderr } = await startProgram(process.execPath, [join(root, "examples", file), ...rest], {
      SYNAPTIC_DATA_DIR: rest.length === 0 ? elsewhere : at.dataDir,
    }).ended;
    expect([code, stderr]).toEqual([1, expect.stringMatching(words)]);
    expect(stderr).toMatch(/\nIs a broker running here\? npm start .* starts one/);
    expect(stderr).not.toMatch(/\n +at /);
  }
});
