import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProgram, type Program } from "../kit/cli.js";
import { binary as agentchatBinary } from "./agentchat/binary.js";
import { freeDoors } from "./served.js";

const brokerBinary = fileURLToPath(new URL("../../bin/broker.js", import.meta.url));

/**
 * Runs a program on a terminal of its own, whose output it passes on, and the program's pid before it; the terminal
 * closes when a line comes in. Then it says by which signal the program has ended.
 */
const onTerminal = `
import os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
print("pid", pid, flush=True)
while True:
  ready, _, _ = select.select([terminal, 0], [], [])
  if 0 in ready: break
  try: said = os.read(terminal, 4096)
  except OSError: break
  if not said: break
  os.write(1, said)
os.close(terminal)
print("ended by", -os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

describe("signals", () => {
  let home: string;
  let started: Program[];
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "synaptic-signals-"));
    started = [];
  });
  afterEach(async () => {
    for (const program of started) await program.stop("SIGKILL");
    await rm(home, { recursive: true, force: true });
  });
  const run = (command: string, ...args: readonly string[]): Program => {
    const program = startProgram(command, args);
    started.push(program);
    return program;
  };
  const start = (...more: readonly string[]): readonly [string, ...string[]] => [
    process.execPath,
    ...[brokerBinary, "start", ...freeDoors],
    ...["--data-dir", join(home, "data"), ...more],
  ];
  const isClean = (): boolean =>
    ["broker.pid", "endpoints.json"].every((name) => !existsSync(join(home, "data", name)));

  it("nohup: agentchat serve, listen and a daemon outlive SIGHUP, and end by SIGTERM", async () => {
    const inHome = (...args: readonly string[]): Program =>
      run("sh", "-c", 'cd "$0" && exec nohup "$@"', home, process.execPath, agentchatBinary, ...args);
    const server = inHome("serve", "--port", "0", "--host", "127.0.0.1");
    const url = /ws:\/\/127\.0\.0\.1:\d+/.exec(await server.prints(/ready at ws:\S+/))?.[0] ?? "";
    const listener = inHome("listen", url, "#general");
    await listener.tells(/listening to #general/);
    const daemon = inHome("daemon", url, "--name", "me");
    await daemon.tells(/daemon me runs/);
    for (const { process: child } of [daemon, listener, server]) child.kill("SIGHUP");
    // What still answers has outlived it: a message goes from a newcomer through the server to both.
    const said = run(process.execPath, agentchatBinary, "send", url, "#general", "still here?");
    expect((await said.ended).code).toBe(0);
    await listener.prints(/still here\?/);
    for (const program of [daemon, listener, server]) expect(await program.stop()).toMatchObject({ code: 0 });
  });

  it("nohup: broker start reads its configuration again at SIGHUP, and broker tap goes on", async () => {
    const broker = run("nohup", ...start());
    await broker.prints(/broker status/);
    const tap = run("nohup", process.execPath, brokerBinary, "tap", "--all", "--data-dir", join(home, "data"));
    await tap.tells(/listening to/);
    for (const { process: child } of [tap, broker]) child.kill("SIGHUP");
    await broker.tells(/SIGHUP, read again, nothing has changed/);
    run(process.execPath, brokerBinary, "agents", "--data-dir", join(home, "data"));
    await tap.prints(/agents\.list/);
    expect(await tap.stop("SIGINT")).toMatchObject({ code: 0 });
    expect(await broker.stop()).toMatchObject({ code: 0 });
    expect(isClean()).toBe(true);
  });

  it("on a terminal, kill -HUP makes a broker read its configuration again; the terminal's close ends it", async () => {
    const child = startProgram("python3", ["-c", onTerminal, ...start()], {}, "pipe");
    started.push(child);
    const [, pid] = /pid (\d+)/.exec(await child.prints(/broker status/)) ?? [];
    process.kill(Number(pid), "SIGHUP");
    await child.prints(/SIGHUP, read again, nothing has changed/);
    expect(isClean()).toBe(false);
    child.process.stdin?.end("close\n");
    await child.prints(/ended by 1\n/);
    expect(isClean()).toBe(true);
  });

  it("a broker that logs on a terminal, and a server of agentchat, end cleanly when it closes", async () => {
    const serve = ["serve", "--port", "0", "--host", "127.0.0.1", "--data-dir", join(home, "data")];
    for (const [args, ready] of [
      [start("--log-level", "debug"), /broker status/],
      [[process.execPath, agentchatBinary, ...serve], /ready at/],
    ] as const) {
      const child = startProgram("python3", ["-c", onTerminal, ...args], {}, "pipe");
      started.push(child);
      await child.prints(ready);
      child.process.stdin?.end("close\n");
      await child.prints(/ended by 1\n/);
      expect(isClean()).toBe(true);
    }
  });

  it("a broker logs for people on a terminal, and JSON elsewhere or where it is asked for", async () => {
    const ready = /^\d\d:\d\d:\d\d info broker ready zmqIn=\["tcp:/m;
    const json = /^\{.*"msg":"broker ready"\}/m;
    const lines = start("--log-level", "info");
    const piped = ["--log-format", "text"];
    for (const [args, env, wanted] of [
      [["python3", "-c", onTerminal, ...lines], { NO_COLOR: "1" }, ready],
      [["python3", "-c", onTerminal, ...lines], { SYNAPTIC_LOG_FORMAT: "json" }, json],
      [[...lines, ...piped], {}, ready],
      [lines, {}, json],
    ] as const) {
      const [command, ...rest] = args;
      const program = startProgram(command, rest, env, "pipe");
      started.push(program);
      await (command === "python3" ? program.prints(wanted) : program.tells(wanted));
      if (command !== "python3") await program.stop();
      else {
        program.process.stdin?.end("close\n");
        await program.prints(/ended by 1\n/);
      }
    }
  });

  it("a command that runs no broker ends with its terminal", async () => {
    const broker = run(...start());
    await broker.prints(/broker status/);
    const tap = [process.execPath, brokerBinary, "tap", "--data-dir", join(home, "data")];
    const child = startProgram("python3", ["-c", onTerminal, ...tap], {}, "pipe");
    started.push(child);
    await child.prints(/listening to/);
    child.process.stdin?.end("close\n");
    await child.prints(/ended by 1\n/);
  });

  it("a second signal in the same moment is the first one; a later one ends the program at once", async () => {
    const server = run("sh", "-c", 'cd "$0" && exec "$@"', home, process.execPath, agentchatBinary, "serve", "-p", "0");
    await server.prints(/ready at/);
    server.process.kill("SIGINT");
    await pause(3);
    server.process.kill("SIGTERM");
    const ended = await server.ended;
    expect([ended.code, ended.stderr]).toEqual([0, expect.not.stringContaining("ended at once")]);

    const broker = run(...start());
    await broker.prints(/broker status/);
    broker.process.kill("SIGINT");
    await pause(3);
    broker.process.kill("SIGTERM");
    expect((await broker.ended).code).toBe(0);
    expect(isClean()).toBe(true);
  });
});
