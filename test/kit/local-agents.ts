import { mkdtemp, rm } from "node:fs/promises";
import { Agent, type AgentOptions, type ConnectOptions, type Envelope, type Request } from "../../src/index.js";
import { startBroker, type TestBroker } from "./broker.js";
import { issueToken } from "./tokens.js";

/** How a local agent reaches its broker. */
export const transports = ["tcp", "ipc", "no sockets"] as const;

/** A broker and agents of the SDK, all over one transport. */
export class LocalAgents {
  readonly agents: Agent[] = [];
  readonly #at: TestBroker;
  readonly #transport: (typeof transports)[number];

  private constructor(at: TestBroker, transport: (typeof transports)[number]) {
    this.#at = at;
    this.#transport = transport;
  }

  static async start(transport: (typeof transports)[number]): Promise<LocalAgents> {
    const dataDir = await mkdtemp("/tmp/synaptic-agent-");
    const at = await startBroker({
      dataDir,
      zmqIn: ["tcp://127.0.0.1:0", `ipc://${dataDir}/in.sock`],
      zmqOut: ["tcp://127.0.0.1:0", `ipc://${dataDir}/out.sock`],
    });
    return new LocalAgents(at, transport);
  }

  /** An agent whose name is proved: by its token, or because it is in the broker's own process. */
  async joinProved(name: string): Promise<Agent> {
    if (this.#transport === "no sockets") return this.join(name);
    return this.join(name, { token: await issueToken(this.#at.dataDir, name, "zmq") });
  }

  async join(name: string, options: AgentOptions & Pick<ConnectOptions, "token"> = {}): Promise<Agent> {
    const pick = (urls: readonly string[]): string => urls.find((url) => url.startsWith(this.#transport)) ?? "";
    const { zmqIn, zmqOut } = this.#at.broker.endpoints;
    const agent =
      this.#transport === "no sockets"
        ? this.#at.broker.agent(name, options)
        : await Agent.connect({ name, in: pick(zmqIn), out: pick(zmqOut), ...options });
    this.agents.push(agent);
    return agent;
  }

  async stop(): Promise<void> {
    await Promise.all(this.agents.splice(0).map((agent) => agent.close()));
    await this.#at.stop();
    await rm(this.#at.dataDir, { recursive: true, force: true });
  }
}

/** The first of what an agent's inbox yields. */
export async function next(agent: Agent): Promise<Envelope> {
  for await (const envelope of agent) return envelope;
  throw new Error("the agent was closed");
}

/** A request that `from` might have said. */
export function requestOf(from: string): Request {
  const [message_id, timestamp, to] = ["nobody-asked", "", "bob"];
  return { message_id, timestamp, from, to, type: "request", priority: "NORMAL", content: { message: "" } };
}
