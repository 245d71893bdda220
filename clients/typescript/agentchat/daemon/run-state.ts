import { errorCode } from "./error-words.js";
import type { DaemonLog } from "./log.js";
import type { DaemonPaths } from "./paths.js";
import { writeRun, type DaemonRun } from "./pid-file.js";
import type { UplinkState } from "./uplink.js";

/** After a write that failed, milliseconds. */
const retryMs = 1_000;

/** Keeps `daemon.json` as the daemon is, replaced in one step; what cannot be written is written when it can be. */
export class RunState {
  readonly #paths: DaemonPaths;
  readonly #log: DaemonLog;
  readonly #claimed: DaemonRun;
  #run: DaemonRun;
  #agentId: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;

  /** @param claimed what `claimPidFile` has written */
  constructor(paths: DaemonPaths, claimed: DaemonRun, log: DaemonLog) {
    this.#paths = paths;
    this.#claimed = claimed;
    this.#run = claimed;
    this.#log = log;
  }

  /** It is so now. */
  set({ connected, agentId, lastError, joined, notJoined }: UplinkState, rejectedLines: number): void {
    // With a key the agent stays who it is while there is no connection.
    this.#agentId = agentId ?? (this.#claimed.identity === undefined ? undefined : this.#agentId);
    this.#run = {
      ...this.#claimed,
      connected,
      joined,
      notJoined,
      rejectedLines,
      ...(this.#agentId !== undefined && { agentId: this.#agentId }),
      ...(lastError !== undefined && { lastError }),
    };
    this.#write();
  }

  /** Nothing is written any more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #write(): void {
    clearTimeout(this.#timer);
    try {
      writeRun(this.#paths, this.#run);
      this.#failing = false;
    } catch (thrown) {
      if (!this.#failing)
        this.#log.warn(
          { code: errorCode(thrown) },
          "daemon.json cannot be written; its status is an old one until it can",
        );
      this.#failing = true;
      this.#timer = setTimeout(() => {
        this.#write();
      }, retryMs);
    }
  }
}
