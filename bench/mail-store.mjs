// How fast mailboxes are written to the disk: messages of 250 bytes, each with its row, its body, both indices and, per
// group, the row of its box; every one synced before it counts. Then: what is read again after a restart, and how fast.
// node bench/mail-store.mjs [--seconds 3] [--boxes 100] [--json]
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MailStoreLmdb } from "../dist/src/mailbox/index.js";

const { values: told } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    boxes: { type: "string", default: "100" },
    waiting: { type: "string", default: "100000" },
    "at-once": { type: "string", default: "1,10,100,1000,4000" },
    folder: { type: "string", default: tmpdir() },
    json: { type: "boolean", default: false },
  },
});
const [seconds, boxCount, waiting] = [told.seconds, told.boxes, told.waiting].map(Number);
const home = mkdtempSync(join(told.folder, "synaptic-bench-mail-"));
const options = { path: join(home, "mail"), failed: console.error };

const body = randomBytes(250);
const none = { stored: 0, waiting: 0, leased: 0, done: 0, answered: 0, refused: 0, expired: 0, dead: 0 };

const boxes = Array.from({ length: boxCount }, (_, at) => ({
  id: at + 1,
  name: `agent-${at + 1}`,
  mode: "push",
  trust: "proved",
  proof: `token:agent-${at + 1}`,
  rooms: false,
  keepMs: 604_800_000,
  max: 1_000_000,
  maxBytes: 2 ** 40,
  openedAt: Date.now(),
  nextSeq: 1,
  counts: { ...none, bytes: 0, deadBytes: 0 },
}));

let sent = 0;

/** A message into a box, and the box with its counts. */
function changes() {
  const box = boxes[sent % boxCount];
  const now = Date.now();
  sent += 1;
  const row = {
    box: box.id,
    seq: box.nextSeq,
    secret: randomSecret(),
    sender: "token:ada",
    from: "ada",
    messageId: `${sent.toString(16).padStart(8, "0")}-4b1c-4e3e-9a53-c5d0b7f4a111`,
    type: "request",
    priority: 1,
    trust: "proved",
    storedAt: now,
    until: now + 604_800_000,
    bytes: 450,
    digest: "2jmj7l5rSw0yVb_vlWAYkK_YBwk2jmj7l5rSw0yVb_v",
    receipt: 1,
    state: "waiting",
    attempts: 0,
  };
  box.nextSeq += 1;
  const { counts } = box;
  box.counts = { ...counts, stored: counts.stored + 1, waiting: counts.waiting + 1, bytes: counts.bytes + row.bytes };
  return [{ put: row, body }, { box }];
}

// Not from the system for each: that is not what is measured.
const secret = randomBytes(12).toString("hex");
const randomSecret = () => secret + (sent >>> 0).toString(16).padStart(8, "0");

/** Sends at most so many that are not kept yet, until the time is over. */
async function flood(store, atOnce, ms) {
  const from = { sent, syncs: store.syncs, cpu: process.cpuUsage(), at: performance.now() };
  const main = mainCpuMs();
  let [open, kept, committedMs, keptMs] = [0, 0, 0, 0];
  const end = from.at + ms;
  await new Promise((resolve, reject) => {
    const more = () => {
      while (open < atOnce && performance.now() < end) {
        open += 1;
        const at = performance.now();
        const { committed, kept: safe } = store.write(changes());
        committed.then(
          () => (committedMs += performance.now() - at),
          () => undefined,
        );
        safe.then(() => {
          open -= 1;
          kept += 1;
          keptMs += performance.now() - at;
          if (performance.now() < end) return queue();
          if (open === 0) resolve();
        }, reject);
      }
    };
    let isQueued = false;
    const queue = () => {
      if (isQueued) return;
      isQueued = true;
      setImmediate(() => {
        isQueued = false;
        more();
      });
    };
    more();
  });
  const took = performance.now() - from.at;
  const cpu = process.cpuUsage(from.cpu);
  return {
    "at once": atOnce,
    "msg/s": Math.round((kept / took) * 1000),
    "main µs/msg": round(((mainCpuMs() - main) * 1000) / kept),
    "cpu µs/msg": round((cpu.user + cpu.system) / kept),
    "committed ms": round(committedMs / kept),
    "kept ms": round(keptMs / kept),
    "msg/sync": round(kept / (store.syncs - from.syncs)),
  };
}

/** What the thread of the broker has worked, and no other (Linux). */
const mainCpuMs = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;

const round = (value) => Math.round(value * 100) / 100;

async function main() {
  const store = new MailStoreLmdb(options);
  store.open();
  await store.write(boxes.map((box) => ({ box }))).kept;
  const floods = [];
  for (const atOnce of told["at-once"].split(",").map(Number)) floods.push(await flood(store, atOnce, seconds * 1000));
  const diskMiB = round(store.diskBytes / 2 ** 20);
  const stored = sent;
  await store.close();

  rmSync(options.path, { recursive: true });
  for (const box of boxes) Object.assign(box, { nextSeq: 1, counts: { ...none, bytes: 0, deadBytes: 0 } });
  const full = new MailStoreLmdb(options);
  full.open();
  for (let at = 0; at < waiting; at += 1_000) {
    const writes = Array.from({ length: Math.min(1_000, waiting - at) }, changes);
    await full.write(writes.flat()).kept;
  }
  const fullMiB = round(full.diskBytes / 2 ** 20);
  await full.close();
  const again = new MailStoreLmdb(options);
  const start = performance.now();
  again.open();
  const openMs = round(performance.now() - start);
  const known = [...again.boxes()].reduce((sum, box) => sum + box.counts.waiting, 0);
  const boxesMs = round(performance.now() - start);
  const reading = performance.now();
  let rows = 0;
  for (const box of boxes) for (const row of again.rows(box.id, 0)) rows += row.seq > 0 ? 1 : 0;
  const rowUs = round(((performance.now() - reading) * 1000) / rows);
  await again.close();
  const report = { floods, stored, diskMiB, restart: { waiting: known, fullMiB, openMs, boxesMs, rowUs } };
  if (told.json) console.log(JSON.stringify(report));
  else {
    console.table(floods);
    console.log(`${stored} messages: ${diskMiB} MiB`);
    console.log(
      `restart with ${known} waiting, ${fullMiB} MiB: open ${openMs} ms, boxes known ${boxesMs} ms; a row ${rowUs} µs`,
    );
  }
}

await main().finally(() => rmSync(home, { recursive: true, force: true }));
