// npm run bench [-- --quick]: our broker beside libzmq's proxy in one run, to stdout and bench/RESULTS.md.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { compileDriver, drive, driveLibzmq, startBroker, startProxy } from "./processes.mjs";
import { judge, medians, table, writeReport } from "./report.mjs";

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
const [plain, checked, proxy] = [await startBroker(), await startBroker({ token: true }), await startProxy()];
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
  const pan = await compare("PAN to PAN", plain, undefined, (peer) => drive(peer, { proto: "pan", seconds, prefix: "pan" }));
  const wanted = (150_000 * bytes.theirs.perSecond) / 800_000;
  rows.push(judge({ scenario: "PAN → PAN", ...pan, target: () => pan.ours.perSecond >= wanted, note: `≥ ${Math.round(wanted / 1000)} k/s here` }));
} finally {
  await Promise.all([plain.stop(), checked.stop(), proxy.stop()]);
}
console.log(table(rows));
const zeromq = createRequire(import.meta.url)("zeromq/package.json").version;
if (!quick) writeReport(fileURLToPath(new URL("RESULTS.md", import.meta.url)), rows, { rounds, seconds, versions: `zeromq ${zeromq}` });
