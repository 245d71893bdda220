// The WebSocket side: a PAN session here, a NATS subscription there.
import { compare } from "./compare.mjs";
import { drive } from "./processes.mjs";
import { judge, table } from "./report.mjs";

/**
 * `options`: how the driver loads both; `target`: a ratio of messages, or a function of what `judge` gives it, told by
 * `note`.
 */
function besideNats(scenario, options, target, note) {
  return {
    name: `websocket: ${scenario}`,
    needs: ["plain", "nats"],
    async measure({ peers: { plain, nats }, rounds, seconds }) {
      const measure = (peer) => drive(peer, { proto: peer === nats ? "nats" : "pan", seconds, ...options });
      return [judge({ scenario, ...(await compare(scenario, plain, nats, measure, rounds)), target, note })];
    },
  };
}

const fan = (count, target) =>
  besideNats(
    `fan-out to 1,000, ${count} under way`,
    { mode: "fan", count, subscribers: 1_000, prefix: `fan${count}` },
    target,
  );
const noSlower = ({ ours, theirs }) => ours.p50Micros <= theirs.p50Micros;

export const websocket = {
  parts: [
    fan(1, 1.2),
    fan(4, 1.8),
    besideNats("one to one", { prefix: "pan" }, 0.3),
    besideNats(
      "round trips, 1,000 a second",
      { mode: "trip", count: 1_000, subscribers: 2, prefix: "trip" },
      noSlower,
      "p50 no worse",
    ),
  ],
  page: (rows) => table("NATS over WebSocket", rows),
};
