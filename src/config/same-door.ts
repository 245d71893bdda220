import { Fault } from "../core/index.js";
import { hostOf, portOf, usualZmqDoors } from "./doors.js";
import type { BrokerConfig } from "./options.js";

/** A place to listen at. */
export interface NamedDoor {
  /** The option that asked for it. */
  readonly path: string;
  /** `tcp://HOST:PORT`, `ipc:///PATH`, `HOST:PORT`. */
  readonly url: string;
}

/**
 * Every door that a broker opens by a configuration, and the option that names it. `dataDir`: where the usual ipc doors
 * are.
 */
export function doorsOf(
  { zmqIn, zmqOut, ws, ownDoors }: Pick<BrokerConfig, "zmqIn" | "zmqOut" | "ws" | "ownDoors">,
  dataDir: string,
): readonly NamedDoor[] {
  return [
    ...(zmqIn ?? usualZmqDoors.zmqIn(dataDir)).map((url) => ({ path: "zmqIn", url })),
    ...(zmqOut ?? usualZmqDoors.zmqOut(dataDir)).map((url) => ({ path: "zmqOut", url })),
    ...ws.map((url) => ({ path: "ws", url })),
    ...Object.values(ownDoors).map((url) => ({ path: "ownDoors", url })),
  ];
}

/** Two doors cannot stand at one place. @returns a problem for each that is named again, with the remedy */
export function sameDoors(config: BrokerConfig, nameOf: (path: string) => string): readonly Fault[] {
  const doors = doorsOf(config, "");
  return doors.flatMap((door, at) => {
    const first = doors.slice(0, at).find((before) => isSamePlace(before.url, door.url));
    if (first === undefined) return [];
    const other = first.path === door.path ? "twice" : `beside ${nameOf(first.path)} ${first.url}`;
    return [
      new Fault(
        "malformed",
        `${nameOf(door.path)}: ${door.url} is asked for ${other}; give each door a port of its own (0: chosen by the system)`,
      ),
    ];
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
