// Beside libzmq's proxy, ZeroMQ on both sides; and what many topics cost us.
import { compare } from "./compare.mjs";
import { drive, driveLibzmq } from "./processes.mjs";
import { judge, table } from "./report.mjs";

const atMostMicros = 0.3;
const nine = { count: 9, subscribers: 9 };

/** `who` of ours beside the proxy, by the driver. */
function besideProxy(scenario, who, options, target) {
  return {
    name: `libzmq: ${scenario}`,
    needs: [who, "proxy"],
    measure: async ({ peers, rounds, seconds }) => [
      judge({
        scenario,
        ...(await compare(scenario, peers[who], peers.proxy, (peer) => drive(peer, { seconds, ...options }), rounds)),
        target,
      }),
    ],
  };
}

/** How much dearer a message is when there are 10,000 of `things` instead of 10. */
function manyOf(things, prefixes) {
  return {
    name: `libzmq: 10,000 ${things}`,
    needs: ["plain"],
    async measure({ peers, rounds, seconds }) {
      const go = (count, prefix) =>
        compare(
          `${count} ${things}`,
          peers.plain,
          undefined,
          (peer) => drive(peer, { seconds, count, subscribers: 10, prefix }),
          rounds,
        );
      const few = await go(10, prefixes[0]);
      const many = await go(10_000, prefixes[1]);
      const more = many.ours.cpuMicros - few.ours.cpuMicros;
      const note = `${more >= 0 ? "+" : ""}${more.toFixed(2)} µs; at most +${atMostMicros} µs`;
      return [
        judge({ scenario: `10 ${things}`, ...few }),
        judge({ scenario: `10,000 ${things}`, ...many, target: () => more <= atMostMicros, note }),
      ];
    },
  };
}

const clients = {
  name: "libzmq: clients",
  needs: ["plain", "proxy"],
  measure: async ({ peers, rounds, seconds }) => [
    judge({
      scenario: "libzmq clients on both ends",
      ...(await compare("libzmq clients", peers.plain, peers.proxy, (peer) => driveLibzmq(peer, { seconds }), rounds)),
      target: 0.95,
    }),
  ],
};

export const libzmq = {
  parts: [
    besideProxy("bytes, 1:1", "plain", {}, 2),
    besideProxy("bytes, nine interleaved topics", "plain", nine, 1.1),
    besideProxy("from checked, 1:1", "checked", {}, 1.2),
    besideProxy("from checked, nine topics", "checked", nine, 0.75),
    clients,
    manyOf("topics", ["bench", "bench"]),
    manyOf("rooms", ["#few", "#many"]),
  ],
  page: (rows) => table("libzmq Proxy", rows),
};
