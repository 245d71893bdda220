import { Option, type Command } from "commander";
import { z } from "zod";
import { dialects } from "../../bridges/index.js";
import {
  namedDialects,
  numberOf,
  pairsOf,
  readLayers,
  settingSpellings,
  type BrokerOptions,
  type Layered,
} from "../config/index.js";
import { loadDialects } from "../dialect-files.js";
import { resolveDataDirectory } from "../storage/index.js";

/** The flags of a broker, as commander gives them. */
export interface BrokerFlags {
  readonly config?: string;
  readonly dataDir?: string;
  readonly zmqIn?: string[];
  readonly zmqOut?: string[];
  readonly ws?: string[];
  readonly own?: string[];
  readonly zmqAuth?: "none" | "optional" | "required";
  readonly insecure?: true;
  readonly behindTunnel?: true;
  readonly behindProxy?: true;
  readonly trustedProxy?: string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly origin?: string[];
  readonly host?: string[];
  readonly topic?: string[];
  readonly reserve?: string[];
  readonly keepRoom?: string[];
  readonly serverName?: string;
  readonly logMessages?: true;
  readonly dialect?: string[];
  readonly limit?: string[];
  /** The settings of dialects: `agentchatIdentity` for `--agentchat-identity`. */
  readonly [setting: string]: unknown;
}

/** Adds the flags of `broker start`, `broker config` and `broker doctor`. */
export function withBrokerFlags(command: Command): Command {
  for (const [path, { flag }] of settingSpellings({ dialects })) {
    if (flag === undefined) continue;
    const schema = settingOf(path);
    const option = new Option(`${flag} <how>`, schema?.description);
    const words = schema === undefined ? undefined : wordsOf(schema);
    command.addOption(words === undefined ? option : option.choices(words));
  }
  return command
    .option(
      "--config <file>",
      "a JSON file with options (broker config schema); flags and SYNAPTIC_… variables win over it " +
        "(default: config.json in the data directory, if there is one)",
    )
    .option(
      "--zmq-in <url...>",
      "doors for agents' PUB sockets: tcp://HOST:PORT or ipc:///PATH (port 0: chosen by the system)",
    )
    .option("--zmq-out <url...>", "doors for agents' SUB sockets")
    .option("--ws <host:port...>", "doors for WebSocket clients")
    .option("--own <dialect=host:port...>", "doors for one dialect each, which answers there at / (pan=127.0.0.1:8081)")
    .addOption(
      new Option("--zmq-auth <how>", "who may connect by ZeroMQ: none = NULL only, required = PLAIN only").choices([
        "none",
        "optional",
        "required",
      ]),
    )
    .option("--tls-cert <file>", "certificate chain (PEM) for the WebSocket doors; read again at SIGHUP")
    .option("--tls-key <file>", "its key (PEM)")
    .option("--insecure", "allow doors that other machines can reach without encryption")
    .option("--behind-tunnel", "a tunnel protects the ZeroMQ doors")
    .option("--behind-proxy", "a proxy ends TLS before the WebSocket doors")
    .option(
      "--trusted-proxy <address...>",
      "proxies that may tell the client's address: addresses or networks (default with --behind-proxy: this machine)",
    )
    .option("--origin <origin...>", "web pages that may connect: https://HOST[:PORT]")
    .option("--host <name...>", "host names under which web pages may reach this broker, in addition to its addresses")
    .option("--topic <name...>", "shared data topics: no agent can have these names")
    .option("--reserve <name...>", "names that only the owner of a token for them may use")
    .option("--keep-room <room...>", "rooms that always exist")
    .option("--server-name <name>", "what the broker calls itself (default: the machine's name)")
    .option("--log-messages", "write every message into the log, with its text")
    .option("--dialect <file...>", "dialects from elsewhere: JavaScript files that export one (synaptic-core/dialect)")
    .option("--limit <name=value...>", "set a limit of LIMITS.md")
    .addOption(
      new Option("--log-level <level>", "how much is logged, as JSON on stderr")
        .choices(["silent", "error", "warn", "info", "debug"])
        .default("warn")
        .env("SYNAPTIC_LOG_LEVEL"),
    );
}

/**
 * Flags over `SYNAPTIC_…` over the file over defaults. The dialects that they name are loaded first.
 * @throws Fault malformed, forbidden, unavailable: the file of a dialect cannot be loaded
 */
export async function layersOf(flags: BrokerFlags): Promise<Layered> {
  const layers = {
    flags: optionsOf(flags),
    env: process.env,
    file: flags.config,
    resolveDataDir: (dataDir: string | undefined) => resolveDataDirectory({ dataDir }),
  };
  return readLayers({ ...layers, loaded: await loadDialects(namedDialects(layers)) });
}

/** The options that the flags set. @throws Fault malformed */
function optionsOf(flags: BrokerFlags): BrokerOptions {
  const {
    dataDir,
    zmqIn,
    zmqOut,
    ws,
    own,
    zmqAuth,
    insecure,
    behindTunnel,
    behindProxy,
    trustedProxy,
    tlsCert,
    tlsKey,
    origin,
    host,
    topic,
    reserve,
    keepRoom,
    serverName,
    logMessages,
    dialect,
    limit,
  } = flags;
  const said = {
    dataDir,
    zmqIn,
    zmqOut,
    ws,
    zmqAuth,
    insecure,
    behindTunnel,
    behindProxy,
    tlsCert,
    tlsKey,
    serverName,
    logMessages,
    trustedProxies: trustedProxy,
    origins: origin,
    hosts: host,
    topics: topic,
    reserved: reserve,
    rooms: keepRoom,
    ownDoors: own === undefined ? undefined : pairsOf("--own", own),
    dialects: dialect,
    ...settingsIn(flags),
    limits:
      limit === undefined
        ? undefined
        : Object.fromEntries(
            Object.entries(pairsOf("--limit", limit)).map(([name, value]) => [
              name,
              numberOf(`--limit ${name}`, value),
            ]),
          ),
  };
  return definedOf(said);
}

/** The settings of dialects among the flags, by dialect. */
function settingsIn(flags: BrokerFlags): Readonly<Record<string, object>> {
  const settings: Record<string, object> = {};
  for (const [path, { flag }] of settingSpellings({ dialects })) {
    const value = flag === undefined ? undefined : flags[new Option(flag).attributeName()];
    const [dialect = "", name = ""] = path.split(".");
    if (value !== undefined) settings[dialect] = { ...settings[dialect], [name]: value };
  }
  return settings;
}

/** The schema of a setting of the broker's own dialects. */
function settingOf(path: string): z.ZodType | undefined {
  const [name, setting = ""] = path.split(".");
  return dialects.find((dialect) => dialect.name === name)?.settings?.shape[setting] as z.ZodType | undefined;
}

/** The words among which a setting is chosen; undefined if it is no choice. */
function wordsOf(schema: z.ZodType): readonly string[] | undefined {
  const { enum: words } = z.toJSONSchema(schema, { io: "input" });
  return words?.every((word) => typeof word === "string") === true ? words : undefined;
}

function definedOf(value: object): BrokerOptions {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));
}
