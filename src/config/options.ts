import { hostname } from "node:os";
import { z } from "zod";
import { dialects as builtIn, type DialectLimits, type DialectSettings } from "../../bridges/index.js";
import {
  agentNameProblem,
  defaultLimits,
  isRoom,
  seemsControl,
  shapeProblemText,
  writtenDurability,
  type Limits,
  type Log,
} from "../core/index.js";
import { isDialect, limitsOf, type AnyDialect } from "../dialect/index.js";
import type { ConfiguredBox } from "../mailbox/index.js";
import { isNetwork, portOf } from "./doors.js";
import { identityProvider } from "./provider-options.js";
import { refuseUnfit } from "./entry-points.js";

/** The error text of a rule: the rule in words and the value that breaks it. Only the first broken rule is told. */
const rule = (
  words: string,
): { readonly error: (issue: { readonly input?: unknown }) => string; readonly abort: true } => ({
  error: ({ input }) => `${words}; it is ${JSON.stringify(input)}`,
  abort: true,
});
const portRule = "must have a port from 0 to 65535 (0: chosen by the system)";
const zmqUrl = z
  .string()
  .regex(/^(tcp:\/\/.+:(\d+|\*)|ipc:\/\/.+)$/, rule("must be written as tcp://HOST:PORT or ipc:///PATH"))
  .refine((url) => url.startsWith("ipc:") || portOf(url) <= 65_535, rule(portRule));
const hostPort = z
  .string()
  .regex(/^.+:\d+$/, rule("must be written as HOST:PORT"))
  .refine((door) => portOf(door) <= 65_535, rule(portRule));
/** A name or address, with `:PORT` where only that port is meant. */
const host = z
  .string()
  .min(1)
  .max(262)
  .regex(/^[^\s/]+$/, rule("must be written as HOST or HOST:PORT"));
const originRule =
  "must be written as https://HOST or https://HOST:PORT, chrome-extension://ID, vscode-webview:// " +
  "(every host of that scheme), or null (pages without an origin, such as files)";
const origin = z
  .string()
  .regex(/^(null|[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s/]*)$/, rule(originRule))
  .refine(
    (text) => !/^(https?|wss?):/i.test(text) || (/^https?:\/\/./i.test(text) && URL.canParse(text)),
    rule(originRule),
  );
const network = z.string().refine((text) => isNetwork(text), rule("must be an IP address, or a network as 10.0.0.0/8"));
const agentName = z.string().superRefine((name, context) => {
  const problem = agentNameProblem(name);
  if (problem !== undefined)
    context.addIssue({ code: "custom", message: `must not be a name that ${problem}; it is ${JSON.stringify(name)}` });
});
const dataTopic = z
  .string()
  .min(1)
  .refine((topic) => !seemsControl(topic), rule("must not begin with control-, as sessions that command agents do"));
const wholeFrom = (least: number, most: number) => {
  const range = rule(`must be a whole number from ${String(least)} to ${String(most)}`);
  return z.int(range).min(least, range).max(most, range);
};
/** A mailbox that is opened at the start; what is not said stays as its owner has decided, or is the default. */
const mailbox = z.strictObject({
  agent: agentName,
  mode: z
    .enum(["push", "take"], rule("must be push or take"))
    .optional()
    .describe("push: what waits comes by itself when the agent does; take: the agent asks for it."),
  rooms: z
    .boolean(rule("must be true or false"))
    .optional()
    .describe("Memberships in rooms outlive the WebSocket connections of the agent; not those of ZeroMQ."),
  keep_s: wholeFrom(1, 366 * 86_400)
    .optional()
    .describe("How long a message waits, seconds."),
  max: wholeFrom(1, 1_000_000).optional().describe("Messages that wait at most."),
  max_bytes: wholeFrom(1_024, 1024 ** 3)
    .optional()
    .describe("Their bytes at most."),
});
/** What is wrong with an entry of `mailboxes`: of a name, or else of what stands in its place. */
const entryProblem = (issue: z.core.$ZodRawIssue): string => {
  const { input, code } = issue;
  const isEntry = typeof input === "string" || (typeof input === "object" && input !== null);
  const found = code === "invalid_union" && isEntry ? issue.errors[typeof input === "string" ? 0 : 1] : undefined;
  return found === undefined || found.length === 0
    ? "must be the name of an agent, or {agent, mode, rooms, keep_s, max, max_bytes}"
    : shapeProblemText(new z.ZodError([...found]), input);
};
const roomRule = rule("must be a room: # and 1–64 of A-Z a-z 0-9 _ - .");
const roomName = z.string().refine(isRoom, roomRule);
const room = z.union(
  [
    roomName,
    z.strictObject({
      name: roomName,
      durable: z
        .union([z.literal(true), writtenDurability], rule("must be true or {keep_s, max, max_bytes}"))
        .describe("It remembers what is said, on disk: true, or for how long and how much."),
    }),
  ],
  { error: ({ input }) => (typeof input === "string" ? roomRule.error({ input }) : undefined) },
);

/** The agent of an entry of `mailboxes`. */
export function agentOf(entry: string | { readonly agent: string }): string {
  return typeof entry === "string" ? entry : entry.agent;
}

/**
 * The options of the broker itself; those of its dialects are added by {@link catalogueOf}. Each has a default. The
 * descriptions go into the JSON Schema of the file.
 */
const coreOptions = z.strictObject({
  dataDir: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The folder of secrets, sockets and endpoints.json, mode 0700. " +
        "Default: $XDG_DATA_HOME/synaptic-core, else ~/.local/share/synaptic-core.",
    ),
  zmqIn: z
    .array(zmqUrl)
    .optional()
    .describe(
      "Doors for agents' PUB sockets: tcp://HOST:PORT (port 0 or *: chosen by the system) or ipc:///PATH. " +
        "Default: tcp://127.0.0.1:5555 and in.sock in the data directory.",
    ),
  zmqOut: z
    .array(zmqUrl)
    .optional()
    .describe("Doors for agents' SUB sockets. Default: tcp://127.0.0.1:5556 and out.sock in the data directory."),
  ws: z
    .array(hostPort)
    .default(["127.0.0.1:8080"])
    .describe(
      "Doors for WebSocket clients of every dialect: HOST:PORT, IPv6 in brackets, port 0: chosen by the system.",
    ),
  ownDoors: z
    .record(z.string(), hostPort)
    .default({})
    .describe("Doors for one dialect each, by the dialect's name: only this dialect answers there, also at /."),
  zmqAuth: z
    .enum(["none", "optional", "required"])
    .default("optional")
    .describe(
      "Who may connect by ZeroMQ. none: NULL only; optional: NULL, or PLAIN with a token; required: PLAIN only.",
    ),
  insecure: z.boolean().default(false).describe("Allows doors that other machines can reach without encryption."),
  behindTunnel: z
    .boolean()
    .default(false)
    .describe("The ZeroMQ doors are reached through a tunnel that protects the line (ssh, WireGuard)."),
  behindProxy: z
    .boolean()
    .default(false)
    .describe(
      "The WebSocket doors are reached through a proxy that ends TLS. If the proxy is trusted, " +
        "its X-Forwarded-For, which it must set itself, tells the client's address.",
    ),
  trustedProxies: z
    .array(network)
    .optional()
    .describe("Proxies that are trusted: addresses and networks. Default: this machine if behindProxy, else none."),
  tlsCert: z
    .string()
    .min(1)
    .optional()
    .describe("The certificate chain for every WebSocket door, a PEM file; read again at SIGHUP. Goes with tlsKey."),
  tlsKey: z.string().min(1).optional().describe("The certificate's key, a PEM file; read again at SIGHUP."),
  origins: z
    .array(origin)
    .default([])
    .describe(
      "Web pages that may connect, by origin: https://HOST[:PORT], chrome-extension://ID, SCHEME:// for every host " +
        "of a scheme that is not the web's, null for pages without an origin (files, but also every page that hides " +
        "where it comes from). Pages of this machine always may, unless other machines can reach the door.",
    ),
  hosts: z
    .array(host)
    .default([])
    .describe(
      "Host names (the Host header) under which web pages may reach this broker, " +
        "in addition to its addresses, this machine's names and those of the certificate.",
    ),
  topics: z.array(dataTopic).default([]).describe("Shared data topics: no agent can have these names."),
  reserved: z.array(agentName).default([]).describe("Names that only the owner of a token for them may use."),
  rooms: z
    .array(room)
    .default([])
    .describe("Rooms that always exist, in addition to #general and #agents: names, or {name, durable}."),
  mailboxes: z
    .array(z.union([agentName, mailbox], { error: entryProblem }))
    .superRefine((all, context) => {
      const names = all.map(agentOf);
      for (const name of new Set(names.filter((one, at) => names.indexOf(one) !== at)))
        context.addIssue({ code: "custom", message: `must name each agent once; ${JSON.stringify(name)} is repeated` });
    })
    .default([])
    .describe(
      "Agents whose mailbox is opened at the start, by name or as {agent, mode, rooms, keep_s, max, max_bytes}: what is said to " +
        "them while they are away waits for them. A mailbox stays until it is closed (broker mailbox close).",
    ),
  identityProviders: z
    .array(identityProvider)
    .default([])
    .describe(
      "Issuers whose tokens (JWT) are taken beside the broker's own: {issuer, audience, jwks, …} with a JSON Web Key " +
        "Set, or {firebase: PROJECT, …}. Read again at SIGHUP; files of keys whenever they change.",
    ),
  serverName: z
    .string()
    .min(1)
    .max(256)
    .default(() => hostname())
    .describe("The name of this server, for clients that ask. Default: the machine's name."),
  logMessages: z
    .boolean()
    .default(false)
    .describe("Writes every message that the broker reads into the log, with its text: for research."),
  dialects: z
    .array(
      z.custom<string | AnyDialect>(
        (value) => typeof value === "string" || isDialect(value),
        "give a dialect, or the file of one",
      ),
    )
    .default([])
    .describe(
      "Dialects that are not part of the broker: JavaScript files that export one as default " +
        "(synaptic-core/dialect). Paths are from the folder of the configuration file. They run in the broker and may do all that it may.",
    ),
  log: z
    .custom<Log>((value) => typeof value === "function", "give a function (level, event, fields)")
    .optional()
    .describe("Takes the log lines; by default nothing is logged. Only a program can set it."),
});

/** An entry of `mailboxes` as the mailboxes take it. */
export function configuredBox(entry: z.output<typeof coreOptions>["mailboxes"][number]): ConfiguredBox {
  if (typeof entry === "string") return { name: entry };
  const { agent: name, mode, rooms, keep_s: keepS, max, max_bytes: maxBytes } = entry;
  return {
    name,
    ...(mode !== undefined && { mode }),
    ...(rooms !== undefined && { rooms }),
    ...(keepS !== undefined && { keepMs: keepS * 1_000 }),
    ...(max !== undefined && { max }),
    ...(maxBytes !== undefined && { maxBytes }),
  };
}

/** Limits by name: the broker's own and those of its dialects. */
export type LimitOptions = Partial<Limits> & DialectLimits;

/**
 * What `new Broker` takes. The settings of a dialect stand under its name; its own schema checks them. A dialect from
 * elsewhere adds what is its own.
 * @example
 * const options: BrokerOptions<{ bar?: { loud: boolean }; limits?: { barPerSecond?: number } }> = { dialects: [bar] };
 */
export type BrokerOptions<Added = unknown> = z.input<typeof coreOptions> &
  DialectSettings & { readonly limits?: LimitOptions | undefined } & Added;

/** Options with every default filled in. */
export interface BrokerConfig extends Omit<z.output<typeof coreOptions>, "dialects"> {
  readonly limits: Limits & Readonly<Record<string, number>>;
  /** Every dialect in service: the broker's and those that were added. */
  readonly dialects: readonly AnyDialect[];
  /** The settings of each dialect, by its name. */
  readonly settings: Readonly<Record<string, object>>;
}

/** Every option that a broker with these dialects has. */
export interface OptionCatalogue {
  readonly dialects: readonly AnyDialect[];
  /** Refuses what is not an option. */
  readonly schema: z.ZodObject;
  /** Every limit at its default. */
  readonly limits: Limits & Readonly<Record<string, number>>;
  /** Options that hold others: `limits`, and each dialect with settings. */
  readonly groups: ReadonlySet<string>;
}

/**
 * The options of a broker that has the dialects of `bridges/index.ts` and these.
 * @param fileOf the file that a dialect was loaded from, for the error text
 * @throws Fault malformed, conflict: a dialect cannot be taken in (protocols §8.6)
 */
export function catalogueOf(
  added: readonly AnyDialect[] = [],
  fileOf: (dialect: AnyDialect) => string | undefined = () => undefined,
): OptionCatalogue {
  const optionNames = new Set([...Object.keys(coreOptions.shape), "limits"]);
  refuseUnfit([...builtIn, ...added], optionNames, fileOf);
  const dialects = [...builtIn, ...added];
  const own = limitsOf(dialects, fileOf, defaultLimits);
  const limits = { ...defaultLimits, ...own };
  const { log, ...rest } = coreOptions.shape;
  const settings = dialects.flatMap(({ name, title, settings: schema }) =>
    schema === undefined
      ? []
      : [[name, schema.prefault({}).describe(schema.description ?? `The settings of ${title}.`)] as const],
  );
  return {
    dialects,
    limits,
    groups: new Set(["limits", ...settings.map(([name]) => name)]),
    schema: z.strictObject({
      ...rest,
      ...Object.fromEntries(settings),
      log,
      limits: z
        .partialRecord(z.enum(Object.keys(limits) as [string]), z.number().min(0))
        .default({})
        .describe("Any limit of LIMITS.md by its name; the name ends with the unit."),
    }),
  };
}

/** The web pages, host names and proxies that a configuration allows. */
export function accessRules({ origins, hosts, trustedProxies, behindProxy }: BrokerConfig): {
  readonly origins: readonly string[];
  readonly hosts: readonly string[];
  readonly trustedProxies: readonly string[];
} {
  return { origins, hosts, trustedProxies: trustedProxies ?? (behindProxy ? ["127.0.0.0/8", "::1"] : []) };
}
