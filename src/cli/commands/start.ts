import { Option, type Command } from "commander";
import type { Broker } from "../../broker.js";
import type { BrokerOptions } from "../../config.js";
import { Fault } from "../../core/index.js";
import { jsonLog, type LogLevel } from "../log.js";
import { say, type Output } from "../output.js";
import { readyLines } from "../ready.js";

interface Options extends Output {
  readonly dataDir?: string;
  readonly zmqIn?: string[];
  readonly zmqOut?: string[];
  readonly ws?: string[];
  readonly own?: string[];
  readonly zmqAuth?: "none" | "optional" | "required";
  readonly insecure?: boolean;
  readonly behindTunnel?: boolean;
  readonly behindProxy?: boolean;
  readonly topic?: string[];
  readonly reserve?: string[];
  readonly keepRoom?: string[];
  readonly limit?: string[];
  readonly logLevel: LogLevel;
}

/** `broker start`: runs the broker until SIGINT or SIGTERM, which drain it; a second signal stops it at once. */
export function startCommand(program: Command): void {
  program
    .command("start")
    .description("run the broker")
    .option("--zmq-in <url...>", "doors for agents' PUB sockets: tcp://HOST:PORT or ipc:///PATH (port 0: chosen by the system)")
    .option("--zmq-out <url...>", "doors for agents' SUB sockets")
    .option("--ws <host:port...>", "doors for WebSocket clients")
    .option("--own <dialect=host:port...>", "doors of one dialect each, at whose / it answers (pan=127.0.0.1:8081)")
    .addOption(new Option("--zmq-auth <how>", "who may connect by ZeroMQ: none = NULL only, required = PLAIN only").choices(["none", "optional", "required"]))
    .option("--insecure", "allow doors that other machines can reach without protection")
    .option("--behind-tunnel", "a tunnel protects the ZeroMQ doors")
    .option("--behind-proxy", "a proxy ends TLS before the WebSocket doors")
    .option("--topic <name...>", "shared data topics that are nobody's name")
    .option("--reserve <name...>", "names that only a token's owner may bear")
    .option("--keep-room <room...>", "rooms that always exist")
    .option("--limit <name=value...>", "set a limit of LIMITS.md")
    .addOption(new Option("--log-level <level>", "how much is logged, as JSON on stderr").choices(["silent", "error", "warn", "info", "debug"]).default("warn"))
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { Broker } = await import("../../broker.js");
      const broker = new Broker(brokerOptions(options));
      const ended = untilSignal(broker);
      await broker.start();
      if (broker.isRunning) process.stdout.write(options.json === true ? `${JSON.stringify({ pid: process.pid, ...broker.endpoints })}\n` : `${readyLines(broker).join("\n")}\n`);
      await ended;
    });
}

function brokerOptions(options: Options): BrokerOptions {
  return {
    ...(options.dataDir !== undefined && { dataDir: options.dataDir }),
    ...(options.zmqIn !== undefined && { zmqIn: options.zmqIn }),
    ...(options.zmqOut !== undefined && { zmqOut: options.zmqOut }),
    ...(options.ws !== undefined && { ws: options.ws }),
    ...(options.zmqAuth !== undefined && { zmqAuth: options.zmqAuth }),
    insecure: options.insecure ?? false,
    behindTunnel: options.behindTunnel ?? false,
    behindProxy: options.behindProxy ?? false,
    topics: options.topic ?? [],
    reserved: options.reserve ?? [],
    rooms: options.keepRoom ?? [],
    ownDoors: Object.fromEntries(pairs("--own", options.own)),
    limits: Object.fromEntries(pairs("--limit", options.limit).map(([name, value]) => [name, Number(value)])),
    log: jsonLog(options.logLevel),
  };
}

/** `name=value` options, taken apart. @throws Fault malformed */
function pairs(option: string, list: readonly string[] = []): readonly (readonly [string, string])[] {
  return list.map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1 || at === pair.length - 1) throw new Fault("malformed", `${option} ${pair}: write it as NAME=VALUE`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
}

/** Resolves when a signal has drained and stopped the broker. */
function untilSignal(broker: Broker): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (signal: NodeJS.Signals): void => {
      say(`broker: ${signal}, finishing what is under way; once more stops at once`);
      for (const name of ["SIGINT", "SIGTERM"] as const) {
        process.removeListener(name, end);
        process.once(name, () => process.exit(1));
      }
      broker.stop().then(resolve, reject);
    };
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
  });
}
