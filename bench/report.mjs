// The arithmetic and the page.
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** The middle value; of an even count the mean of the two middle ones. */
export function median(values) {
  if (values.length === 0) throw new Error("no values");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of each figure over several rounds. */
export function medians(rounds) {
  return Object.fromEntries(Object.keys(rounds[0]).map((key) => [key, median(rounds.map((round) => round[key]))]));
}

/** A row: what was measured against what, and whether the target holds. */
export function judge({ scenario, ours, theirs, target, note }) {
  const ratio = theirs === undefined ? undefined : ours.perSecond / theirs.perSecond;
  const met = typeof target === "function" ? target({ ours, theirs, ratio }) : target === undefined ? undefined : ratio >= target;
  return { scenario, ours, theirs, ratio, target: typeof target === "number" ? `≥ ${target} ×` : note, met };
}

/** A row beside several: how many times their messages and their CPU per message we have, and whether we are ahead of each in both. `theirs`: `{ name, figures }` of each. */
export function judgeEach({ scenario, ours, theirs }) {
  const beside = theirs.map(({ name, figures }) => ({ name, figures, messages: ours.perSecond / figures.perSecond, cpu: ours.cpuMicros / figures.cpuMicros }));
  return { scenario, ours, beside, met: beside.length === 0 ? undefined : beside.every(({ messages, cpu }) => messages > 1 && cpu < 1) };
}

const answer = (met) => (met === undefined ? "–" : met ? "yes" : "NO");
const thousands = (value) => Math.round(value / 1000).toLocaleString("en");
const cell = (figures) => (figures === undefined ? "–" : `${thousands(figures.perSecond)} k/s, ${figures.cpuMicros.toFixed(2)} µs, p50 ${figures.p50Micros === 0 ? "–" : Math.round(figures.p50Micros)}, p99 ${figures.p99Micros === 0 ? "–" : Math.round(figures.p99Micros)}${figures.lost > 0 ? `, ${figures.lost} LOST` : ""}`);

/** The table in Markdown, beside one peer. */
export function table(peer, rows) {
  return [
    `| scenario | synaptic-core | ${peer} | ratio | target | met |`,
    "|---|---|---|---|---|---|",
    ...rows.map(({ scenario, ours, theirs, ratio, target, met }) => `| ${scenario} | ${cell(ours)} | ${cell(theirs)} | ${ratio === undefined ? "–" : `${ratio.toFixed(2)} ×`} | ${target ?? "–"} | ${answer(met)} |`),
  ].join("\n");
}

/** Local agents, in Markdown: the figures of each, then ours in terms of theirs. */
export function localTable(rows) {
  const names = rows[0].beside.map(({ name }) => name);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    "Local agents: ours over ZeroMQ, theirs over TCP. Aim: ahead of each in messages and in CPU per message.",
    "",
    line(["scenario", "synaptic-core", ...names, ...names.map((name) => `beside ${name}: messages, CPU`), "met"]),
    `|${"---|".repeat(3 + 2 * names.length)}`,
    ...rows.map(({ scenario, ours, beside, met }) => line([scenario, cell(ours), ...beside.map(({ figures }) => cell(figures)), ...beside.map(({ messages, cpu }) => `${messages.toFixed(2)} ×, ${cpu.toFixed(2)} ×`), answer(met)])),
  ].join("\n");
}

/** Figures that are no rates. */
export function sizeTable(sizes) {
  const figure = (value) => (value === undefined ? "–" : value.toFixed(value < 100 ? 1 : 0));
  return ["| what | synaptic-core | NATS over WebSocket | target | met |", "|---|---|---|---|---|", ...sizes.map(({ what, ours, theirs, target, met }) => `| ${what} | ${figure(ours)} | ${figure(theirs)} | ${target} | ${answer(met)} |`)].join("\n");
}

/** Writes the page: the tables and what else `pages` has, under what they were measured on. */
export function writeReport(path, pages, { rounds, seconds, versions }) {
  const [cpu] = cpus();
  writeFileSync(path, `# Results

Side by side in one run, \`npm run bench\`: ${rounds} interleaved rounds of ${seconds} s each, medians. Messages per second, µs of CPU per message in the broker's process, latency in µs at full load
(window of 1,000 messages). Payloads of 270 bytes, seed 004 JSON; one publisher; clients on the same machine.

Machine: ${cpu?.model ?? "unknown"}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux, loopback. Node ${process.versions.node}, ${versions}. ${new Date().toISOString().slice(0, 10)}.

${pages.join("\n\n")}

- *from checked*: a name has an owner, so each message's \`from\` is found and asked for; otherwise messages between claimed agents pass as bytes.
- *Local agents*: NATS over its TCP protocol, Redis publish and subscribe over RESP3 (each PUBLISH is answered, the answers are read and dropped), Mosquitto over MQTT 3.1.1 with QoS 0; none of them keeps anything. *CPU* is ours divided by theirs: less than 1 is ahead.
- *libzmq clients*: the zeromq package on both ends; the clients are what is slow, so the brokers are close.
- *10 → 10,000 topics*: the difference in CPU per message when the same publisher goes round that many subscribed topics.
- *fan-out*: a PAN room of 1,000 sessions against a NATS subject of 1,000 subscribers; so many messages under way that the next is said only when all have heard one. *one to one*: two WebSocket clients, rates off, \`intent: "inform"\`; each message is parsed,
  checked, routed, rendered and framed here, forwarded as bytes there. *round trips*: a message goes to the other client and back.
- What 10,000 topics cost is memory: text, route and target lists of a topic that is not in the processor's caches. With strings and a Map they took 30 % of the busy time instead of 6 % (\`node --cpu-prof\`), +0.6 to +0.9 µs. What was tried: a Map of topic strings per
  chunk; a fixed table of strings (0.2 µs off); \`src/zmtp/route-cache.ts\`, which finds the route by the topic's bytes in sets of four, with one target list shared by all topics of a subscriber (0.4 µs off). The difference swings by ± 0.1 µs between runs.
- What the profile says of PAN one to one: the socket write takes 8 %, reading the frame 10 %, encoding 8 %, the rest is spread thin (\`ws\` receive, envelope, routing). Tried: ids from a counter instead of a UUID each, events and drafts built field by field
  instead of by conditional spreads, the chat frame written by hand (encoding was 17 % before), rendered frames in a list instead of a Map, the pair of a conversation found without a key, and last \`bridges/pan/plain-chat.ts\`, which reads a plain chat without parsing it
  (7.4 → 6.2 µs in one noisy hour; what it does not take goes to JSON.parse and the schema, and a fuzz holds the two together).
- What the profile says of fan-out with one message under way: 52 % is the kernel's send, one for each socket, which NATS pays, too; with four under way one write carries up to four messages.
- Machines with neighbours are noisy: compare ratios and CPU, not absolute figures.
`);
}
