// How much memory mailboxes take: prints bytes for an empty box and for a message that waits, as JSON.
//   node --expose-gc mail-memory.mjs DATA_DIR BOXES MESSAGES_EACH
import { Broker } from "../../dist/src/index.js";

const [dataDir, boxes, each] = process.argv.slice(2).map((word, at) => (at === 0 ? word : Number(word)));
const broker = new Broker({ dataDir, zmqIn: [], zmqOut: [], ws: [], limits: { brokerRatePerSecond: 0 } });
await broker.start();
const sender = broker.agent("sender");

/** Bytes of the heap and of buffers outside, once nothing is left to be collected. */
async function held() {
  for (let time = 0; time < 5; time += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function open(name) {
  const owner = broker.agent(name);
  await owner.request("$broker", { message: "", kind: "mailbox.open", data: { max: each * 4 } });
  await owner.close();
}

await open("warm");
await sender.inform("warm", "one");
const none = await held();
for (let box = 0; box < boxes; box += 1) await open(`box-${box}`);
const empty = await held();
const text = "x".repeat(60);
for (let box = 0; box < boxes; box += 1) {
  for (let said = 0; said < each; said += 1) await sender.inform(`box-${box}`, text);
  await new Promise((resolve) => setImmediate(resolve));
}
await open("last"); // which is on the disk when it answers, and all before it
const full = await held();
await broker.stop();
console.log(JSON.stringify({ box: (empty - none) / boxes, message: (full - empty) / (boxes * each) }));
