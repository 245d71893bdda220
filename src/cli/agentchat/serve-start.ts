import { CommandFailure, exitCodes } from "./exit.js";

/** What a server is told. */
export interface ServerOptions {
  /** 0: chosen by the system. */
  readonly port: number;
  readonly host: string;
  readonly name: string;
  /** Messages a second, 0: as many as an agent likes. */
  readonly rate: number;
  readonly burst: number;
  readonly logMessages?: boolean;
  readonly dataDir: string;
  /** PEM files; both or neither. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** A server that listens. */
export interface RunningServer {
  /** Its real address. */
  readonly url: string;
  /** Other machines can reach it, by a line that is not encrypted. */
  readonly isOpen: boolean;
  /** Finishes what is under way. */
  stop(): Promise<void>;
}

/**
 * Starts a broker with AgentChat's door and no other.
 * @throws CommandFailure if an option is wrong, or the door or the folder cannot be had
 */
export async function startServer({
  host,
  port,
  name,
  rate,
  burst,
  logMessages = false,
  dataDir,
  tlsCert,
  tlsKey,
}: ServerOptions): Promise<RunningServer> {
  // Loaded here: no other command needs a broker, and they are started often.
  const [{ Broker }, { isLocalDoor }, { asFault }, { jsonLog }] = await Promise.all([
    import("../../broker.js"),
    import("../../config/index.js"),
    import("../../core/index.js"),
    import("../log.js"),
  ]);
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
      limits: { agentchatRatePerSecond: rate, agentchatBurst: burst },
      log: jsonLog("info"),
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
