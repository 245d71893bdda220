// Asks a broker whether its process works: exit code 0 if it answers. For a watchdog, and for a container's
// HEALTHCHECK.
// usage: node healthz.mjs [DATA_DIRECTORY | URL]; default: SYNAPTIC_DATA_DIR, whose endpoints.json tells the doors,
// else http://127.0.0.1:8080/healthz.
// A process that hangs may take three tries of 5 s.
import { readFileSync } from "node:fs";
import { get as getPlain } from "node:http";
import { get as getTls } from "node:https";
import { createConnection } from "node:net";
import { join } from "node:path";

const timeoutMs = 5_000;
const pauseMs = 1_000;
const asked = process.argv[2] ?? process.env.SYNAPTIC_DATA_DIR ?? "http://127.0.0.1:8080/healthz";
// What a broker says that has as many connections as it takes: it works.
const full = /as many connections as it takes/;

/** The URL of a door of the broker that runs on a data directory; WebSocket doors answer requests, too. */
function doorOf(dataDirectory) {
  const { ws = [], own = {}, zmqIn = [] } = JSON.parse(readFileSync(join(dataDirectory, "endpoints.json"), "utf8"));
  const [door] = [...ws, ...Object.values(own), ...zmqIn];
  if (door === undefined) throw new Error("endpoints.json names no door");
  // Where every address is listened at, this machine's own is one.
  const here = door.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
  return here.startsWith("ws") ? `${here.replace(/^ws/, "http").replace(/\/$/, "")}/healthz` : here;
}

/** @returns what is wrong; undefined: nothing is */
function ask(url) {
  return url.startsWith("http") ? askPage(url) : askZmq(url);
}

function askPage(url) {
  return new Promise((resolve) => {
    const isTls = url.startsWith("https:");
    const get = isTls ? getTls : getPlain;
    // Over loopback the certificate's name cannot fit, and nothing secret is said.
    const request = get(url, { signal: AbortSignal.timeout(timeoutMs), rejectUnauthorized: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part));
      response.on("error", (error) => resolve(error.code ?? error.message));
      response.on("end", () => {
        const works = response.statusCode === 200 || (response.statusCode === 503 && full.test(text));
        resolve(works ? undefined : `answers ${response.statusCode}`);
      });
    });
    // A full broker closes before TLS begins. One that hangs does not close, and where none is, the connection is
    // refused.
    request.on("error", (error) =>
      resolve(isTls && error.code === "ECONNRESET" ? undefined : (error.code ?? error.message)),
    );
  });
}

/** A broker without WebSocket doors: ZeroMQ greets whoever connects, and closes at once when it is full. */
function askZmq(url) {
  return new Promise((resolve) => {
    const { protocol, hostname, port } = new URL(url);
    const at =
      protocol === "ipc:"
        ? { path: url.slice("ipc://".length) }
        : { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
    const socket = createConnection({ ...at, timeout: timeoutMs });
    const end = (wrong) => {
      socket.destroy();
      resolve(wrong);
    };
    socket.once("data", () => end(undefined));
    socket.once("end", () => end(undefined));
    socket.once("timeout", () => end("does not answer"));
    socket.once("error", (error) => end(error.code ?? error.message));
  });
}

let where = asked;
let wrong;
for (let attempt = 0; attempt < 3; attempt += 1) {
  if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  try {
    // Read again at each try: it may be a broker that has only just started.
    where = /^https?:/.test(asked) ? asked : doorOf(asked);
    wrong = await ask(where);
  } catch (error) {
    wrong = error.message;
  }
  if (wrong === undefined) process.exit(0);
}
console.error(`${where}: ${wrong}`);
process.exit(1);
