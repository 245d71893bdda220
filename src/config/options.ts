import { hostname } from "node:os";
import { z } from "zod";
import { agentNameProblem, defaultLimits, isRoom, type Limits, type Log } from "../core/index.js";
import { isNetwork, portOf } from "./doors.js";

const zmqUrl = z.string().regex(/^(tcp:\/\/.+:\d+|ipc:\/\/.+)$/, "must be written as tcp://HOST:PORT or ipc:///PATH");
const hostPort = z.string().regex(/^.+:\d+$/, "must be written as HOST:PORT").refine((door) => portOf(door) <= 65_535, "must have a port from 0 to 65535 (0: chosen by the system)");
/** A name or address, with `:PORT` where only that port is meant. */
const host = z.string().min(1).max(262).regex(/^[^\s/]+$/, "must be written as HOST or HOST:PORT");
const origin = z.string().regex(/^https?:\/\/[^\s/]+$/, "must be written as https://HOST or https://HOST:PORT");
const network = z.string().refine((text) => isNetwork(text), "must be an IP address, or a network as 10.0.0.0/8");

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
  /** The WebSocket doors are reached through a proxy that ends TLS. Its word on who connects (`Forwarded`, `X-Forwarded-For`) counts if it is trusted. */
  behindProxy: z.boolean().default(false),
  /** Proxies whose word counts: addresses and networks. Default: this machine, if `behindProxy`. */
  trustedProxies: z.array(network).optional(),
  /** TLS for every WebSocket door: PEM files of the certificate chain and its key, read again at a reload. */
  tlsCert: z.string().min(1).optional(),
  tlsKey: z.string().min(1).optional(),
  /** Web pages that may connect, by origin; pages of this machine always may, unless the door is open to others. */
  origins: z.array(origin).default([]),
  /** Names under which WebSocket clients may ask for this broker (`Host`), beside its addresses and this machine's names. */
  hosts: z.array(host).default([]),
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
