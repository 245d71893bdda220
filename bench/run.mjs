// npm run bench [-- --quick]: our broker beside libzmq's proxy, and NATS where it is on the PATH, in one run, to stdout and bench/RESULTS.md.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { compileDriver, drive, driveLibzmq, startBroker, startProxy } from "./processes.mjs";
import { startNats } from "./peers/nats.mjs";
import { judge, median, medians, sizeTable, table, writeReport } from "./report.mjs";

const quick = process.argv.includes("--quick");
const rounds = quick ? 1 : 3;
const seconds = quick ? 1 : 2;
const problem = compileDriver();
if (problem !== undefined) {
  console.log(`No benchmark: ${problem}. Debian: apt install gcc.`);
  process.exit(0);
}

/** Both in turn, A B A B. */
async function compare(label, ours, theirs, measure) {
  const [a, b] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    process.stderr.write(`${label}, round ${round + 1} of ${rounds}\n`);
    a.push(await measure(ours));
    if (theirs !== undefined) b.push(await measure(theirs));
  }
  return { ours: medians(a), theirs: theirs === undefined ? undefined : medians(b) };
}

const rows = [];
const sockets = [];
const sizes = [];
const [plain, checked, proxy, nats] = [await startBroker(), await startBroker({ token: true }), await startProxy(), await startNats()];

/** The WebSocket side; a PAN session here, a subscription there. */
async function besideNats() {
  const by = (options) => (peer) => drive(peer, { proto: peer === nats ? "nats" : "pan", seconds, ...options });
  const fan = async (count, target) => {
    const label = `fan-out to 1,000, ${count} under way`;
    const prefix = `fan${count}`;
    sockets.push(judge({ scenario: label, ...(await compare(label, plain, nats, by({ mode: "fan", count, subscribers: 1_000, prefix }))), target }));
  };
  await fan(1, 1.2);
  await fan(4, 1.8);
  sockets.push(judge({ scenario: "one to one", ...(await compare("PAN to PAN", plain, nats, by({ prefix: "pan" }))), target: 0.3 }));
  const trips = await compare("round trips", plain, nats, by({ mode: "trip", count: 1_000, subscribers: 2, prefix: "trip" }));
  sockets.push(judge({ scenario: "round trips, 1,000 a second", ...trips, target: () => trips.ours.p50Micros <= trips.theirs.p50Micros, note: "p50 no worse" }));
  const held = { mode: "idle", subscribers: quick ? 1_000 : 10_000, prefix: "idle" };
  // Each on a broker of its own: what a process has taken before hides what it takes now.
  const fresh = await startBroker();
  const idle = await drive(fresh, { proto: "pan", seconds: 1, ...held });
  await fresh.stop();
  const again = await startBroker();
  const back = await drive(again, { proto: "pan", seconds: 1, ...held });
  await again.stop();
  const theirs = await drive(nats, { proto: "nats", seconds: 1, ...held });
  sizes.push({ what: `an idle session of ${held.subscribers}, KB`, ours: idle.perSession / 1_000, theirs: theirs.perSession / 1_000, target: "≤ 12", met: idle.perSession <= 12_000 });
  sizes.push({ what: `${held.subscribers} sessions back after a restart, s`, ours: (again.readyMs + back.openedMs) / 1_000, theirs: undefined, target: "≤ 10", met: again.readyMs + back.openedMs <= 10_000 });
  const starts = [];
  for (let time = 0; time < rounds * 2 + 1; time += 1) {
    const started = await startBroker();
    starts.push(started.readyMs);
    await started.stop();
  }
  sizes.push({ what: "start to ready, ms", ours: median(starts), theirs: undefined, target: "≤ 300", met: median(starts) <= 300 });
}

try {
  const one = { seconds };
  const nine = { seconds, count: 9, subscribers: 9 };
  const bytes = await compare("bytes 1:1", plain, proxy, (peer) => drive(peer, one));
  rows.push(judge({ scenario: "bytes, 1:1", ...bytes, target: 2 }));
  rows.push(judge({ scenario: "bytes, nine interleaved topics", ...(await compare("bytes, nine topics", plain, proxy, (peer) => drive(peer, nine))), target: 1.1 }));
  rows.push(judge({ scenario: "from checked, 1:1", ...(await compare("checked 1:1", checked, proxy, (peer) => drive(peer, one))), target: 1.2 }));
  rows.push(judge({ scenario: "from checked, nine topics", ...(await compare("checked, nine topics", checked, proxy, (peer) => drive(peer, nine))), target: 0.75 }));
  rows.push(judge({ scenario: "libzmq clients on both ends", ...(await compare("libzmq clients", plain, proxy, (peer) => driveLibzmq(peer, one))), target: 0.95 }));
  const few = await compare("10 topics", plain, undefined, (peer) => drive(peer, { seconds, count: 10, subscribers: 10 }));
  const many = await compare("10,000 topics", plain, undefined, (peer) => drive(peer, { seconds, count: 10_000, subscribers: 10 }));
  const more = many.ours.cpuMicros - few.ours.cpuMicros;
  rows.push(judge({ scenario: "10 topics", ...few }));
  rows.push(judge({ scenario: "10,000 topics", ...many, target: () => more <= 0.3, note: `${more >= 0 ? "+" : ""}${more.toFixed(2)} µs; at most +0.3 µs` }));
  const fewRooms = await compare("10 rooms", plain, undefined, (peer) => drive(peer, { seconds, count: 10, subscribers: 10, prefix: "#few" }));
  const manyRooms = await compare("10,000 rooms", plain, undefined, (peer) => drive(peer, { seconds, count: 10_000, subscribers: 10, prefix: "#many" }));
  const dearer = manyRooms.ours.cpuMicros - fewRooms.ours.cpuMicros;
  rows.push(judge({ scenario: "10 rooms", ...fewRooms }));
  rows.push(judge({ scenario: "10,000 rooms", ...manyRooms, target: () => dearer <= 0.3, note: `${dearer >= 0 ? "+" : ""}${dearer.toFixed(2)} µs; at most +0.3 µs` }));
  if (nats !== undefined) await besideNats();
} finally {
  await Promise.all([plain.stop(), checked.stop(), proxy.stop(), nats?.stop()]);
}
console.log([table("libzmq Proxy", rows), table("NATS over WebSocket", sockets), sizeTable(sizes)].join("\n\n"));
if (nats === undefined) console.log("There is no nats-server on the PATH: the WebSocket side was not compared (Debian: apt install nats-server).");
const zeromq = createRequire(import.meta.url)("zeromq/package.json").version;
if (!quick) writeReport(fileURLToPath(new URL("RESULTS.md", import.meta.url)), { rows, sockets, sizes }, { rounds, seconds, versions: `zeromq ${zeromq}${nats === undefined ? "" : `, ${nats.version}`}` });
