import type { Broker } from "../broker.js";
import { isLocalDoor, isLocalUrl } from "../config.js";

/** What a person sees when the broker is ready: each door, who can reach it, where the token lies, what to type next. At most ten lines. */
export function readyLines(broker: Broker): readonly string[] {
  const { zmqIn, zmqOut, ws, own = {} } = broker.endpoints;
  const owned = Object.entries(own);
  const open = [...zmqIn, ...zmqOut].some((url) => !isLocalUrl(url)) || [...ws, ...Object.values(own)].some((url) => !isLocalDoor(url.replace(/^wss?:\/\//, "")));
  return [
    `Synaptic Core is ready (pid ${process.pid}), ${open ? "REACHABLE FROM OTHER MACHINES, without encryption of its own" : "reachable from this machine only"}.`,
    `  ZeroMQ, agents publish to    ${zmqIn.join("  ") || "-"}`,
    `  ZeroMQ, agents subscribe at  ${zmqOut.join("  ") || "-"}`,
    `  WebSocket, PAN               ${ws.map((url) => `${url}/pan`).join("  ") || "-"}`,
    ...(owned.length > 0 ? [`  WebSocket, one dialect each  ${owned.map(([name, url]) => `${name} ${url}`).join("  ")}`] : []),
    `  PAN token                    in ${broker.dataDir}/pan-token`,
    "Next, in another terminal:",
    "  python3 examples/plain_agent.py claude              an agent with two plain sockets",
    '  npx broker send claude "are you there?" --wait      ask it something',
    "  npx broker status                                   what was routed, what was lost and why",
  ];
}
