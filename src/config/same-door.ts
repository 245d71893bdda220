import { Fault } from "../core/index.js";
import { hostOf, portOf } from "./doors.js";
import type { BrokerConfig } from "./options.js";

interface Door {
  /** The option that asked for it. */
  readonly path: string;
  readonly url: string;
}

/** Every door that a configuration names, and the option that names it. */
export function namedDoors({ zmqIn = [], zmqOut = [], ws, ownDoors }: Pick<BrokerConfig, "zmqIn" | "zmqOut" | "ws" | "ownDoors">): readonly Door[] {
  return [
    ...zmqIn.map((url) => ({ path: "zmqIn", url })),
    ...zmqOut.map((url) => ({ path: "zmqOut", url })),
    ...ws.map((url) => ({ path: "ws", url })),
    ...Object.values(ownDoors).map((url) => ({ path: "ownDoors", url })),
  ];
}

/** Two doors cannot stand at one place. @returns a problem for each that is named again, with the remedy */
export function sameDoors(config: BrokerConfig, nameOf: (path: string) => string): readonly Fault[] {
  const doors = namedDoors(config);
  return doors.flatMap((door, at) => {
    const first = doors.slice(0, at).find((before) => isSamePlace(before.url, door.url));
    if (first === undefined) return [];
    const other = first.path === door.path ? "twice" : `beside ${nameOf(first.path)} ${first.url}`;
    return [new Fault("malformed", `${nameOf(door.path)}: ${door.url} is asked for ${other}; give each door a port of its own (0: chosen by the system)`)];
  });
}

function isSamePlace(one: string, other: string): boolean {
  if (one.startsWith("ipc://") || other.startsWith("ipc://")) return one === other;
  const [a, b] = [plain(one), plain(other)];
  if (portOf(a) !== portOf(b) || portOf(a) === 0) return false;
  const [hostA, hostB] = [hostOf(a), hostOf(b)];
  return hostA === hostB || isEverywhere(hostA) || isEverywhere(hostB);
}

function plain(url: string): string {
  return url.replace(/^tcp:\/\//, "").replace(/^localhost:/, "127.0.0.1:");
}

function isEverywhere(host: string): boolean {
  return host === "*" || host === "0.0.0.0" || host === "::";
}
