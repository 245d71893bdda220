import type { BrokerOptions } from "./options.js";

/** How an option is written where there is only text: a flag's name, and what its text stands for. */
export interface Spelling {
  /** `undefined`: a program's own, which cannot be written. */
  readonly flag: string | undefined;
  readonly kind: "text" | "list" | "switch" | "pairs";
}

/** Every option but `limits` and the nested ones. Total: a new option does not compile without a spelling. */
export const spellings: Readonly<Record<Exclude<keyof BrokerOptions, "limits" | "agentchat">, Spelling>> = {
  dataDir: { flag: "--data-dir", kind: "text" },
  zmqIn: { flag: "--zmq-in", kind: "list" },
  zmqOut: { flag: "--zmq-out", kind: "list" },
  ws: { flag: "--ws", kind: "list" },
  ownDoors: { flag: "--own", kind: "pairs" },
  zmqAuth: { flag: "--zmq-auth", kind: "text" },
  insecure: { flag: "--insecure", kind: "switch" },
  behindTunnel: { flag: "--behind-tunnel", kind: "switch" },
  behindProxy: { flag: "--behind-proxy", kind: "switch" },
  trustedProxies: { flag: "--trusted-proxy", kind: "list" },
  tlsCert: { flag: "--tls-cert", kind: "text" },
  tlsKey: { flag: "--tls-key", kind: "text" },
  origins: { flag: "--origin", kind: "list" },
  hosts: { flag: "--host", kind: "list" },
  topics: { flag: "--topic", kind: "list" },
  reserved: { flag: "--reserve", kind: "list" },
  rooms: { flag: "--keep-room", kind: "list" },
  serverName: { flag: "--server-name", kind: "text" },
  logMessages: { flag: "--log-messages", kind: "switch" },
  log: { flag: undefined, kind: "text" },
};

/** `agentchat.identity` and its like. */
export const nestedSpellings: Readonly<Record<keyof NonNullable<BrokerOptions["agentchat"]>, Spelling>> = {
  identity: { flag: "--agentchat-identity", kind: "text" },
  signatures: { flag: "--agentchat-signatures", kind: "text" },
};

/** `wsPingMs` → `WS_PING_MS`. */
export function shouted(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/**
 * The variable of an option by its path: `zmqIn` → `SYNAPTIC_ZMQ_IN`, `limits.wsPingMs` → `SYNAPTIC_LIMIT_WS_PING_MS`.
 */
export function variableOf(path: string): string {
  const [group = "", name] = path.split(".");
  if (name === undefined) return `SYNAPTIC_${shouted(group)}`;
  return `SYNAPTIC_${group === "limits" ? "LIMIT" : shouted(group)}_${shouted(name)}`;
}

/** The flag of an option by its path. */
export function flagOf(path: string): string {
  const [group = "", name = ""] = path.split(".");
  if (group === "limits") return `--limit ${name}`;
  if (group === "agentchat")
    return Object.hasOwn(nestedSpellings, name)
      ? (nestedSpellings[name as keyof typeof nestedSpellings].flag ?? path)
      : path;
  return Object.hasOwn(spellings, group) ? (spellings[group as keyof typeof spellings].flag ?? path) : path;
}
