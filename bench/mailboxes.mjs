// Mailboxes: messages that are synced before their sender is told, taken and settled in batches, beside the durable
// streams of others; and what 100,000 that wait cost at the start and in memory.
import { emptyBox, fillBox, openBox } from "./peers/mail-client.mjs";
import { startJetStream, startRedisStream } from "./peers/durable.mjs";
import { cpuSeconds, mailMemory, startBroker } from "./processes.mjs";
import { mailTable, median } from "./report.mjs";

const bytes = 250;
const boxes = 100;
/** A thousand questions a second, and so many messages in one box, are no agent's but a benchmark's. */
const most = { brokerRatePerSecond: 0, mailMax: 1_000_000, mailMaxBytes: 2 ** 30, mailClaimedMaxBytes: 2 ** 30 };
const flags = Object.entries(most).flatMap(([limit, value]) => ["--limit", `${limit}=${String(value)}`]);

const ours = async () => {
  const broker = await startBroker({ flags });
  const owner = await openBox(broker, "owner");
  return {
    ...broker,
    name: "synaptic-core (every message synced before its receipt)",
    fill: (messages) => fillBox(broker, "owner", messages, bytes),
    empty: (messages) => emptyBox(owner, messages),
    async stop() {
      owner.close();
      await broker.stop();
    },
  };
};
const servers = [
  ours,
  () => startJetStream("default"),
  () => startJetStream("always"),
  () => startRedisStream("everysec"),
  () => startRedisStream("always"),
];

/** Messages a second, and CPU of the server for each. */
async function timed(server, messages, work) {
  const [cpu, begun] = [cpuSeconds(server.pid), performance.now()];
  await work();
  const seconds = (performance.now() - begun) / 1_000;
  return { perSecond: messages / seconds, cpuMicros: ((cpuSeconds(server.pid) - cpu) * 1e6) / messages };
}

const durable = {
  name: "mailboxes: stored, taken and settled",
  needs: [],
  async measure({ quick, rounds }) {
    const messages = quick ? 20_000 : 100_000;
    const rows = [];
    for (const start of servers) {
      const all = [];
      for (let round = 0; round < rounds; round += 1) {
        const server = await start();
        if (server === undefined) break;
        try {
          process.stderr.write(`${messages} messages: ${server.name}, ${round + 1} of ${rounds}\n`);
          const stored = await timed(server, messages, () => server.fill(messages, bytes));
          const taken = await timed(server, messages, () => server.empty(messages));
          all.push({ name: server.name, version: server.version, stored, taken });
        } finally {
          await server.stop();
        }
      }
      if (all.length > 0) rows.push(middle(all));
    }
    return rows.map((row) => ({ kind: "rate", ...row, first: rows[0] }));
  },
};

function middle(all) {
  const of = (what, figure) => median(all.map((one) => one[what][figure]));
  const figures = (what) => ({ perSecond: of(what, "perSecond"), cpuMicros: of(what, "cpuMicros") });
  return { ...all[0], stored: figures("stored"), taken: figures("taken") };
}

const waiting = {
  name: "mailboxes: 100,000 that wait",
  needs: [],
  async measure({ quick }) {
    const each = quick ? 100 : 1_000;
    const broker = await startBroker({ flags });
    for (let box = 0; box < boxes; box += 1) {
      const name = `box-${box}`;
      (await openBox(broker, name, { max: each * 4 })).close();
      await fillBox(broker, name, each, bytes);
    }
    const again = await broker.restart();
    const fresh = await (await startBroker({ flags })).restart(); // where a broker has been, agents may be waiting
    const memory = await mailMemory(boxes, 1_000);
    const figure = (what, value, target) => ({ kind: "size", what, value, target, met: value <= target });
    const rows = [
      figure("restart to ready above an empty start, ms", again.readyMs - fresh.readyMs, 300),
      figure("heap and external memory of an inform that waits, bytes", memory.inform, 200),
      figure("heap and external memory of a request that waits, bytes", memory.request, 200),
      figure("heap and external memory of an empty box, bytes", memory.box, 1_024),
    ];
    await Promise.all([again.stop(), fresh.stop()]);
    return rows;
  },
};

export const mailboxes = { parts: [durable, waiting], page: (rows) => mailTable(rows) };
