import { eventsTopic } from "../../core/index.js";
import { warn, type ZeromqContext } from "./context.js";

/** A second connection that is gone within this time was a reconnect, or a command of the same agent. */
const lastsMs = 2_000;
/** At most this many names are told of in one round. */
const toldPerRound = 100;
/** How often one name is told of: once a minute. */
const perName = { perSecond: 1 / 60, burst: 1 };

/**
 * Names that more than one ZeroMQ connection uses: all of them hear what is for the name, and all do the work (ZeroMQ
 * §5.4). When that has lasted, the log and `$events` are told once.
 */
export class DoubledNames {
  // bound: agentsMax · evicts: a name leaves when it is told of, or when one of its connections leaves · owner:
  // DoubledNames
  readonly #since = new Map<string, { readonly at: number; readonly remote: string }>();
  readonly #context: Pick<ZeromqContext, "clock" | "directory" | "exchange" | "ledger" | "limiter" | "log">;

  constructor(context: Pick<ZeromqContext, "clock" | "directory" | "exchange" | "ledger" | "limiter" | "log">) {
    this.#context = context;
  }

  /** `count` connections use the name now, the last of them from `remote`. */
  joined(name: string, count: number, remote: string): void {
    if (count === 2) this.#since.set(name, { at: this.#context.clock.monotonic(), remote });
  }

  /** A connection has left the name; `count` still use it. */
  left(name: string, count: number): void {
    if (count < 2) this.#since.delete(name);
  }

  /** Tells of the names that have been doubled long enough. Called once a second. */
  round(): void {
    const now = this.#context.clock.monotonic();
    let left = toldPerRound;
    for (const [name, { at, remote }] of this.#since) {
      if (now - at < lastsMs || left === 0) return;
      left -= 1;
      this.#since.delete(name);
      this.#tell(name, remote);
    }
  }

  #tell(name: string, remote: string): void {
    const { directory, exchange, ledger, limiter } = this.#context;
    const entry = directory.agent(name);
    if (entry === undefined) return;
    ledger.count("agent-doubled");
    if (limiter.take(`doubled ${name}`, perName) > 0) return;
    const { connections, displayName, dialect, trust } = entry;
    warn(this.#context, remote, "several connections use one name", {
      agent: name,
      connections,
      remedy: "all of them hear what is for the name, and all do the work: give each program a name of its own",
    });
    exchange.announce(eventsTopic, {
      type: "inform",
      content: {
        message: `${connections} connections use the name ${name}, and all of them hear what is for it`,
        kind: "agent.doubled",
        data: { agent: name, displayName, dialect, trust, connections },
      },
    });
  }
}
