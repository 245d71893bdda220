import { Fault } from "../core/index.js";
import { hostOf, isLocalUrl, isLoopback, portOf, usualZmqDoors } from "./doors.js";
import type { BrokerConfig } from "./options.js";

/** An address to listen at, and the option that asked for it. */
export interface NamedDoor {
  /** The path of the option. */
  readonly path: string;
  /** `tcp://HOST:PORT`, `ipc:///PATH`, `HOST:PORT`. */
  readonly url: string;
}

/** Every door that a broker with this configuration opens. `dataDir`: the folder of the default ipc doors. */
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

/** Two doors cannot have one address. @returns a problem with its remedy for each door that repeats another one's */
export function repeatedDoors(config: BrokerConfig, nameOf: (path: string) => string): readonly Fault[] {
  const doors = doorsOf(config, "");
  return doors.flatMap((door, at) => {
    const first = doors.slice(0, at).find((before) => haveSameAddress(before.url, door.url));
    if (first === undefined) return [];
    const other = first.path === door.path ? "twice" : `beside ${nameOf(first.path)} ${first.url}`;
    return [
      new Fault(
        "malformed",
        `${nameOf(door.path)}: ${door.url} is asked for ${other}; ` +
          "give each door a port of its own (0: chosen by the system)",
      ),
    ];
  });
}

function haveSameAddress(one: string, other: string): boolean {
  if (one.startsWith("ipc://") || other.startsWith("ipc://")) return one === other;
  const [a, b] = [hostAndPort(one), hostAndPort(other)];
  if (portOf(a) !== portOf(b) || portOf(a) === 0) return false;
  const [hostA, hostB] = [hostOf(a), hostOf(b)];
  return hostA === hostB || isEveryAddress(hostA) || isEveryAddress(hostB);
}

function hostAndPort(url: string): string {
  return url.replace(/^tcp:\/\//, "").replace(/^localhost:/, "127.0.0.1:");
}

function isEveryAddress(host: string): boolean {
  return host === "*" || host === "0.0.0.0" || host === "::";
}

/**
 * A door that other machines can reach without encryption must be allowed by an option (protocols §0.5).
 * @returns a problem with its remedies for each kind of door
 */
export function unprotectedDoors(config: BrokerConfig): readonly Fault[] {
  const problems: Fault[] = [];
  const open = [...(config.zmqIn ?? []), ...(config.zmqOut ?? [])].find((url) => !isLocalUrl(url));
  if (open !== undefined && !config.insecure && !config.behindTunnel) {
    problems.push(
      new Fault(
        "forbidden",
        `${open} can be reached from other machines and ZeroMQ is not encrypted: ` +
          "bind 127.0.0.1, or say --behind-tunnel if a tunnel protects the line, or --insecure if you mean it",
      ),
    );
  }
  const openWs = [...config.ws, ...Object.values(config.ownDoors)].find((door) => !isLoopback(hostOf(door)));
  if (openWs !== undefined && config.tlsCert === undefined && !config.insecure && !config.behindProxy) {
    problems.push(
      new Fault(
        "forbidden",
        `ws ${openWs} can be reached from other machines without TLS: bind 127.0.0.1, ` +
          "or give --tls-cert and --tls-key, or say --behind-proxy if a proxy ends TLS before it, " +
          "or --insecure if you mean it",
      ),
    );
  }
  return problems;
}
