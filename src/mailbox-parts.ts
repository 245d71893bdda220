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

/** So many memberships that are over are told one by one. */
const toldMax = 100;

/** Memberships that outlive connections (protocols §10.3): given back once rooms and mailboxes are there. */
export function awayMembers(directory: DirectoryMemory, tables: Pick<Tables, "table">, log: Log): Lifecycle {
  return {
    start: () => {
      const lost = directory.keepAway(tables.table("away-members"));
      for (const { agent, room, why } of lost.slice(0, toldMax))
        log("warn", "a membership in a room is over", { agent, room, why });
      if (lost.length > toldMax) log("warn", "and further memberships in rooms", { count: lost.length - toldMax });
      return Promise.resolve();
    },
    drain: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}
