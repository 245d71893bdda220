import { InvalidArgumentError, Option, type Command } from "commander";
import { hostname } from "node:os";
import { defaultPort } from "../../../clients/typescript/agentchat/address.js";
import { limits as limitsSchema, settings } from "../../../bridges/agentchat/options.js";
import { print, type Output } from "../output.js";
import { CommandFailure, exitCodes, untilInterrupted, wrongUsage } from "./exit.js";
import { count, port, quantity } from "./options.js";
import { keepOutOfVersionControl } from "./own-identity.js";

type Options = ServerOptions & Output;

/** `agentchat serve`: runs a broker with one door, for AgentChat (AgentChat §10.2). */
export function serveCommand(program: Command): void {
  const limits = limitsSchema.parse({});
  program
    .command("serve")
    .description("run a server until interrupted; its log is on stderr, in JSON lines but on a terminal")
    .helpOption("--help", "show what there is") // -h is a host (AgentChat §10.3)
    .option("-p, --port <port>", "port to listen on, 0: chosen by the system", port, defaultPort)
    .option("-h, --host <host>", "address to bind; 127.0.0.1 keeps it to this machine", "0.0.0.0")
    .option("-n, --name <name>", "the server's name", hostname())
    .option(
      "--rate <n>",
      "messages a second that an agent may send, 0: as many as it likes",
      quantity,
      limits.agentchatRatePerSecond,
    )
    .option("--burst <n>", "messages an agent may send at once", count, limits.agentchatBurst)
    .option("--replay <n>", "past messages that JOIN of a public channel tells unasked, 0 to 20", past, 0)
    .addOption(
      new Option("--unproved <id>", "agent id that is let in without proof of its key; may be given again")
        .argParser((id: string, before: readonly string[]) => [...before, unproved(id)])
        .default([], "none"),
    )
    .option("--log-messages", "write every message into the log, with its text")
    .option("--data-dir <folder>", "where the server keeps keys, agreements and secrets", "./.agentchat/server")
    .option("--tls-cert <file>", "certificate chain (PEM): clients connect with wss://")
    .option("--tls-key <file>", "its key (PEM)")
    .option("--json", "print where it listens as JSON")
    .action(async (options: Options) => {
      const interrupted = untilInterrupted();
      await keepOutOfVersionControl(options.dataDir);
      const server = await startServer(options);
      tellReady(options, server);
      await interrupted;
      await server.stop();
    });
}

/** Reads how many past messages are told unasked. */
function past(text: string): number {
  const read = settings.shape.replay.safeParse(Number(text));
  if (text.trim() === "" || !read.success) throw new InvalidArgumentError("give a whole number, 0 to 20");
  return read.data;
}

/** Reads the id of an agent that needs no proof. */
function unproved(id: string): string {
  if (!settings.shape.unproved.safeParse([id]).success)
    throw new InvalidArgumentError("give an agent id: @ and 16 of 0-9 a-f");
  return id;
}

/** Prints the server's address on stdout, because stderr has only log lines. */
function tellReady(options: Options, { url, isOpen }: { readonly url: string; readonly isOpen: boolean }): void {
  const { name, host } = options;
  const warning =
    `warning: ${host} can be reached from other machines, and nothing is encrypted; ` +
    "--host 127.0.0.1 keeps it to this one, --tls-cert and --tls-key encrypt it";
  print(options, { pid: process.pid, url, server: name, reachable: isOpen }, () => {
    const ready = `agentchat server ${name} is ready at ${url} (pid ${process.pid}); Ctrl-C ends it`;
    return isOpen ? `${ready}\n${warning}` : ready;
  });
}

/** How a server is started. */
interface ServerOptions {
  /** 0: chosen by the system. */
  readonly port: number;
  readonly host: string;
  readonly name: string;
  /** Messages per second of each agent; 0: no limit. */
  readonly rate: number;
  readonly burst: number;
  /** Past messages that JOIN tells unasked. */
  readonly replay: number;
  /** Agent ids that need no proof. */
  readonly unproved: readonly string[];
  readonly logMessages?: boolean;
  readonly dataDir: string;
  /** PEM files; both or neither. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** A server that listens. */
interface RunningServer {
  /** Its real address, also if the system has chosen the port. */
  readonly url: string;
  /** True if other machines can reach it and nothing is encrypted. */
  readonly isOpen: boolean;
  /** Finishes what is under way, then ends. */
  stop(): Promise<void>;
}

/**
 * Starts a broker that has only AgentChat's door.
 * @throws CommandFailure if an option is wrong, or the door or the folder cannot be opened
 */
async function startServer({
  host,
  port,
  name,
  rate,
  burst,
  replay,
  unproved,
  logMessages = false,
  dataDir,
  tlsCert,
  tlsKey,
}: ServerOptions): Promise<RunningServer> {
  // Loaded here, because the other commands start often and need no broker.
  const [{ Broker }, { isLocalDoor }, { asFault }, { processLog }] = await Promise.all([
    import("../../broker.js"),
    import("../../config/index.js"),
    import("../../core/index.js"),
    import("../log.js"),
  ]);
  const [, alone, behind] = /^([^:[\]]+|\[.*\]):(\d+)$/.exec(host) ?? [];
  if (alone !== undefined && behind !== undefined)
    throw wrongUsage(`--host ${host}: an address without its port is wanted: --host ${alone} --port ${behind}`);
  const door = `${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
  const isOpen = !isLocalDoor(door);
  try {
    const broker = new Broker({
      dataDir,
      zmqIn: [],
      zmqOut: [],
      ws: [],
      ownDoors: { agentchat: door },
      insecure: isOpen && tlsCert === undefined,
      ...(tlsCert !== undefined && { tlsCert }),
      ...(tlsKey !== undefined && { tlsKey }),
      serverName: name,
      logMessages,
      agentchat: { replay, unproved },
      limits: { agentchatRatePerSecond: rate, agentchatBurst: burst },
      log: processLog("info"),
    });
    await broker.start();
    return {
      url: broker.endpoints.own?.["agentchat"] ?? "",
      isOpen: isOpen && tlsCert === undefined,
      stop: () => broker.stop(),
    };
  } catch (thrown) {
    const { code, message, cause } = asFault(thrown);
    const words = code === "internal" && cause instanceof Error ? cause.message : message;
    const remedy = words.includes("cannot listen") ? `; choose another --port or --host than ${door}` : "";
    throw new CommandFailure(code === "malformed" ? exitCodes.usage : exitCodes.failed, words + remedy, thrown);
  }
}
