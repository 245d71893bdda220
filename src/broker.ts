import {
  Agent,
  MemoryLink,
  type AgentOptions,
  type ConnectOptions,
  type MailboxOption,
} from "../clients/typescript/agent/index.js";
import { assembleParts, type Parts } from "./parts.js";
import { problemsOf, readConfig, type BrokerConfig, type BrokerOptions } from "./config/index.js";
import { Fault, systemClock, type CopyLedger, type Lifecycle, type Log, type MessageLedger } from "./core/index.js";
import type { MailFigures } from "./mailbox/index.js";
import { reload, type Reloaded } from "./reload.js";
import { resolveDataDirectory } from "./storage/index.js";

/** Where a running broker can be reached, with its real ports. `endpoints.json` holds the same and the pid. */
export interface BrokerEndpoints {
  readonly zmqIn: readonly string[];
  readonly zmqOut: readonly string[];
  readonly ws: readonly string[];
  /** Doors at which only one dialect answers, by its name; absent if there are none. */
  readonly own?: Readonly<Record<string, string>>;
}

/** What `broker status` shows. Counts begin at the start of the broker. */
export interface BrokerStatus {
  readonly pid: number;
  readonly uptimeMs: number;
  readonly dataDir: string;
  readonly endpoints: BrokerEndpoints;
  readonly agents: number;
  readonly rooms: number;
  readonly connections: { readonly zmqIn: number; readonly zmqOut: number; readonly ws: number };
  /** Unsent bytes of all connections, and how many there may be. */
  readonly backlogBytes: number;
  readonly backlogMaxBytes: number;
  /** What waits in mailboxes. */
  readonly mailboxes: MailFigures;
  /** Resident memory of the process, in bytes. */
  readonly memoryBytes: number;
  readonly ledger: {
    readonly messages: MessageLedger;
    /** Of the accepted messages, those to and from the broker itself. */
    readonly ofBroker: number;
    readonly copies: CopyLedger;
    readonly taps: CopyLedger;
    readonly reasons: Readonly<Record<string, number>>;
  };
}

/**
 * The whole broker: its parts in one visible list, started in order, drained in reverse.
 * @example
 * const broker = new Broker({ dataDir: "./data" });
 * await broker.start();
 */
export class Broker {
  /** The folder with its secrets, its ipc sockets and `endpoints.json`. */
  readonly dataDir: string;
  /** Resolves if another broker has taken the data directory; this one then drains and stops by itself. */
  readonly lost: Promise<Fault>;
  #config: BrokerConfig;
  readonly #log: Log;
  readonly #parts: Parts;
  #startedAt = systemClock.now();
  // bound: as many as the program makes · evicts: an agent when it is closed · owner: Broker
  readonly #agents = new Set<Agent>();
  // bound: as many as the program marks · evicts: nothing · owner: Broker
  readonly #demo = new Set<string>();
  #phase: "new" | "starting" | "running" | "stopping" | "stopped" = "new";
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  /** @throws Fault malformed or forbidden, naming the option and the remedy */
  constructor(options: BrokerOptions = {}) {
    this.#config = readConfig(options);
    this.#log = this.#config.log ?? (() => undefined);
    this.dataDir = resolveDataDirectory({ dataDir: this.#config.dataDir });
    let tellLost: (fault: Fault) => void = () => undefined;
    this.lost = new Promise((resolve) => (tellLost = resolve));
    const lost = (): void => {
      const fault = new Fault(
        "conflict",
        `another broker has taken the data directory ${this.dataDir}, ` +
          "because this one gave no sign of life for long; two brokers would damage it, so this one stops",
      );
      this.#log("error", fault.message);
      tellLost(fault);
      this.stop().catch((thrown: unknown) => {
        this.#log("error", "the broker could not stop cleanly", { error: String(thrown) });
      });
    };
    this.#parts = assembleParts(this.#config, this.dataDir, this.#log, {
      status: () => ({ ...this.status() }),
      lost,
      tls: () => this.#parts.tls,
      isDemo: (name) => this.#demo.has(name),
    });
  }

  /** Resolves when every door is open. @throws Fault conflict (data directory or door in use), forbidden */
  start(): Promise<void> {
    if (this.#phase !== "new")
      return Promise.reject(new Fault("conflict", "a broker starts only once; make a new one"));
    this.#phase = "starting";
    return (this.#starting = this.#start());
  }

  async #start(): Promise<void> {
    this.#startedAt = systemClock.now();
    const started: Lifecycle[] = [];
    try {
      for (const part of this.#parts.inOrder) {
        await part.start();
        started.push(part);
      }
      this.#parts.data.writeEndpoints({ pid: process.pid, ...this.endpoints });
    } catch (thrown) {
      this.#phase = "stopped";
      for (const part of started.reverse()) await part.stop();
      throw thrown;
    }
    this.#phase = "running";
    this.#parts.audit.write({ event: "start", pid: process.pid, doors: { ...this.endpoints } });
    this.#log("info", "broker ready", { ...this.endpoints });
  }

  /** True from the moment every door is open until it begins to stop. */
  get isRunning(): boolean {
    return this.#phase === "running" && this.#stopping === undefined;
  }

  /** The doors that are open, with their real ports; empty lists before `start`. */
  get endpoints(): BrokerEndpoints {
    const { zmtp, ws } = this.#parts;
    const own = ws.ownEndpoints;
    return {
      zmqIn: zmtp.inEndpoints,
      zmqOut: zmtp.outEndpoints,
      ws: ws.endpoints,
      ...(Object.keys(own).length > 0 && { own }),
    };
  }

  /** The dialects in service: their titles for people, and the path of each at the WebSocket doors. */
  get dialects(): readonly { readonly name: string; readonly title: string; readonly path: string }[] {
    return this.#config.dialects.map(({ name, title, paths: [path = "/"] }) => ({ name, title, path }));
  }

  /** How many are connected, and both ledgers (ADR 0006). */
  status(): BrokerStatus {
    const { ledger, zmtp, ws, directory, mailboxes, total } = this.#parts;
    const peers = zmtp.connections();
    return {
      pid: process.pid,
      uptimeMs: systemClock.now() - this.#startedAt,
      dataDir: this.dataDir,
      endpoints: this.endpoints,
      agents: directory.agents().length,
      rooms: directory.rooms(undefined).length,
      connections: {
        zmqIn: peers.filter((peer) => peer.door === "in").length,
        zmqOut: peers.filter((peer) => peer.door === "out").length,
        ws: ws.size,
      },
      backlogBytes: total.bytes,
      backlogMaxBytes: this.#config.limits.backlogTotalMaxBytes,
      mailboxes: mailboxes.figures(),
      memoryBytes: process.memoryUsage().rss,
      ledger: structuredClone({
        messages: ledger.messages,
        ofBroker: ledger.ofBroker,
        copies: ledger.copies,
        taps: ledger.taps,
        reasons: { ...ledger.reasons },
      }),
    };
  }

  /**
   * An agent in this process, without sockets. It behaves as one by `Agent.connect`, and is closed when the broker
   * stops. Its name is its own while it is here; to keep the name for it meanwhile, reserve it in the configuration.
   * @throws Fault conflict (the name is in use, or another agent has proved it), malformed, full, going-away
   */
  agent(name: string, options?: AgentOptions): Agent;
  /** The same with a mailbox of its own, which is open when this resolves. @throws Fault also full, unavailable */
  agent(name: string, options: AgentOptions & Required<Pick<ConnectOptions, "mailbox">>): Promise<Agent>;
  agent(name: string, options: AgentOptions & Pick<ConnectOptions, "mailbox"> = {}): Agent | Promise<Agent> {
    if (this.#phase !== "running") throw new Fault("going-away", "the broker is not running; start it first");
    const home = this.#parts.localAgents.home(options, () => this.#agents.delete(agent));
    const agent = Agent.over(name, (heard) => new MemoryLink(name, home, heard), options);
    this.#agents.add(agent);
    const { mailbox } = options;
    if (mailbox === undefined) return agent;
    return openMailbox(agent, mailbox);
  }

  /** Viewers are told of this agent that it is only there to be looked at (`broker start --demo`). */
  markDemo(name: string): void {
    this.#demo.add(name);
  }

  /**
   * Takes over the options that can change while the broker runs: limits, trusted web pages and proxies, and the files
   * of the TLS pair, which are read again even if their names are the same.
   * @param options the new options, or a function that reads them: if it throws, the audit log says that the reload was
   * refused
   * @throws Fault malformed, forbidden, unavailable: the old options stay
   */
  reload(options: BrokerOptions | (() => BrokerOptions)): Reloaded {
    if (!this.isRunning) throw new Fault("going-away", "the broker is not running; start it first");
    const { audit } = this.#parts;
    // First, and whether the configuration is right or wrong: somebody may have moved the log file away (logrotate).
    audit.reopen();
    try {
      const { config, changed, needRestart, tlsProblem } = reload(
        this.#parts,
        this.#config,
        readConfig(typeof options === "function" ? options() : options),
      );
      this.#config = config;
      audit.write({ event: "reload", changed, needRestart });
      this.#log("info", "configuration read again", { changed, needRestart });
      if (tlsProblem !== undefined)
        this.#log("warn", `the certificate ${tlsProblem}; until then clients refuse it`, {
          certificate: config.tlsCert,
        });
      return { changed, needRestart };
    } catch (thrown) {
      const problems = problemsOf(thrown);
      audit.write({ event: "reload.refused", problems });
      this.#log("error", "the configuration stays as it was", { problems });
      throw thrown;
    }
  }

  /**
   * Drains and stops: new work is refused, and work that has begun may finish within the drain limits. A second call
   * waits for the first.
   */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    // A start that is under way comes first, so that everything it opens is closed in order. If it fails, the caller of
    // `start` hears why.
    await this.#starting?.catch(() => undefined);
    if (this.#phase !== "running") {
      this.#phase = "stopped";
      return;
    }
    this.#phase = "stopping";
    // The broker's own timers do not keep the process alive, but it must live until the drain is over.
    const alive = setInterval(() => undefined, 1_000);
    try {
      await this.#end();
    } finally {
      clearInterval(alive);
    }
  }

  async #end(): Promise<void> {
    await Promise.allSettled([...this.#agents].map((agent) => agent.close()));
    const { drainReadMs, drainFlushMs } = this.#config.limits;
    const deadline = new AbortController();
    const cancel = this.#parts.clock.after(drainReadMs + drainFlushMs, () => {
      deadline.abort();
    });
    const reversed = [...this.#parts.inOrder].reverse();
    try {
      for (const part of reversed) await part.drain(deadline.signal);
    } finally {
      cancel();
    }
    this.#parts.audit.write({ event: "stop", pid: process.pid });
    for (const part of reversed) await part.stop();
    this.#phase = "stopped";
    this.#log("info", "broker stopped", { ...this.#parts.ledger.messages });
  }
}

/** An agent that cannot have its mailbox does not stay. */
async function openMailbox(agent: Agent, mailbox: MailboxOption): Promise<Agent> {
  try {
    if (mailbox !== false) await agent.openMailbox(mailbox);
  } catch (thrown) {
    await agent.close();
    throw thrown;
  }
  return agent;
}
