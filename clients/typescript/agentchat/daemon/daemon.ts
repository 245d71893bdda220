import { watch, type FSWatcher } from "node:fs";
import { basename, resolve as absolute } from "node:path";
import { readIdentity } from "../identity-file.js";
import { chatClient, type DaemonClientFactory, type DaemonClientOptions } from "./daemon-client.js";
import { errorCode } from "./errors.js";
import { HeardMessages } from "./heard.js";
import { Inbox } from "./inbox.js";
import { DaemonLog } from "./log.js";
import { Outbox } from "./outbox.js";
import { OutboxFile } from "./outbox-file.js";
import { makeFolder, defaultInstance, getDaemonPaths, type DaemonPaths } from "./instance-folder.js";
import { claimPidFile, holdsPidFile, releasePidFile, type DaemonRun, RunState } from "./run-files.js";
import { Uplink } from "./uplink.js";

/** What a daemon connects, and where its files are. */
export interface AgentChatDaemonOptions {
  /** `ws://localhost:6667` */
  readonly server: string;
  /** The instance: 1 to 64 of `A-Z a-z 0-9 _ -`. */
  readonly name?: string;
  /** Path of an identity.json. Without one the agent has another id after each reconnect. */
  readonly identity?: string;
  readonly channels?: readonly string[];
  /** Its files are in `.agentchat/daemons/<name>/` there. */
  readonly dir?: string;
  /** False: what the daemon sends does not come back into its inbox. */
  readonly echo?: boolean;
  /**
   * True: opens the agent's mailbox at the server (AgentChat §14.1), which keeps what is said to it while the daemon is
   * away. Needs an identity.
   */
  readonly mailbox?: boolean;
  /** False: SIGTERM, SIGINT and SIGHUP are the caller's to handle, by {@link AgentChatDaemon.stop}. */
  readonly handleSignals?: boolean;
  /**
   * How often it looks at the outbox if the file system reports no change, and checks that its files are still its own;
   * milliseconds.
   */
  readonly pollMs?: number;
  /** Another client, for tests. */
  readonly clientFactory?: DaemonClientFactory;
}

/** The channels that a daemon joins by default (AgentChat §9.4). */
export const defaultChannels: readonly string[] = Object.freeze(["#general", "#agents"]);

/** How long a stop waits for the confirmation of the message that was sent last, milliseconds. */
const farewellMs = 2_000;
const maxNameLength = 32;
const defaultPollMs = 1_000;
const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/**
 * A lasting connection that is used through files (AgentChat §9): what the agent hears is appended to `inbox.jsonl`,
 * and lines written to `outbox.jsonl` are sent.
 * @example
 * const daemon = new AgentChatDaemon({ server: "ws://localhost:6667", name: "agent1", identity: "./identity.json" });
 * await daemon.start();
 */
export class AgentChatDaemon {
  readonly paths: DaemonPaths;
  /**
   * Resolves when it has stopped: with the error if it gave up by itself (refused for good, its files deleted),
   * else with undefined.
   */
  readonly ended: Promise<Error | undefined>;
  readonly #options: AgentChatDaemonOptions;
  readonly #instance: string;
  readonly #log: DaemonLog;
  readonly #inbox: Inbox;
  readonly #heard = new HeardMessages();
  readonly #uplink: Uplink;
  readonly #stopping = new AbortController();
  readonly #end: (error: Error | undefined) => void;
  readonly #onSignal = (): void => {
    void this.stop();
  };
  #watcher: FSWatcher | undefined;
  #guard: NodeJS.Timeout | undefined;
  #claim: Promise<DaemonRun | undefined> = Promise.resolve(undefined);
  #sending: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #error: Error | undefined;
  #state: RunState | undefined;
  #rejectedLines = 0;
  #phase: "idle" | "claimed" = "idle";

  /** @throws Error if `name` is not allowed for an instance */
  constructor(options: AgentChatDaemonOptions) {
    const { name = defaultInstance, dir, channels = defaultChannels } = options;
    this.#options = options;
    this.#instance = name;
    this.paths = getDaemonPaths(name, dir);
    this.#log = new DaemonLog(this.paths.log);
    this.#inbox = new Inbox(this.paths.inbox, this.#log);
    this.#uplink = new Uplink({
      makeClient: async (hears) => (options.clientFactory ?? chatClient)(await this.#clientOptions(), hears),
      channels,
      log: this.#log,
      hear: (event) => {
        if (!this.#heard.isKnown(event)) this.#inbox.add(event);
      },
      changed: () => {
        this.#tellState();
      },
      giveUp: (error) => {
        this.#giveUp(error);
      },
    });
    let end: (error: Error | undefined) => void = () => undefined;
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    this.#end = end;
  }

  /** The `@agent-id` it is connected with; undefined while it is not connected. */
  get agentId(): string | undefined {
    return this.#uplink.agentId;
  }

  /**
   * Starts it. Resolves when the first attempt to connect has succeeded, or has failed for a reason that may pass: then
   * it tries again for as long as it runs. A stop ends the start, too.
   * @throws Error if an instance of this name runs, its files cannot be used, or server or identity refuse it for good
   */
  async start(): Promise<void> {
    const isUsed = this.#phase !== "idle" || this.#stopped !== undefined;
    if (isUsed) throw new Error("this daemon was started before; make a new one");
    const { server, identity, channels = defaultChannels, handleSignals = true } = this.#options;
    makeFolder(this.paths);
    // Before anybody can learn its pid: whoever stops it then must not kill it.
    if (handleSignals) for (const signal of signals) process.on(signal, this.#onSignal);
    this.#claim = this.#claimed({ server, channels, ...(identity !== undefined && { identity: absolute(identity) }) });
    const run = await this.#claim.catch((thrown: unknown) => {
      this.#ignoreSignals();
      throw thrown;
    });
    if (run === undefined) return this.#stopped;
    this.#state = new RunState(this.paths, run, this.#log);
    this.#phase = "claimed";
    if (this.#stopping.signal.aborted) return this.stop();
    try {
      this.#guard = this.#watchOver(run);
      this.#inbox.open();
      this.#heard.learn(this.#inbox.lines());
      this.#log.info({ pid: process.pid, instance: this.#instance, server }, "daemon started");
      this.#send();
    } catch (thrown) {
      this.#error = thrown instanceof Error ? thrown : new Error(String(thrown));
      await this.stop();
      throw thrown;
    }
    await this.#uplink.open();
    await this.#stopped;
    if (this.#error !== undefined) throw this.#error;
  }

  /** Stops it at any time. The message that is being sent is finished; the files stay for the next start. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  #ignoreSignals(): void {
    for (const signal of signals) process.off(signal, this.#onSignal);
  }

  /** Undefined if it was stopped before. */
  async #claimed(about: Parameters<typeof claimPidFile>[1]): Promise<DaemonRun | undefined> {
    const { signal } = this.#stopping;
    try {
      return await claimPidFile(this.paths, about, signal);
    } catch (thrown) {
      if (signal.aborted) return undefined;
      throw thrown;
    }
  }

  #giveUp(error: Error): void {
    this.#error = error;
    void this.stop();
  }

  /** Ends the daemon if its folder was removed: without its pid file nobody could stop it. */
  #watchOver(run: DaemonRun): NodeJS.Timeout {
    const { pollMs = defaultPollMs } = this.#options;
    return setInterval(() => {
      if (holdsPidFile(this.paths, run)) return;
      this.#state?.close();
      this.#state = undefined; // the files may be another process's
      this.#giveUp(
        Object.assign(
          new Error(
            `${this.paths.pid} is no longer this daemon's: somebody has removed it, or another daemon runs there`,
          ),
          { code: "FILES_LOST" },
        ),
      );
    }, pollMs);
  }

  #send(): void {
    const { pollMs = defaultPollMs } = this.#options;
    const file = OutboxFile.open(this.paths, this.#instance, this.#log);
    this.#uplink.alsoJoin(file.joined);
    const onSetAside = (): void => {
      this.#rejectedLines += 1;
      this.#tellState();
    };
    const outbox = new Outbox({
      file,
      rejected: this.paths.rejected,
      inbox: this.#inbox,
      uplink: this.#uplink,
      log: this.#log,
      pollMs,
      onSetAside,
    });
    this.#watcher = this.#watch(outbox);
    this.#sending = outbox.run(this.#stopping.signal);
  }

  #tellState(): void {
    this.#state?.set(this.#uplink.state, this.#rejectedLines);
  }

  /** Watches the folder, so that a replaced file is noticed, too. Where watching does not work, the poll finds it. */
  #watch(outbox: Outbox): FSWatcher | undefined {
    const name = basename(this.paths.outbox);
    try {
      const watcher = watch(this.paths.dir, (_kind, changed) => {
        if (changed === null || changed === name) outbox.wake();
      });
      watcher.on("error", (error) => {
        this.#log.warn({ code: errorCode(error) }, "outbox cannot be watched; it is looked at from time to time");
        watcher.close();
      });
      return watcher;
    } catch (thrown) {
      this.#log.warn({ code: errorCode(thrown) }, "outbox cannot be watched; it is looked at from time to time");
      return undefined;
    }
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#claim.catch(() => undefined); // whoever has called start() hears of it
    if (this.#phase === "claimed") {
      clearInterval(this.#guard);
      const late = setTimeout(() => {
        void this.#uplink.close();
      }, farewellMs);
      await this.#sending;
      clearTimeout(late);
      await this.#uplink.close();
      this.#watcher?.close();
      await this.#inbox.settled();
      this.#inbox.close();
      this.#tellState();
      this.#state?.close();
      this.#state = undefined; // the files may be another process's from here on
      this.#log.info(
        { instance: this.#instance, ...(this.#error !== undefined && { code: errorCode(this.#error) }) },
        "daemon stopped",
      );
      releasePidFile(this.paths);
    }
    this.#ignoreSignals();
    this.#end(this.#error);
  }

  async #clientOptions(): Promise<DaemonClientOptions> {
    const { server, identity, echo, mailbox } = this.#options;
    const name =
      (identity === undefined ? undefined : await nameIn(identity)) ?? this.#instance.slice(0, maxNameLength);
    return {
      server,
      name,
      ...(identity !== undefined && { identity }),
      ...(echo !== undefined && { echo }),
      ...(mailbox === true && { mailbox }),
    };
  }
}

/** The agent's name in its identity file; undefined if the file cannot be read (the client then says why). */
async function nameIn(path: string): Promise<string | undefined> {
  try {
    return (await readIdentity(path)).name;
  } catch {
    return undefined;
  }
}
