// A server of somebody else: is it on the PATH, start it, end it by its pid.
import { spawn, spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { endsWithUs, ownDirectory } from "../endings.mjs";

const readyMs = 10_000;

/** What `command` says of its version, in the group of `pattern`; undefined where it is not on the PATH. */
export function versionOf(command, args, pattern) {
  const said = spawnSync(command, args, { encoding: "utf8" });
  if (said.error !== undefined) return undefined;
  return `${command} ${pattern.exec(said.stdout + said.stderr)?.[1] ?? "of an unknown version"}`;
}

/** A port that was free a moment ago. */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/**
 * Runs `command` with a file of `config`, whose path is its last argument, in a directory of its own; it is there when
 * all `ports` take connections.
 */
export async function startServer({ command, args = [], config, ports }) {
  const home = ownDirectory();
  const file = join(home, "config");
  writeFileSync(file, config);
  const child = spawn(command, [...args, file], { cwd: home, stdio: ["ignore", "pipe", "pipe"] });
  endsWithUs(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => (said = (said + chunk).slice(-2_000)));
  const ended = new Promise((done) => child.once("close", done));
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(home, { recursive: true, force: true });
  };
  const until = performance.now() + readyMs;
  for (const port of ports) {
    while (!(await answers(port))) {
      if (child.exitCode === null && performance.now() < until) continue;
      await stop();
      throw new Error(`${command} did not become ready: ${said}`);
    }
  }
  return { pid: child.pid, stop };
}

/** Whether a connection is taken; a refusal is told 20 ms late. */
function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => setTimeout(() => resolve(false), 20));
  });
}
