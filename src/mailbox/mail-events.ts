/** What somebody has done to a mailbox, for the audit log. `by`: whose doing it is, an agent or the configuration. */
export type MailboxEvent =
  | {
      readonly event: "mailbox.opened";
      readonly agent: string;
      readonly by: string;
      readonly mode: "push" | "take";
      readonly trust: string;
    }
  /** `discarded`: messages that waited in it. */
  | { readonly event: "mailbox.closed"; readonly agent: string; readonly by: string; readonly discarded: number }
  /** Dead messages that wait again. */
  | { readonly event: "mailbox.redelivered"; readonly agent: string; readonly by: string; readonly messages: number };

/** The `by` of what the configuration says. */
export const byConfiguration = "(configuration)";
