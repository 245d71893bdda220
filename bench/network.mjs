// Agent Network beside PAN, both of ours: a sealed frame, whose content nobody reads, and a chat of the same size.
import { join } from "node:path";
import { compare } from "./compare.mjs";
import { ownDirectory } from "./endings.mjs";
import { networkTokens } from "./peers/network-tokens.mjs";
import { drive, startBroker } from "./processes.mjs";
import { judge, table } from "./report.mjs";

/** A broker that takes the tokens of `count` network agents, `net0` and so on. */
export async function startNetwork(count) {
  const home = ownDirectory();
  const { config, file } = await networkTokens(join(home, "issuer"), "net", count);
  const limits = ["--limit", "networkRatePerSecond=0"];
  const broker = await startBroker({ home, flags: ["--config", config, ...limits] });
  return { ...broker, pan: broker, network: { ...broker, token: file } };
}

const frames = (size) => ({
  name: `agent network: ${size} bytes`,
  needs: ["network"],
  async measure({ peers: { network }, rounds, seconds }) {
    const measure = (peer) =>
      peer === network.network
        ? drive(peer, { proto: "network", prefix: "net", seconds, size })
        : drive(peer, { proto: "pan", prefix: `pan${size}`, seconds, size });
    const scenario = `one to one, ${size} bytes`;
    const figures = await compare(scenario, network.network, network.pan, measure, rounds);
    const target = ({ ours, theirs }) => ours.cpuMicros <= theirs.cpuMicros;
    return [judge({ scenario, ...figures, target, note: "CPU no more" })];
  },
});

export const network = {
  parts: [512, 4_096, 32_768].map(frames),
  page: (rows) =>
    ["Agent Network: a sealed frame and its ACK (synaptic-core), beside a chat of PAN's.", "", table("PAN", rows)].join(
      "\n",
    ),
};
