// What sealing costs the clients of Agent Network: the pieces alone, beside libsodium on the same bytes, and two whole
// clients at a broker, each a process of its own, with what they keep in memory and on disk.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { piecesOfSealing, sealedTalk } from "./processes.mjs";
import { medians, sealedTable } from "./report.mjs";

const perCore = 5_000;
const handshakeMs = 1;

const pieces = {
  name: "sealed: the pieces",
  needs: [],
  async measure({ quick, rounds }) {
    const runs = [];
    for (let round = 0; round < rounds; round += 1) {
      process.stderr.write(`sealing and opening, ${round + 1} of ${rounds}\n`);
      runs.push(await piecesOfSealing(quick ? 2_000 : 10_000));
    }
    const { sealed, opened, floorSealed, floorOpened, offererMs, answererMs, bytes } = medians(runs);
    const rate = (what, value, floor) => ({ what, value, floor, unit: "/s", target: perCore, met: value >= perCore });
    const cost = (what, value) => ({ what, value, unit: "ms", target: handshakeMs, met: value <= handshakeMs });
    return [
      rate(`sealed, as a frame of ${bytes} bytes`, sealed, floorSealed),
      rate("opened, out of such a frame", opened, floorOpened),
      cost("a handshake, who offers", offererMs),
      cost("a handshake, who answers", answererMs),
    ];
  },
};

const clients = (where) => ({
  name: `sealed: two clients, ${where}`,
  needs: ["network"],
  async measure({ peers: { network }, quick, rounds }) {
    const tokens = readFileSync(network.network.token, "utf8").split("\n");
    const isDurable = where === "on disk";
    const messages = (isDurable ? 2_000 : 10_000) / (quick ? 4 : 1);
    const runs = [];
    for (let round = 0; round < rounds; round += 1) {
      process.stderr.write(`two clients, ${where}, ${round + 1} of ${rounds}\n`);
      const home = isDurable ? mkdtempSync(join(tmpdir(), "synaptic-bench-sealed-")) : undefined;
      try {
        runs.push(await sealedTalk(network.ws, tokens, messages, home));
      } finally {
        if (home !== undefined) rmSync(home, { recursive: true, force: true });
      }
    }
    const { said, heard, perSecond } = medians(runs);
    const goal = isDurable ? {} : { target: perCore };
    const row = (what, value) => ({ what, value, unit: "/s", ...goal, ...(!isDurable && { met: value >= perCore }) });
    return [
      row(`${where}: said until its receipt is there, per core`, said),
      row(`${where}: heard, kept as processed, with its receipt, per core`, heard),
      { what: `${where}: from one to the other, one conversation`, value: perSecond, unit: "/s" },
    ];
  },
});

export const networkClient = {
  parts: [pieces, clients("in memory"), clients("on disk")],
  page: (rows) =>
    [
      "Clients of Agent Network, messages of 200 bytes, sealed. Per core: by the CPU of that side alone, all threads.",
      "",
      sealedTable(rows),
    ].join("\n"),
};
