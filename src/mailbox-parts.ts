import { configuredBox, isLocalUrl, type BrokerConfig } from "./config/index.js";
import { Mailboxes, MailStoreLmdb, type MailboxesOptions } from "./mailbox/index.js";
import type { DataDirectory } from "./storage/index.js";

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
