import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { spawn, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { runCli, startCli, startProgram, type Program } from "../kit/cli.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const doors = ["--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0", "--ws", "127.0.0.1:0"];

describe("how the broker's programs end", () => {
  let dataDir: string;
  /** Whatever a test has started: an assertion that fails midway leaves nothing behind. */
  const started: ChildProcess[] = [];
  beforeEach(async () => {
    dataDir = join(await mkdtemp(join(tmpdir(), "synaptic-end-")), "data");
  });
  afterEach(async () => {
    for (const child of started.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    await rm(join(dataDir, ".."), { recursive: true, force: true });
  });
  const run = (program: Program): Program => {
    started.push(program.process);
    return program;
  };
  const startBroker = (...more: readonly string[]): Program =>
    run(startCli(["start", ...doors, "--data-dir", dataDir, ...more]));
  const spawnBroker = (...args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> => {
    const child = spawn(process.execPath, [join(root, "bin/broker.js"), ...args, "--data-dir", dataDir], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    started.push(child);
    return child;
  };
  const leftovers = (): boolean[] => ["broker.pid", "endpoints.json"].map((file) => existsSync(join(dataDir, file)));

  it("a program with its own broker ends by itself once the broker has stopped", async () => {
    const script = `
      import { Agent, Broker } from ${JSON.stringify(join(root, "dist/src/index.js"))};
      const [zmqIn, zmqOut, ws] = [["tcp://127.0.0.1:0"], ["tcp://127.0.0.1:0"], ["127.0.0.1:0"]];
      const broker = new Broker({ dataDir: ${JSON.stringify(dataDir)}, zmqIn, zmqOut, ws });
      await broker.start();
      const at = { in: broker.endpoints.zmqIn[0], out: broker.endpoints.zmqOut[0] };
      const [ada, bob] = [await Agent.connect({ name: "ada", ...at }), await Agent.connect({ name: "bob", ...at })];
      bob.onRequest(({ content }) => "you said " + content.message);
      console.log((await ada.request("bob", "hello")).content.message);
      await ada.close();
      await bob.close();
      await broker.stop();`;
    const program = run(startProgram(process.execPath, ["--input-type=module", "-e", script]));
    expect(await program.ended).toEqual({ code: 0, stdout: "you said hello\n", stderr: "" });
    expect(leftovers()).toEqual([false, false]);
  });

  it("a broker whose agents are killed while it drains still cleans up", async () => {
    const broker = startBroker("--json");
    const { zmqIn, zmqOut } = JSON.parse(await broker.prints(/\n/)) as { zmqIn: string[]; zmqOut: string[] };
    const script = `
      import { Agent } from ${JSON.stringify(join(root, "dist/src/index.js"))};
      await Agent.connect({ name: "ada", in: ${JSON.stringify(zmqIn[0])}, out: ${JSON.stringify(zmqOut[0])} });
      console.log("here");`;
    const ada = run(startProgram(process.execPath, ["--input-type=module", "-e", script]));
    await ada.prints(/here/);
    broker.process.kill("SIGTERM");
    ada.process.kill("SIGKILL");
    expect((await broker.ended).code).toBe(0);
    expect(leftovers()).toEqual([false, false]);
  });

  it("a signal while it starts is obeyed", async () => {
    for (const afterMs of [300, 450, 600]) {
      const broker = startBroker();
      await new Promise((resolve) => setTimeout(resolve, afterMs)); // a point in its start, whichever it is
      const { code } = await broker.stop("SIGTERM");
      expect([0, null]).toContain(code); // null: the signal came before any program of ours was loaded
      expect(leftovers()).toEqual([false, false]);
    }
  });

  it("drains though nobody reads its messages any more", async () => {
    const child = spawnBroker("start", ...doors);
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.stderr.destroy();
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(leftovers()).toEqual([false, false]);
  });

  it("tap ends by a signal though its reader has stopped reading", async () => {
    const broker = startBroker("--json");
    const { zmqIn, zmqOut } = JSON.parse(await broker.prints(/\n/)) as { zmqIn: string[]; zmqOut: string[] };
    const tap = spawnBroker("tap");
    const ended = new Promise<number | null>((resolve) => tap.once("exit", resolve));
    await new Promise((resolve) => tap.stderr.once("data", resolve));
    const ada = await Agent.connect({ name: "ada", in: zmqIn[0] ?? "", out: zmqOut[0] ?? "" });
    for (let n = 0; n < 3_000; n += 1) await ada.inform("#general", "x".repeat(500));
    await ada.close();
    tap.kill("SIGINT");
    expect(await ended).toBe(0);
    await broker.stop();
  });

  it.each([
    [["start", "--data-dir", "/dev/null/x"], 1, /data directory/],
    [["start", "--data-dir", "/etc/hostname"], 2, /--data-dir: \/etc\/hostname is not a folder; choose another/],
    [["start", "--limit", "wsLoginMs"], 2, /NAME=VALUE/],
    [["start", "--limit", "wsLoginMs="], 2, /NAME=VALUE/],
    [["start", "--own", "pan"], 2, /NAME=VALUE/],
  ])("%j is told in a line that names the remedy", async (args, code, words) => {
    const ended = await runCli(args);
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toMatch(words);
  });

  it("a broker.pid that cannot be read is told with the remedy", async () => {
    await mkdir(join(dataDir, "broker.pid"), { recursive: true }); // unreadable for root, too
    const { code, stderr } = await runCli(["status", "--data-dir", dataDir]);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/cannot read .*broker\.pid: .*; move it away/)]);
  });

  it("a name with an owner is refused as such, not as a missing broker", async () => {
    const broker = startBroker();
    await broker.prints(/broker status/);
    await runCli(["token", "boss", "--data-dir", dataDir]);
    // Nothing is said in its name: what the broker refused are pings at most.
    const forged = async (): Promise<unknown> =>
      (
        JSON.parse((await runCli(["status", "--json", "--data-dir", dataDir])).stdout) as {
          ledger: { reasons: Record<string, number> };
        }
      ).ledger.reasons["from-forged"];
    const { code, stderr } = await runCli(["send", "all", "hi", "--from", "boss", "--data-dir", dataDir]);
    expect([code, stderr]).toEqual([
      4,
      expect.stringMatching(/the broker refuses boss: the name boss has an owner.*broker token boss/),
    ]);
    expect(await forged()).toBeUndefined();
    await broker.stop();
  });

  it("tap says that its broker has ended and is back, at other doors, too", async () => {
    const first = startBroker();
    await first.prints(/broker status/);
    const tap = run(startCli(["tap", "--kind", "ping", "--count", "1000", "--data-dir", dataDir]));
    await tap.tells(/listening to/);
    await first.stop();
    await tap.tells(/the broker has ended; waiting up to 60 s/);
    await startBroker().prints(/broker status/);
    await tap.tells(/the broker is back: messages that passed meanwhile are not shown/);
    await runCli(["agents", "--data-dir", dataDir]);
    await tap.prints(/"kind":"ping"/);
    expect(await tap.stop("SIGINT")).toMatchObject({ code: 0 });
  });

  it.each(["zmq", "pan"])(
    "bench via %s prints what it has measured when its broker goes, and ends with 3",
    async (via) => {
      const broker = startBroker();
      await broker.prints(/broker status/);
      const bench = run(startCli(["bench", "--via", via, "--seconds", "60", "--json", "--data-dir", dataDir]));
      const said = async (): Promise<number> =>
        (
          JSON.parse((await runCli(["status", "--json", "--data-dir", dataDir])).stdout) as {
            ledger: { messages: { routed: number } };
          }
        ).ledger.messages.routed;
      while ((await said()) < 8);
      await broker.stop("SIGKILL");
      const { code, stdout, stderr } = await bench.ended;
      const result = JSON.parse(stdout) as { received: number; reasons: string[] };
      expect([code, stderr]).toEqual([3, "the broker has ended: what was measured follows\n"]);
      expect(result.received).toBeGreaterThan(0);
      expect(result.reasons).toContain("the broker has ended");
    },
  );

  it.each([
    ["none", ["status"], /takes no tokens on ZeroMQ.*--zmq-auth optional/],
    ["required", ["bench", "--seconds", "0.1"], /a bench via zmq has no tokens.*--via pan/],
  ])("a broker with --zmq-auth %s refuses %j in its own words", async (auth, args, words) => {
    const broker = startBroker("--zmq-auth", auth);
    await broker.prints(/broker status/);
    const { code, stderr } = await runCli([...args, "--data-dir", dataDir]);
    expect([code, stderr]).toEqual([4, expect.stringMatching(words)]);
    await broker.stop();
  });
});
