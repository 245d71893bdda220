import { isIP } from "node:net";
import { hostname } from "node:os";
import { z } from "zod";
import { agentNameProblem, defaultLimits, Fault, isRoom, shapeProblemText, type Limits, type Log } from "./core/index.js";

const zmqUrl = z.string().regex(/^(tcp:\/\/.+:\d+|ipc:\/\/.+)$/, "write it as tcp://HOST:PORT or ipc:///PATH");
const hostPort = z.string().regex(/^.+:\d+$/, "write it as HOST:PORT");

/** What a broker can be told. Everything has a default; unknown keys are refused. */
export const brokerOptions = z.strictObject({
  /** Where secrets, sockets and `endpoints.json` live; see `resolveDataDirectory`. */
  dataDir: z.string().min(1).optional(),
  /** Doors for agents' PUB sockets. Default: tcp on loopback and an ipc twin in the data directory. */
  zmqIn: z.array(zmqUrl).optional(),
  /** Doors for agents' SUB sockets. */
  zmqOut: z.array(zmqUrl).optional(),
  /** Doors for WebSocket clients. */
  ws: z.array(hostPort).default(["127.0.0.1:8080"]),
  /** Doors of one dialect each, by its name: there it answers at `/`, too, and no other does. */
  ownDoors: z.record(z.string(), hostPort).default({}),
  /** `none`: NULL only; `optional`: NULL or PLAIN; `required`: PLAIN only. */
  zmqAuth: z.enum(["none", "optional", "required"]).default("optional"),
  /** Allows doors beyond this machine without protection of the line. */
  insecure: z.boolean().default(false),
  /** The ZeroMQ doors are reached through a tunnel that protects the line (ssh, WireGuard). */
  behindTunnel: z.boolean().default(false),
  /** The WebSocket doors are reached through a proxy that ends TLS. */
  behindProxy: z.boolean().default(false),
  /** Shared data topics that are nobody's name. */
  topics: z.array(z.string().min(1)).default([]),
  /** Names that only a token's owner may bear. */
  reserved: z.array(z.string().superRefine((name, context) => {
    const problem = agentNameProblem(name);
    if (problem !== undefined) context.addIssue({ code: "custom", message: `a name that ${problem}` });
  })).default([]),
  /** Rooms that always exist, beside #general and #agents. */
  rooms: z.array(z.string().refine(isRoom, "a room is # and 1–64 of A-Z a-z 0-9 _ - .")).default([]),
  /** What this server calls itself to clients that ask. Default: the machine's name. */
  serverName: z.string().min(1).max(256).default(() => hostname()),
  /** Writes every message that is looked at into the log, with its text: for research, never by default. */
  logMessages: z.boolean().default(false),
  /** AgentChat: `strict` wants a proof for every key, a good signature for every message that has one. */
  agentchat: z.strictObject({
    identity: z.enum(["lenient", "strict"]).default("lenient"),
    signatures: z.enum(["lenient", "strict"]).default("lenient"),
  }).prefault({}),
  /** Where log lines go; nowhere by default. */
  log: z.custom<Log>((value) => typeof value === "function", "give a function (level, event, fields)").optional(),
  limits: z.partialRecord(z.enum(Object.keys(defaultLimits) as [keyof Limits]), z.number().min(0)).default({}),
});

/** What `new Broker` takes. */
export type BrokerOptions = z.input<typeof brokerOptions>;

/** Options with every default filled in. */
export interface BrokerConfig extends Omit<z.output<typeof brokerOptions>, "limits"> {
  readonly limits: Limits;
}

/** Checks options and fills in the defaults. @throws Fault malformed, naming the option and the remedy */
export function readConfig(options: BrokerOptions): BrokerConfig {
  const parsed = brokerOptions.safeParse(options);
  if (!parsed.success) {
    throw new Fault("malformed", `option ${shapeProblemText(parsed.error, options)}`);
  }
  const { limits, ...rest } = parsed.data;
  const config: BrokerConfig = { ...rest, limits: { ...defaultLimits, ...limits } };
  refuseOpenDoors(config);
  return config;
}

/** Doors that strangers can reach need a word that says it is meant (protocols: data directory and doors). */
function refuseOpenDoors(config: BrokerConfig): void {
  const open = [...(config.zmqIn ?? []), ...(config.zmqOut ?? [])].find((url) => !isLocalUrl(url));
  if (open !== undefined && !config.insecure && !config.behindTunnel) {
    throw new Fault("forbidden", `${open} can be reached from other machines and ZeroMQ is not encrypted: bind 127.0.0.1, or say --behind-tunnel if a tunnel protects the line, or --insecure if you mean it`);
  }
  const openWs = [...config.ws, ...Object.values(config.ownDoors)].find((door) => !isLoopback(hostOf(door)));
  if (openWs !== undefined && !config.insecure && !config.behindProxy) {
    throw new Fault("forbidden", `ws ${openWs} can be reached from other machines without TLS: bind 127.0.0.1, or say --behind-proxy if a proxy ends TLS before it, or --insecure if you mean it`);
  }
}

/** True for a ZeroMQ URL that only this machine can reach. */
export function isLocalUrl(url: string): boolean {
  return url.startsWith("ipc://") || isLoopback(hostOf(url.slice("tcp://".length)));
}

/** True for a door of `HOST:PORT` form that only this machine can reach. */
export function isLocalDoor(door: string): boolean {
  return isLoopback(hostOf(door));
}

/** The host of `HOST:PORT`; IPv6 in brackets. */
export function hostOf(door: string): string {
  return door.slice(0, door.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

/** The port of `HOST:PORT`. */
export function portOf(door: string): number {
  return Number(door.slice(door.lastIndexOf(":") + 1));
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
