import type { Lifecycle } from "./core/index.js";
import type { DirectoryMemory } from "./directory/index.js";
import type { IdentityTokens } from "./identity/index.js";
import type { Binding, ConfiguredIssuers } from "./identity/providers/index.js";
import type { DataDirectory, TablesLmdb } from "./storage/index.js";
import type { MultiAgents } from "./telemetry/multi-agents.js";

/** The data directory, and what is read from it before anything else starts. */
export interface KeptParts {
  readonly data: DataDirectory;
  readonly tables: TablesLmdb;
  readonly identity: IdentityTokens;
  readonly issuers: ConfiguredIssuers;
  readonly directory: DirectoryMemory;
  readonly multiAgents: MultiAgents;
}

/**
 * Takes the data directory and reads it; gives it back at the end, when nothing writes any more.
 * @param lost called when another broker has taken it
 * @param timers what is closed then: nothing of it is to happen any more
 */
export function storagePart(
  { data, tables, identity, issuers, directory, multiAgents }: KeptParts,
  lost: () => void,
  timers: readonly { close(): void }[],
): Lifecycle {
  return part({
    start: async () => {
      await data.claim(lost);
      try {
        tables.open();
        identity.load();
        issuers.load(tables.table<Binding>("proved-outside"));
        directory.contacts.load(tables);
        await directory.keepRooms(tables.table("rooms"));
        multiAgents.load(tables.table("multiagents"));
      } catch (thrown) {
        await tables.close();
        data.release();
        throw thrown;
      }
    },
    stop: async () => {
      issuers.close();
      for (const each of timers) each.close();
      directory.close();
      await tables.close();
      data.release();
    },
  });
}

/** A part that has nothing to drain. */
export function part({
  start,
  stop = () => Promise.resolve(),
}: Pick<Lifecycle, "start"> & Partial<Lifecycle>): Lifecycle {
  return { start, stop, drain: () => Promise.resolve() };
}
