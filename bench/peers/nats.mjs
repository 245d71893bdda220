// Starts a NATS server with a WebSocket door on a free port, if there is one on the PATH.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A port that was free a moment ago. */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** @returns undefined where there is no nats-server */
export async function startNats() {
  const known = spawnSync("nats-server", ["--version"], { encoding: "utf8" });
  if (known.error !== undefined) return undefined;
  const home = mkdtempSync(join(tmpdir(), "synaptic-bench-nats-"));
  const [port, ws] = [await freePort(), await freePort()];
  const config = join(home, "nats.conf");
  writeFileSync(config, `host: 127.0.0.1\nport: ${port}\nwebsocket { host: 127.0.0.1, port: ${ws}, no_tls: true }\n`);
  const child = spawn("nats-server", ["-c", config], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((done) => child.once("close", done));
  await new Promise((resolve, reject) => {
    let text = "";
    child.stderr.on("data", (chunk) => {
      text += chunk;
      if (text.includes("Server is ready")) resolve();
    });
    child.once("close", (code) => reject(new Error(`nats-server ended with ${code}: ${text}`)));
  });
  return {
    name: "NATS",
    version: known.stdout.trim(),
    pid: child.pid,
    ws: `127.0.0.1:${ws}`,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
