// What it costs to be looked at: positions for many viewers, in each form; the byte path of ZeroMQ with a viewer and
// without; what a viewer takes in memory.
import { inTurn } from "./compare.mjs";
import { drive, ofOwnProcess, startBroker, startViewer } from "./processes.mjs";
import { median, viewersTable } from "./report.mjs";

const agents = 1_000;
const viewers = 100;
/** Everything is moving all the time: the layout, encoding and routing together. */
const cpuMax = 25;
const heldMax = 64;

const streams = {
  name: "viewers: positions, and what a viewer holds",
  needs: [],
  async measure({ quick, rounds }) {
    const seconds = quick ? 3 : 10;
    const runs = [];
    for (let round = 0; round < rounds; round += 1) {
      process.stderr.write(`${viewers} viewers of ${agents} agents, ${round + 1} of ${rounds}\n`);
      runs.push(await ofOwnProcess("viewed-loop", [agents, viewers, seconds]));
    }
    const of = (pick) => median(runs.map(pick));
    const added = (form) => of((run) => run[form].cpu - run.none.cpu);
    const percent = (what, value) => ({ what, value, unit: "%" });
    const share = (what, form, more = {}) => ({ ...percent(`${what}, share of a core`, added(form)), ...more });
    const [{ forms }] = runs;
    return [
      share(`positions of ${agents} agents at 30 Hz to ${viewers} viewers, binary`, "binary", {
        target: `≤ ${cpuMax} %`,
        met: added("binary") <= cpuMax,
      }),
      share("the same, deflate 6", "packed"),
      share("the same, as JSON", "json"),
      share("all streams, binary", "all"),
      share("positions, ten of the viewers read nothing", "stuck"),
      { what: "messages a second and viewer, binary", value: of((run) => run.binary.frames), unit: "/s" },
      {
        what: "thousands of bytes a second and viewer, binary",
        value: of((run) => run.binary.bytes) / 1_000,
        unit: "",
      },
      { what: "longest turn with all streams", value: of((run) => run.all.longest), unit: "ms" },
      { what: "the same without viewers", value: of((run) => run.none.longest), unit: "ms" },
      { what: "a position as JSON, bytes", value: forms.json, unit: "" },
      { what: "a position in binary, bytes", value: forms.binary, unit: "" },
      percent("binary is smaller by (the document: 85 %)", forms.smaller),
      ...forms.packed.flatMap(({ name, json, binary }) => [
        percent(`${name} saves of binary (the document: 30–50 %)`, binary),
        percent(`${name} saves of JSON`, json),
      ]),
      {
        what: "what a viewer with four channels holds",
        value: of((run) => run.held) / 1_000,
        unit: "KB",
        target: `≤ ${heldMax} KB`,
        met: of((run) => run.held) <= heldMax * 1_000,
      },
    ];
  },
};

/** Each at a broker of its own: counting goes on for a minute after the last has looked. */
const looks = [
  { name: "nobody looks" },
  {
    name: "a viewer of agents",
    options: { streams: ["agent.state.changed", "agent.performance.update", "agent.positions"] },
    target: 0.7,
  },
  { name: "a viewer of the graph", options: { path: "/api/graph/ws" }, target: 0.4 },
];

/** ZeroMQ's byte path beside itself, with a viewer and without. */
function bytePath(scenario, load) {
  return {
    name: `viewers: byte path, ${scenario}`,
    needs: [],
    async measure({ quick, rounds, seconds }) {
      const started = [];
      try {
        for (const { options } of looks) {
          const broker = await startBroker();
          started.push(broker);
          if (options !== undefined) started.push(await startViewer(broker, options));
        }
        const brokers = started.filter(({ in: door }) => door !== undefined);
        const go = (broker) => drive(broker, { seconds, ...load });
        const figures = await inTurn(`byte path, ${scenario}`, brokers, go, rounds * (quick ? 1 : 3));
        return looks.map(({ name, target }, at) => {
          const { perSecond, cpuMicros } = figures[at];
          const ratio = figures[0].cpuMicros / cpuMicros;
          const goal = target === undefined ? {} : { target: `≥ ${target} ×`, met: ratio >= target };
          const rate = `${Math.round(perSecond / 1_000)} k/s, ${cpuMicros.toFixed(2)} µs`;
          return { what: `ZeroMQ ${scenario}, ${name}: ${rate}`, value: ratio, unit: "×", ...goal };
        });
      } finally {
        await Promise.all(started.map((each) => each.stop()));
      }
    },
  };
}

export const beingLookedAt = {
  parts: [streams, bytePath("1:1", {}), bytePath("nine topics", { count: 9, subscribers: 9 })],
  page: (rows) =>
    [
      `Viewers: ${agents} agents of whom each talks to three others, a thousand messages a second; the broker and its agents are one process, whose CPU without viewers is taken off.`,
      "Byte path: CPU per message without a viewer, divided by that with one.",
      "",
      viewersTable(rows),
    ].join("\n"),
};
