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
  const met =
    typeof target === "function" ? target({ ours, theirs, ratio }) : target === undefined ? undefined : ratio >= target;
  return { scenario, ours, theirs, ratio, target: typeof target === "number" ? `≥ ${target} ×` : note, met };
}

/**
 * A row beside several: how many times their messages and their CPU per message we have, and whether we are ahead of
 * each in both. `theirs`: `{ name, figures }` of each.
 */
export function judgeEach({ scenario, ours, theirs }) {
  const beside = theirs.map(({ name, figures }) => ({
    name,
    figures,
    messages: ours.perSecond / figures.perSecond,
    cpu: ours.cpuMicros / figures.cpuMicros,
  }));
  return {
    scenario,
    ours,
    beside,
    met: beside.length === 0 ? undefined : beside.every(({ messages, cpu }) => messages > 1 && cpu < 1),
  };
}

const answer = (met) => (met === undefined ? "–" : met ? "yes" : "NO");
const thousands = (value) => Math.round(value / 1000).toLocaleString("en");
const cell = (figures) =>
  figures === undefined
    ? "–"
    : `${thousands(figures.perSecond)} k/s, ${figures.cpuMicros.toFixed(2)} µs, p50 ${figures.p50Micros === 0 ? "–" : Math.round(figures.p50Micros)}, p99 ${figures.p99Micros === 0 ? "–" : Math.round(figures.p99Micros)}${figures.lost > 0 ? `, ${figures.lost} LOST` : ""}`;

/** The table in Markdown, beside one peer. */
export function table(peer, rows) {
  return [
    `| scenario | synaptic-core | ${peer} | ratio | target | met |`,
    "|---|---|---|---|---|---|",
    ...rows.map(
      ({ scenario, ours, theirs, ratio, target, met }) =>
        `| ${scenario} | ${cell(ours)} | ${cell(theirs)} | ${ratio === undefined ? "–" : `${ratio.toFixed(2)} ×`} | ${target ?? "–"} | ${answer(met)} |`,
    ),
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
    ...rows.map(({ scenario, ours, beside, met }) =>
      line([
        scenario,
        cell(ours),
        ...beside.map(({ figures }) => cell(figures)),
        ...beside.map(({ messages, cpu }) => `${messages.toFixed(2)} ×, ${cpu.toFixed(2)} ×`),
        answer(met),
      ]),
    ),
  ].join("\n");
}

/** Figures that are no rates. */
export function sizeTable(sizes) {
  const figure = (value) => (value === undefined ? "–" : value.toFixed(value < 100 ? 1 : 0));
  return [
    "| what | synaptic-core | NATS over WebSocket | target | met |",
    "|---|---|---|---|---|",
    ...sizes.map(
      ({ what, ours, theirs, target, met }) =>
        `| ${what} | ${figure(ours)} | ${figure(theirs)} | ${target} | ${answer(met)} |`,
    ),
  ].join("\n");
}

/** What sealing costs, in Markdown; `floor`: libsodium alone on the same bytes. */
export function sealedTable(rows) {
  const figure = (value, unit) =>
    value === undefined
      ? "–"
      : unit === "ms"
        ? `${value.toFixed(2)} ms`
        : `${Math.round(value).toLocaleString("en")}/s`;
  const goal = ({ target, unit }) =>
    target === undefined ? "–" : `${unit === "ms" ? "≤" : "≥"} ${figure(target, unit)}`;
  return [
    "| what | synaptic-core | libsodium alone | target | met |",
    "|---|---|---|---|---|",
    ...rows.map(
      (row) =>
        `| ${row.what} | ${figure(row.value, row.unit)} | ${figure(row.floor, row.unit)} | ${goal(row)} | ${answer(row.met)} |`,
    ),
  ].join("\n");
}

/** What viewers cost, in Markdown. */
export function viewersTable(rows) {
  const figure = ({ value, unit }) =>
    `${value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0)} ${unit}`.trim();
  return [
    "| what | figure | target | met |",
    "|---|---|---|---|",
    ...rows.map((row) => `| ${row.what} | ${figure(row)} | ${row.target ?? "–"} | ${answer(row.met)} |`),
  ].join("\n");
}

/** Mailboxes beside the durable streams of others, in Markdown; then what has a bound. */
export function mailTable(rows) {
  const rate = ({ perSecond, cpuMicros }) => `${thousands(perSecond)} k/s, ${cpuMicros.toFixed(1)} µs`;
  const [rates, sizes] = ["rate", "size"].map((kind) => rows.filter((row) => row.kind === kind));
  const lines = [];
  if (rates.length > 0)
    lines.push(
      "Mailboxes, 250 bytes a message: stored (one publisher, which is told of each; 10,000 untold at most), then taken and settled a thousand at a time (one consumer). Each server's own safest setting is beside its default. CPU of the server's process.",
      "",
      "| server | stored | taken and settled |",
      "|---|---|---|",
      ...rates.map(({ name, stored, taken }) => `| ${name} | ${rate(stored)} | ${rate(taken)} |`),
      "",
    );
  if (sizes.length > 0)
    lines.push(
      "| 100,000 messages that wait in 100 mailboxes | figure | target | met |",
      "|---|---|---|---|",
      ...sizes.map(
        ({ what, value, target, met }) => `| ${what} | ${Math.round(value)} | ≤ ${target} | ${answer(met)} |`,
      ),
    );
  return lines.join("\n").trimEnd();
}

/** Writes the page: the tables and what else `pages` has, under what they were measured on. */
export function writeReport(path, pages, { rounds, seconds, versions }) {
  const [cpu] = cpus();
  writeFileSync(
    path,
    `# Results

Side by side in one run, \`npm run bench\` (it and the sources named here are in the repository, not in the package): ${rounds} interleaved rounds of ${seconds} s each, medians. Messages per second, µs of CPU per message in the broker's process, latency in µs at full load
(window of 1,000 messages). Payloads of 270 bytes, JSON as in ZeroMQ §1.2; one publisher; clients on the same machine.

Machine: ${cpu?.model ?? "unknown"}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux, loopback. Node ${process.versions.node}, ${versions}. ${new Date().toISOString().slice(0, 10)}.

${pages.join("\n\n")}

- *from checked*: a name has an owner, so each message's \`from\` is found and asked for; otherwise messages between claimed agents pass as bytes.
- *Local agents*: NATS over its TCP protocol, Redis publish and subscribe over RESP3 (each PUBLISH is answered, the answers are read and dropped), Mosquitto over MQTT 3.1.1 with QoS 0; none of them keeps anything. *CPU* is ours divided by theirs: less than 1 is ahead.
- *libzmq clients*: the zeromq package on both ends; the clients are what is slow, so the brokers are close.
- *10 → 10,000 topics*: the difference in CPU per message when the same publisher goes round that many subscribed topics.
- *fan-out*: a PAN room of 1,000 sessions against a NATS subject of 1,000 subscribers; so many messages under way that the next is said only when all have heard one. *one to one*: two WebSocket clients, rates off, \`intent: "inform"\`; each message is parsed,
  checked, routed, rendered and framed here, forwarded as bytes there. *round trips*: a message goes to the other client and back.
- What 10,000 topics cost is memory: text, route and target lists of a topic that is not in the processor's caches. With strings and a Map they took 30 % of the busy time instead of 6 % (\`node --cpu-prof\`), +0.6 to +0.9 µs. What was tried: a Map of topic strings per
  chunk; a fixed table of strings (0.2 µs off); \`src/zeromq/wire/route-cache.ts\`, which finds the route by the topic's bytes in sets of four, with one target list shared by all topics of a subscriber (0.4 µs off). The difference swings by ± 0.1 µs between runs.
- *Agent Network*: reading a sealed frame of 0.5 KB took 1.7 µs of 4.7, its ACK 0.9. Frames that come in one turn of the loop are compared with the first of them instead (\`bridges/agent-network/session-codec.ts\`): 0.3 µs, and the ACK is four texts one behind the other. A part of a text compared
  by \`===\` takes 0.02 µs, by \`startsWith\` 0.05, letter by letter 0.16. It is kept for the turn and no longer, which costs 0.15 µs: nothing of what agents say to each other may stay.
- *Logins*: by the clock no turn is shorter than what the machine and V8 do meanwhile. A bare Node that does nothing is late by 3.5 to 4.2 ms once in ten seconds here (its thread has to wait for a processor), a broker without logins by 8 to 10 ms (one collection of garbage of 4 to 9.5 ms
  some seconds after the start), one at which agents log in by 5 to 7 ms (collections of 3.5 to 6 ms). What verifying a JWT adds is told by the CPU of the loop's thread: 0.7 ms in the median, the first included, since the broker rehearses it at its start (2.7 to 2.9 ms without).
- What the profile says of PAN one to one (\`perf\`, 5.2 µs in a quiet hour): writing 9 %, reading the frame 10 %, the text of the frame 11 %, the rest is spread thin (\`ws\` receive, envelope, routing). Tried: ids from a counter instead of a UUID each, events and drafts built field
  by field instead of by conditional spreads, the chat frame written by hand (encoding was 17 % before), rendered frames in a list instead of a Map, the pair of a conversation found without a key, \`bridges/pan/plain-chat.ts\`, which reads a plain chat without parsing it (7.4 → 6.2 µs in one
  noisy hour; what it does not take goes to JSON.parse and the schema, and a fuzz holds the two together), and last frames of one byte a character that are not measured before they are written, addressees that are not looked up twice (6.4 → 6.1 µs). \`ws\` makes four views of memory for each message it reads.
- What the profile says of fan-out with one message under way: 70 % is the kernel's send, one for each socket, which NATS pays, too, on both processors at once. It was 46 % of 12.3 to 16 µs. What was tried, with what came of it (CPU for a message, NATS beside it 11 to 12.5 µs): no queue of Node's streams behind our own (\`src/websocket/edge/direct-write.ts\`),
  objects that are not made by a spread (each had a shape of its own: a tenth of the time went to looking their fields up), a set of backlogs that nobody enters and leaves with each message: 8.2 to 9.2 µs. With four under way one write carries up to four messages (3.7 to 3.9 counted); joined once for all
  sockets that hear the same (\`src/core/flusher.ts\`) they cost 3.2 instead of 3.8 µs at best, NATS 5.2 to 5.9. The driver needs a processor of its own for the rest: with more of them the gap to NATS, which has threads, is another one.
- What an idle session holds: 9.5 KB of objects (11.8 before; heap snapshots of 100 and 2,000 sessions compared), half of them Node's socket and \`ws\`, and 3 to 4 KB which V8 has taken for new objects while 10,000 logged in. Tried: sets, maps and calls made when they are first needed, one table of functions for all
  sessions instead of twelve for each, no request's headers kept (17.2 → 13.4 KB); \`node --max-semi-space-size=8\` takes another 1.3 KB off and costs nothing in messages, 4 takes 2.
- What a start takes: Node itself 110 ms of processor time, ours 240; 570 before the commands were bundled (ADR 0012).
- Machines with neighbours are noisy: compare ratios and CPU, not absolute figures.
`,
  );
}
