import { configuredBox, isLocalUrl, type BrokerConfig } from "./config/index.js";
import type { Lifecycle, Log } from "./core/index.js";
import type { DirectoryMemory } from "./directory/index.js";
import { Mailboxes, MailStoreLmdb, type MailboxesOptions } from "./mailbox/index.js";
import type { DataDirectory, Tables } from "./storage/index.js";

/** What mailboxes take from the other parts. */
type Given = Omit<MailboxesOptions, "store" | "mayClaim" | "configured">;

/** The mailboxes of a broker, on disk in its data directory. */
export function assembleMailboxes(config: BrokerConfig, data: DataDirectory, given: Given): Mailboxes {
  return new Mailboxes({
    ...given,
    store: new MailStoreLmdb({
      path: data.file("mail"),
      failed: (error) => {
        given.log("error", "mailboxes could not be written", { error: String(error) });
      },
    }),
    mayClaim: [...(config.zmqIn ?? []), ...(config.zmqOut ?? [])].every(isLocalUrl),
    configured: config.mailboxes.map(configuredBox),
  });
}

/** Memberships that outlive connections (protocols §10.3): given back once rooms and mailboxes are there. */
export function awayMembers(directory: DirectoryMemory, tables: Pick<Tables, "table">, log: Log): Lifecycle {
  return {
    start: () => {
      for (const { agent, room, why } of directory.keepAway(tables.table("away-members")))
        log("warn", "a membership in a room is over", { agent, room, why });
      return Promise.resolve();
    },
    drain: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}
