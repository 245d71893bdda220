import type { Lifecycle, Log } from "../core/index.js";
import { TablesLmdb } from "../storage/index.js";
import { noLogs, type LogFigures } from "./log-figures.js";
import type { LogTableRow } from "./log-row.js";
import { RoomLogs, type RoomLogsOptions } from "./room-logs.js";

/** The table of all logs. */
export const logsTable = "logs";

/** What durable rooms remember on disk uses. */
export interface RoomLogsLmdbOptions extends Omit<RoomLogsOptions, "failed"> {
  /** The folder; made if it is not there, mode 0700. */
  readonly path: string;
  /** Restores the rooms of which something is remembered. */
  readonly restore: (logs: RoomLogs) => Promise<void>;
  readonly log: Log;
}

/** What durable rooms remember, in a folder of its own: much is written there, and some of it is forgotten soon. */
export class RoomLogsLmdb implements Lifecycle {
  readonly #tables: TablesLmdb;
  readonly #options: RoomLogsLmdbOptions;
  #logs: RoomLogs | undefined;

  constructor(options: RoomLogsLmdbOptions) {
    this.#options = options;
    this.#tables = new TablesLmdb({
      path: options.path,
      holds: "what durable rooms remember",
      failed: this.#tell("what was said in durable rooms could not be kept"),
    });
  }

  /** @throws Fault unavailable, naming the folder and the remedy */
  async start(): Promise<void> {
    const failed = this.#tell("a message of a durable room could not be read, or given to those in it");
    this.#tables.open();
    try {
      this.#logs = new RoomLogs(this.#tables.table<LogTableRow>(logsTable), { ...this.#options, failed });
      await this.#options.restore(this.#logs);
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** What is remembered in numbers. */
  figures(): LogFigures {
    return this.#logs?.figures() ?? noLogs;
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  /** Resolves when everything that was taken is on disk. */
  async stop(): Promise<void> {
    await this.#logs?.close();
    await this.#tables.close();
  }

  #tell(what: string): (thrown: unknown) => void {
    return (thrown) => {
      this.#options.log("error", what, { error: String(thrown) });
    };
  }
}
