// What viewers cost a broker: prints figures as JSON. The broker and its agents, who talk to each other all the time,
// are in this process, the viewers in another.
//   node viewed-loop.mjs FOLDER AGENTS VIEWERS SECONDS
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as passed } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { defaultLimits, systemClock } from "../../dist/src/core/index.js";
import { IdentityTokens } from "../../dist/src/identity/index.js";
import { Broker } from "../../dist/src/index.js";
import { DataDirectory } from "../../dist/src/storage/index.js";
import { bytesOfForms } from "./position-forms.mjs";
import { watchTurns } from "./turns.mjs";

const [folder, ...numbers] = process.argv.slice(2);
const [agents, viewers, seconds] = numbers.map(Number);
const dataDir = join(folder, "data");
mkdirSync(dataDir, { mode: 0o700 });
const identity = new IdentityTokens({
  dataDirectory: new DataDirectory(dataDir),
  clock: systemClock,
  limits: defaultLimits,
  reserved: [],
});
identity.load();
const token = await identity.issue({ kind: "ws", subject: "viewer", scopes: ["inspect"] });
const broker = new Broker({
  dataDir,
  zmqIn: ["tcp://127.0.0.1:0"],
  zmqOut: ["tcp://127.0.0.1:0"],
  ws: ["127.0.0.1:0"],
});
await broker.start();
const [ws] = broker.endpoints.ws;

const talkers = [];
for (let at = 0; at < agents; at += 1) talkers.push(broker.agent(`agent-${at}`));
const someone = () => Math.floor(Math.random() * agents);
/** Each has three to whom it talks, and the least that changes that moves the layout. */
const pairs = Array.from({ length: 3 * agents }, () => [someone(), someone()]);
const talk = setInterval(() => {
  for (let each = 0; each < 10; each += 1) {
    const at = Math.floor(Math.random() * pairs.length);
    if (each === 0) pairs[at] = [someone(), someone()];
    const [from, to] = pairs[at];
    if (from !== to) void talkers[from].inform(`agent-${to}`, { message: "how are you?" });
  }
}, 10);
await passed(2_000);

/** The share of a core that this process takes, %, and its longest turn, ms. */
async function watched(ms) {
  const { end } = watchTurns(1);
  const before = process.cpuUsage();
  const begun = performance.now();
  await passed(ms);
  const { user, system } = process.cpuUsage(before);
  const cpu = (user + system) / 10 / (performance.now() - begun);
  return { cpu, longest: (await end()).longest };
}

async function looking(count, options, measure = () => watched(seconds * 1_000 - 100)) {
  const script = new URL("viewers-client.mjs", import.meta.url).pathname;
  const args = [script, ws, token, count, seconds, JSON.stringify(options)].map(String);
  const client = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(client, "close");
  const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
  const ready = await lines.next();
  if (ready.done) throw new Error("the viewers ended before they were ready");
  const figures = await measure();
  const { value } = await lines.next();
  const [code] = await closed;
  if (code !== 0) throw new Error(`the viewers ended with ${code}`);
  await passed(500);
  const told = JSON.parse(value);
  return { ...figures, frames: told.frames / seconds / count, bytes: told.bytes / seconds / count };
}

/** Bytes that this process holds for each of `count` viewers. */
async function heldFor(count) {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const held = () => {
    for (let time = 0; time < 3; time += 1) collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  await looking(count, { streams: [], channels: 4 }); // what is made once is made
  const before = held();
  const { after } = await looking(count, { streams: [], channels: 4 }, async () => ({ after: held() }));
  return (after - before) / count;
}

const binary = { capabilities: ["binary"], streams: ["agent.positions"] };
const packed = { ...binary, compression: { algorithms: ["deflate"], preferredLevel: 6 } };
const keep = join(folder, "frames");
const figures = {
  none: await watched(seconds * 1_000),
  binary: await looking(viewers, binary),
  packed: await looking(viewers, packed),
  json: await looking(viewers, { streams: ["agent.positions"] }),
  all: await looking(viewers, { path: "/", capabilities: ["binary"] }),
  stuck: await looking(viewers, { ...binary, stuck: 10 }),
};
await looking(1, { streams: ["agent.positions"], keep });
figures.forms = bytesOfForms(readFileSync(keep, "utf8").split("\n"));
// What agents say would be in it, too.
clearInterval(talk);
await passed(2_000);
figures.held = await heldFor(3 * viewers);
process.stdout.write(JSON.stringify(figures));
process.exit(0);
