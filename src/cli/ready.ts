import { existsSync } from "node:fs";
import { basename, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Broker } from "../broker.js";
import { resolveDataDirectory } from "../storage/index.js";
import { isLocalDoor, isLocalUrl } from "../config/index.js";

/** What the doors alone do not tell of how others reach them. */
export interface Reach {
  readonly behindProxy: boolean;
  /** The hosts that the certificate names; none without TLS. */
  readonly hosts: readonly string[];
}

/**
 * The text for a person when the broker is ready: each door, who can reach it, where the token lies, what to type next.
 * At most eleven lines.
 */
export function readyLines(
  broker: Pick<Broker, "dataDir" | "dialects" | "endpoints">,
  { behindProxy, hosts }: Reach,
): readonly string[] {
  const { zmqIn, zmqOut, ws, own = {} } = broker.endpoints;
  const { dialects } = broker;
  const owned = Object.entries(own);
  const openWs = [...ws, ...Object.values(own)].filter((url) => !isLocalDoor(url.replace(/^wss?:\/\//, "")));
  const isClear =
    [...zmqIn, ...zmqOut].some((url) => !isLocalUrl(url)) || openWs.some((url) => !url.startsWith("wss:"));
  const reach = isClear
    ? "REACHABLE FROM OTHER MACHINES, without encryption of its own"
    : openWs.length > 0
      ? "reachable from other machines by TLS"
      : `reachable from this machine${behindProxy ? ", and from others through the proxy" : " only"}`;
  const isEverywhere = openWs.some((url) => /^wss:\/\/(0\.0\.0\.0|\[::\]):/.test(url));
  // What to type next has to reach this broker, wherever it is.
  const folder = broker.dataDir === resolveDataDirectory({ dataDir: undefined }) ? "" : ` --data-dir ${broker.dataDir}`;
  const [pub = "", sub = ""] = [zmqIn[0], zmqOut[0]];
  const python = pub === "tcp://127.0.0.1:5555" && sub === "tcp://127.0.0.1:5556" ? "" : ` ${pub} ${sub}`;
  const [example, command] = [fileURLToPath(new URL("examples/plain_agent.py", ownFolder)), ownCommand()];
  return [
    `Synaptic Core is ready (pid ${process.pid}), ${reach}.`,
    `  ZeroMQ, agents publish to    ${zmqIn.join("  ") || "-"}`,
    `  ZeroMQ, agents subscribe at  ${zmqOut.join("  ") || "-"}`,
    `  WebSocket, ${dialects.map(({ title }) => title).join(", ")}`.padEnd(30) +
      ` ${ws.flatMap((url) => dialects.map(({ path }) => `${url}${path}`)).join("  ") || "-"}`,
    ...(owned.length > 0
      ? [`  WebSocket, one dialect each  ${owned.map(([name, url]) => `${name} ${url}`).join("  ")}`]
      : []),
    ...(isEverywhere && hosts.length > 0
      ? [`  Bots elsewhere write         a name of the certificate as the host: ${hosts.slice(0, 5).join(", ")}`]
      : []),
    `  PAN token                    in ${broker.dataDir}/pan-token`,
    "Next, in another terminal:",
    ...explained([
      ...(existsSync(example) ? [[`python3 ${typed(example)} claude${python}`, "an agent with two sockets"]] : []),
      [`${command} send claude "are you there?" --wait${folder}`, "ask it something"],
      [`${command} status${folder}`, "what was lost, and why"],
    ]),
  ];
}

/** What to type, and what for, one under the other. */
function explained(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(...rows.map(([typing = ""]) => typing.length));
  return rows.map(([typing = "", why = ""]) => `  ${typing.padEnd(width)}  ${why}`);
}

/** The folder of this package: three folders above this file and above the bundle that this file becomes part of. */
const ownFolder = new URL("../../../", import.meta.url);

/**
 * How to call this program from the folder where it was started. `npx` is only right if the package is installed there
 * or is that folder itself; elsewhere it would fetch a stranger's package of the same name.
 */
function ownCommand(): string {
  const program = process.argv[1] ?? "broker";
  if (fileURLToPath(ownFolder) === `${process.cwd()}/` || program.includes("node_modules/.bin/")) return "npx broker";
  return basename(program) === "broker" ? "broker" : `node ${typed(program)}`;
}

/** A path as a person types it in this folder, in a POSIX shell. */
function typed(path: string): string {
  const here = relative(process.cwd(), path);
  const shortest = here.startsWith("..") ? path : here;
  return /^[\w@%+=:,./-]+$/.test(shortest) ? shortest : `'${shortest.replaceAll("'", "'\\''")}'`;
}
