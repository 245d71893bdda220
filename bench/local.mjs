// Local agents: ours over ZeroMQ, theirs over TCP, the same load.
import { inTurn } from "./compare.mjs";
import { drive } from "./processes.mjs";
import { judgeEach, localTable } from "./report.mjs";

const beside = ["nats", "redis", "mosquitto"];

/**
 * Ours as bytes, ours with `from` checked, and each of them that is here: all in turn, so that both rows of ours stand
 * beside the same figures.
 */
function load(shape, bytes, checked, options) {
  return {
    name: `local: ${shape}`,
    needs: ["plain", "checked"],
    beside,
    async measure({ peers, rounds, seconds }) {
      const there = beside.map((name) => peers[name]).filter((peer) => peer !== undefined);
      const measure = (peer) => drive(peer, { proto: peer.proto, seconds, ...options });
      const [a, b, ...figures] = await inTurn(
        `local agents, ${shape}`,
        [peers.plain, peers.checked, ...there],
        measure,
        rounds,
      );
      const theirs = there.map(({ name }, at) => ({ name, figures: figures[at] }));
      return [judgeEach({ scenario: bytes, ours: a, theirs }), judgeEach({ scenario: checked, ours: b, theirs })];
    },
  };
}

export const local = {
  parts: [
    load("1:1", "bytes, 1:1", "from checked, 1:1", {}),
    load("nine topics", "bytes, nine interleaved topics", "from checked, nine topics", { count: 9, subscribers: 9 }),
  ],
  page: (rows) => localTable(rows),
};
