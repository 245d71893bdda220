import { Option, type Command } from "commander";
import { numberOf, pairsOf, readLayers, type BrokerOptions, type Layered } from "../config/index.js";
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
  readonly agentchatIdentity?: "lenient" | "strict";
  readonly agentchatSignatures?: "lenient" | "strict";
  readonly limit?: string[];
}

/** Adds the flags of `broker start`, `broker config` and `broker doctor`. */
export function withBrokerFlags(command: Command): Command {
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
    .addOption(
      new Option("--agentchat-identity <how>", "strict: every AgentChat client proves a key").choices([
        "lenient",
        "strict",
      ]),
    )
    .addOption(
      new Option("--agentchat-signatures <how>", "strict: signatures that do not verify are refused").choices([
        "lenient",
        "strict",
      ]),
    )
    .option("--limit <name=value...>", "set a limit of LIMITS.md")
    .addOption(
      new Option("--log-level <level>", "how much is logged, as JSON on stderr")
        .choices(["silent", "error", "warn", "info", "debug"])
        .default("warn")
        .env("SYNAPTIC_LOG_LEVEL"),
    );
}

/** Reads the options; flags win over `SYNAPTIC_…` variables, these over the file. @throws Fault malformed, forbidden */
export function layersOf(flags: BrokerFlags): Layered {
  return readLayers({
    flags: optionsOf(flags),
    env: process.env,
    file: flags.config,
    resolveDataDir: (dataDir) => resolveDataDirectory({ dataDir }),
  });
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
    agentchatIdentity,
    agentchatSignatures,
    limit,
  } = flags;
  const agentchat = { identity: agentchatIdentity, signatures: agentchatSignatures };
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
    agentchat: agentchatIdentity === undefined && agentchatSignatures === undefined ? undefined : agentchat,
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

function definedOf(value: object): object {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) =>
      one === undefined ? [] : [[name, name === "agentchat" ? definedOf(one as object) : (one as unknown)]],
    ),
  );
}
