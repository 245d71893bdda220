// Starts what is compared and what drives it; ends each by its pid.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { endsWithUs, ownDirectory } from "./endings.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..");
const driver = join(here, ".build/driver");
const ports = ["--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0", "--ws", "127.0.0.1:0"];

/** Compiles the load driver. Returns why it cannot, or undefined. */
export function compileDriver() {
  mkdirSync(join(here, ".build"), { recursive: true });
  const sources = readdirSync(join(here, "driver"))
    .filter((name) => name.endsWith(".c"))
    .map((name) => join(here, "driver", name));
  const done = spawnSync("cc", ["-O2", "-o", driver, ...sources], { encoding: "utf8" });
  if (done.error !== undefined) return "there is no C compiler (cc) here";
  return done.status === 0 ? undefined : `the load driver does not compile:\n${done.stderr}`;
}

/** Our broker with PAN's rate off; with `token` a name has an owner, so that every sender is checked. */
export async function startBroker({ token = false, flags = [], home = ownDirectory() } = {}) {
  if (!existsSync(join(root, "dist/run/cli/broker.js"))) throw new Error("run npm run build first");
  const dataDir = join(home, "data");
  if (token) spawnSync(process.execPath, [join(root, "bin/broker.js"), "token", "somebody", "--data-dir", dataDir]);
  const begun = performance.now();
  const broker = await announce([
    join(root, "bin/broker.js"),
    "start",
    "--json",
    ...ports,
    "--data-dir",
    dataDir,
    "--limit",
    "panRatePerSecond=0",
    ...flags,
  ]);
  const readyMs = Math.round(performance.now() - begun);
  const { zmqIn, zmqOut, ws } = broker.said;
  return {
    name: "synaptic-core",
    readyMs,
    pid: broker.pid,
    in: address(zmqIn[0]),
    out: address(zmqOut[0]),
    ws: address(ws[0]),
    token: readFileSync(join(dataDir, "pan-token"), "utf8").trim(),
    operator: readFileSync(join(dataDir, "operator-token"), "utf8").trim(),
    /** Ends it at once, and starts it again on the same data. */
    async restart() {
      await broker.stop();
      return startBroker({ flags, home });
    },
    async stop() {
      await broker.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** libzmq's proxy. */
export async function startProxy() {
  const proxy = await announce([join(here, "peers/proxy.mjs")]);
  return {
    name: "libzmq Proxy",
    pid: proxy.pid,
    in: address(proxy.said.zmqIn[0]),
    out: address(proxy.said.zmqOut[0]),
    stop: proxy.stop,
  };
}

/** One measurement by the C driver; `count`: topics, messages under way or messages a second, as the mode has it. */
export async function drive(
  peer,
  { mode = "load", proto = "zmtp", count = 1, subscribers = 1, seconds, prefix = "bench", size },
) {
  const { stdout } = await run(driver, [
    mode,
    proto,
    ...doors(peer, proto),
    String(count),
    String(subscribers),
    String(seconds),
    String(peer.pid),
    prefix,
    ...(peer.token === undefined ? [] : [peer.token]),
    ...(size === undefined ? [] : [String(size)]),
  ]);
  return JSON.parse(stdout);
}

/** Where a publisher connects, and where a subscriber does. */
function doors(peer, proto) {
  if (proto === "zmtp") return [peer.in, peer.out];
  return ["pan", "network", "nats"].includes(proto) ? [peer.ws, peer.ws] : [peer.tcp, peer.tcp];
}

/** One measurement with libzmq sockets on both ends. */
export async function driveLibzmq(peer, { seconds }) {
  const client = join(here, "peers/libzmq-client.mjs");
  const reader = run(process.execPath, [client, "reader", `tcp://${peer.out}`, String(seconds)]);
  const writer = spawn(process.execPath, [client, "writer", `tcp://${peer.in}`, "30"], { stdio: "ignore" });
  endsWithUs(writer);
  try {
    const cpu = cpuSeconds(peer.pid);
    const begun = performance.now();
    const { stdout } = await reader;
    const share = (cpuSeconds(peer.pid) - cpu) / ((performance.now() - begun) / 1000);
    const { perSecond } = JSON.parse(stdout);
    return { perSecond, cpuMicros: (share * 1e6) / perSecond, p50Micros: 0, p99Micros: 0, lost: 0 };
  } finally {
    writer.kill("SIGKILL");
  }
}

/** Processor time that a process has taken, in seconds. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Bytes that an empty mailbox takes in memory, and a message of each type that waits; in a process of its own. */
export async function mailMemory(boxes, each) {
  const home = ownDirectory();
  try {
    const script = join(here, "peers/mail-memory.mjs");
    const { stdout } = await run(process.execPath, ["--expose-gc", script, home, String(boxes), String(each)]);
    return JSON.parse(stdout);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** One who looks at a broker until it is stopped; resolves when it has been told of all. */
export async function startViewer(peer, options) {
  const script = join(here, "peers/viewers-client.mjs");
  return announce([script, `ws://${peer.ws}`, peer.operator, "1", "600", JSON.stringify(options)]);
}

/** What a script of `peers` prints as JSON, which has a process and a folder of its own. */
export async function ofOwnProcess(name, args) {
  const home = ownDirectory();
  try {
    const { stdout } = await run(process.execPath, [join(here, `peers/${name}.mjs`), home, ...args.map(String)]);
    return JSON.parse(stdout);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Messages sealed and opened per second of CPU, and the CPU of a handshake; in a process of its own. */
export async function piecesOfSealing(messages) {
  const { stdout } = await run(process.execPath, [join(here, "peers/sealed-pieces.mjs"), String(messages)]);
  return JSON.parse(stdout);
}

/**
 * Two clients of Agent Network, `net0` and `net1`, of which one says sealed messages to the other.
 * @param home where both keep what they keep; undefined: in memory
 */
export async function sealedTalk(ws, [hears, says], messages, home) {
  const client = (token, name, ...peer) => [
    join(here, "peers/sealed-client.mjs"),
    `ws://${ws}`,
    token,
    name,
    String(messages),
    home === undefined ? "-" : join(home, name),
    ...peer,
  ];
  const listener = await announce(client(hears, "net0"));
  const { stdout } = await run(process.execPath, client(says, "net1", "net0"));
  const heard = JSON.parse(await listener.rest());
  const said = JSON.parse(stdout);
  return { said: said.perCore, heard: heard.perCore, perSecond: said.perSecond };
}

function address(url) {
  return url.replace(/^\w+:\/\//, "").replace("0.0.0.0", "127.0.0.1");
}

/** Starts a node program and waits for the JSON line that it prints when it is ready. */
function announce(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    endsWithUs(child);
    const ended = new Promise((done) => child.once("close", done));
    child.once("close", (code) => reject(new Error(`${args[0]} ended with ${code} before it was ready`)));
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const line = text.indexOf("\n");
      if (line === -1) return;
      resolve({
        pid: child.pid,
        said: JSON.parse(text.slice(0, line)),
        /** What it prints behind that line until it ends by itself. */
        async rest() {
          await ended;
          return text.slice(line + 1);
        },
        stop() {
          child.kill("SIGKILL");
          return ended;
        },
      });
    });
  });
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 180_000 });
    endsWithUs(child);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.once("close", (code) =>
      code === 0 ? resolve({ stdout }) : reject(new Error(`${command} ${args.join(" ")}: ${code} ${stderr}`)),
    );
  });
}
