// npm run bench [-- --quick] [-- --only WORD]: our broker beside libzmq's proxy, and beside NATS, Redis and Mosquitto
// where they are on the PATH, in one run, to stdout
// and bench/RESULTS.md. --quick: one short round; --only: the parts whose name contains WORD. Both leave RESULTS.md
// alone.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { libzmq } from "./libzmq.mjs";
import { local } from "./local.mjs";
import { mailboxes } from "./mailboxes.mjs";
import { network, startNetwork } from "./network.mjs";
import { networkClient } from "./network-client.mjs";
import { startMosquitto } from "./peers/mosquitto.mjs";
import { startNats } from "./peers/nats.mjs";
import { startRedis } from "./peers/redis.mjs";
import { compileDriver, startBroker, startProxy } from "./processes.mjs";
import { writeReport } from "./report.mjs";
import { sizes } from "./sizes.mjs";
import { beingLookedAt } from "./viewers.mjs";
import { websocket } from "./websocket.mjs";

const tables = [libzmq, local, websocket, network, networkClient, beingLookedAt, sizes, mailboxes];
const starts = {
  plain: () => startBroker(),
  checked: () => startBroker({ token: true }),
  network: () => startNetwork(2),
  proxy: startProxy,
  nats: startNats,
  redis: startRedis,
  mosquitto: startMosquitto,
};

const args = process.argv.slice(2);
const quick = args.includes("--quick");
const only = args.includes("--only") ? (args[args.indexOf("--only") + 1] ?? "") : undefined;
const wanted = (part) => only === undefined || part.name.includes(only);
const chosen = tables.flatMap(({ parts }) => parts).filter(wanted);
if (only === "" || chosen.length === 0) {
  console.error(
    `--only takes a word out of one of these:\n${tables.flatMap(({ parts }) => parts.map(({ name }) => `  ${name}`)).join("\n")}`,
  );
  process.exit(2);
}
const problem = compileDriver();
if (problem !== undefined) {
  console.log(`No benchmark: ${problem}. Debian: apt install gcc.`);
  process.exit(0);
}

const peers = {};
const absent = [];
const pages = [];
try {
  for (const name of new Set(chosen.flatMap(({ needs, beside = [] }) => [...needs, ...beside]))) {
    peers[name] = await starts[name]();
    if (peers[name] === undefined) absent.push(name);
  }
  for (const { parts, page } of tables) {
    const rows = [];
    for (const part of parts.filter(wanted)) {
      if (!part.needs.some((name) => absent.includes(name)))
        rows.push(...(await part.measure({ peers, quick, rounds: quick ? 1 : 3, seconds: quick ? 1 : 2 })));
    }
    if (rows.length > 0) pages.push(page(rows));
  }
} finally {
  await Promise.all(Object.values(peers).map((peer) => peer?.stop()));
}
if (absent.length > 0)
  pages.push(
    `Not on the PATH and therefore not compared: ${absent.join(", ")} (Debian: nats-server, redis-server, mosquitto).`,
  );
console.log(pages.join("\n\n"));
if (!quick && only === undefined) {
  const zeromq = createRequire(import.meta.url)("zeromq/package.json").version;
  const versions = [`zeromq ${zeromq}`, ...Object.values(peers).flatMap((peer) => peer?.version ?? [])].join(", ");
  writeReport(fileURLToPath(new URL("RESULTS.md", import.meta.url)), pages, { rounds: 3, seconds: 2, versions });
}
