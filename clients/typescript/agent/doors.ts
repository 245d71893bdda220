import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { ConnectOptions } from "./options.js";

/** The two doors of a broker. */
export interface Endpoints {
  readonly in: string;
  readonly out: string;
}

/** The doors to use: as told, else those of the broker that runs on this machine, else the standard ports. */
export function findEndpoints(options: Pick<ConnectOptions, "in" | "out" | "dataDir">): Endpoints {
  if (options.in !== undefined && options.out !== undefined) return { in: options.in, out: options.out };
  const known = readEndpoints(options.dataDir ?? defaultDataDir());
  return {
    in: options.in ?? known?.in ?? "tcp://127.0.0.1:5555",
    out: options.out ?? known?.out ?? "tcp://127.0.0.1:5556",
  };
}

function readEndpoints(dataDir: string): Endpoints | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataDir, "endpoints.json"), "utf8");
  } catch {
    return undefined; // no broker has written its doors here: the standard ports are tried
  }
  const endpoints = JSON.parse(text) as { readonly zmqIn?: readonly string[]; readonly zmqOut?: readonly string[] };
  const [zmqIn] = endpoints.zmqIn ?? [];
  const [zmqOut] = endpoints.zmqOut ?? [];
  return zmqIn === undefined || zmqOut === undefined ? undefined : { in: zmqIn, out: zmqOut };
}

/** The broker's default data directory (protocols, first part). */
function defaultDataDir(): string {
  const told = process.env["SYNAPTIC_DATA_DIR"];
  if (told !== undefined && told !== "") return resolve(told);
  const xdg = process.env["XDG_DATA_HOME"];
  return join(xdg !== undefined && xdg !== "" ? xdg : join(homedir(), ".local/share"), "synaptic-core");
}
