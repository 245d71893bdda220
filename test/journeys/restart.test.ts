import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../kit/broker.js";
import { PlainAgent } from "../kit/plain-agent.js";

/** Two ports that were free a moment ago. A restarted broker must come back on the same ones. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, "127.0.0.1", () => {
            resolve(server);
          });
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

describe("a broker that is killed and started again under traffic", () => {
  let dataDir: string;
  let broker: ChildProcess | undefined;
  let doors: { zmqIn: string; zmqOut: string };

  async function start(): Promise<void> {
    broker = spawn(
      process.execPath,
      [
        "bin/broker.js",
        "start",
        "--data-dir",
        dataDir,
        "--zmq-in",
        doors.zmqIn,
        "--zmq-out",
        doors.zmqOut,
        "--ws",
        "127.0.0.1:0",
      ],
      { stdio: "ignore" },
    );
    const pid = broker.pid;
    await eventually(async () => {
      const text = await readFile(join(dataDir, "endpoints.json"), "utf8").catch(() => "{}");
      return (JSON.parse(text) as { pid?: number }).pid === pid;
    }, "the broker is ready");
  }

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "synaptic-restart-"));
    const [a, b] = await freePorts(2);
    doors = { zmqIn: `tcp://127.0.0.1:${a ?? 0}`, zmqOut: `tcp://127.0.0.1:${b ?? 0}` };
    await start();
  });
  afterEach(async () => {
    broker?.kill("SIGKILL");
    await rm(dataDir, { recursive: true, force: true });
  });

  it("loses nothing of what publishers send once they are connected again", async () => {
    const reader = await new PlainAgent("reader", doors).meet();
    const writer = await new PlainAgent("writer", doors).meet();
    try {
      let n = 0;
      const pump = setInterval(() => void writer.send("reader", "inform", "tick", { n: n++ }), 2);
      const numbers = (): number[] =>
        reader.heard.flatMap(({ message }) => (typeof message["n"] === "number" ? [message["n"]] : []));
      await eventually(() => numbers().length > 50, "traffic");
      broker?.kill("SIGKILL");
      await new Promise((resolve) => broker?.once("exit", resolve));
      const gone = numbers().length;
      await start();
      await eventually(() => numbers().length > gone + 200, "traffic after the restart", 20_000);
      clearInterval(pump);
      await eventually(() => numbers().at(-1) === n - 1, "the last one");
      const heard = numbers();
      expect(new Set(heard).size).toBe(heard.length);
      expect(heard).toEqual([...heard].sort((a, b) => a - b));
      const first = heard[gone] ?? 0;
      expect(heard.slice(gone), "no hole after the first message that came through").toEqual(
        Array.from({ length: n - first }, (_, at) => first + at),
      );
    } finally {
      reader.close();
      writer.close();
    }
  });

  it("is refused on a data directory that a live broker holds, and takes over a dead one's", async () => {
    const second = spawn(
      process.execPath,
      [
        "bin/broker.js",
        "start",
        "--data-dir",
        dataDir,
        "--zmq-in",
        "tcp://127.0.0.1:0",
        "--zmq-out",
        "tcp://127.0.0.1:0",
        "--ws",
        "127.0.0.1:0",
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    second.stderr.on("data", (text: Buffer) => (said += text.toString()));
    const code = await new Promise((resolve) => second.once("close", resolve));
    expect(code).not.toBe(0);
    expect(said).toContain(String(broker?.pid));
    broker?.kill("SIGKILL");
    await new Promise((resolve) => broker?.once("exit", resolve));
    await start();
  });
});
