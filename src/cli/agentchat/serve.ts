import { hostname } from "node:os";
import type { Command } from "commander";
import type { Broker } from "../../broker.js";
import { isLocalDoor } from "../../config.js";
import { defaultLimits } from "../../core/index.js";
import { jsonLog } from "../log.js";
import { print, type Output } from "../output.js";
import { count, port, quantity } from "./options.js";
import { defaultPort } from "./target.js";
import { untilInterrupted } from "./until.js";

interface Options extends Output {
  readonly port: number;
  readonly host: string;
  readonly name: string;
  readonly rate: number;
  readonly burst: number;
  readonly logMessages?: boolean;
  readonly dataDir: string;
}

/** `agentchat serve`: a broker that opens one door, for AgentChat (seed 001, server mode; protocols §5, listeners). */
export function serveCommand(program: Command): void {
  program
    .command("serve")
    .description("run a server until interrupted; it logs JSON lines on stderr")
    .option("-p, --port <port>", "port to listen on, 0: chosen by the system", port, defaultPort)
    .option("-h, --host <host>", "address to bind; 127.0.0.1 keeps it to this machine", "0.0.0.0")
    .option("-n, --name <name>", "the server's name", hostname())
    .option("--rate <n>", "messages a second that an agent may send, 0: as many as it likes", quantity, defaultLimits.agentchatRatePerSecond)
    .option("--burst <n>", "messages an agent may send at once", count, defaultLimits.agentchatBurst)
    .option("--log-messages", "write every message into the log, with its text")
    .option("--data-dir <folder>", "where the server keeps keys, agreements and secrets", "./.agentchat/server")
    .option("--json", "print where it listens as JSON")
    .action(async (options: Options) => {
      const { Broker } = await import("../../broker.js");
      const broker = new Broker(brokerOptions(options));
      const interrupted = untilInterrupted();
      await broker.start();
      tellReady(broker, options);
      await interrupted;
      await broker.stop();
    });
}

function brokerOptions({ host, port: wanted, name, rate, burst, logMessages = false, dataDir }: Options): ConstructorParameters<typeof Broker>[0] {
  const door = `${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${wanted}`;
  return {
    dataDir,
    zmqIn: [],
    zmqOut: [],
    ws: [],
    ownDoors: { agentchat: door },
    insecure: !isLocalDoor(door),
    serverName: name,
    logMessages,
    limits: { agentchatRatePerSecond: rate, agentchatBurst: burst },
    log: jsonLog("info"),
  };
}

/** On stdout, so that stderr is nothing but JSON. */
function tellReady(broker: Broker, { name, json, host }: Options): void {
  const url = broker.endpoints.own?.["agentchat"] ?? "";
  const open = !isLocalDoor(url.replace(/^wss?:\/\//, ""));
  const warning = `warning: ${host} can be reached from other machines, and nothing is encrypted; --host 127.0.0.1 keeps it to this one, a proxy with TLS before it protects the line`;
  print({ ...(json !== undefined && { json }) }, { pid: process.pid, url, server: name, reachable: open }, () => {
    const ready = `agentchat server ${name} is ready at ${url} (pid ${process.pid}); Ctrl-C ends it`;
    return open ? `${ready}\n${warning}` : ready;
  });
}
