import { z } from "zod";
import { Fault } from "../../core/index.js";
import { noList } from "../fields.js";
import { kind } from "../kind.js";

const names = z.array(z.string());
const missing = "is missing; it is an agent's name, or issuer#sub";

/** `network.forget`: erases what is kept of a user, for the operator (protocols §1.21). */
export const networkForget = kind({
  request: z.strictObject({ user: z.string(missing).min(1, missing).max(4_096, "is longer than any user's") }),
  answer: z.object({
    agents: names.describe("the agents that it was known as"),
    sessions: z.int().min(0).describe("sessions that were closed before"),
    bindings: names.describe("names that it had taken with another issuer's token"),
    proved: names.describe("names that were remembered as proved"),
    contacts: z.int().min(0),
    remembered: names.describe("names that were remembered as agents with listed contacts"),
    mailboxes: names.describe("names whose mailbox stays, with what is in it"),
  }),
  right: "operate",
  length: noList,
  run: async ({ asker, forget }, { user }) => {
    if (forget === undefined) throw new Fault("unsupported", "this broker keeps nothing of users");
    const data = await forget(user, asker);
    const { agents, sessions, contacts, mailboxes } = data;
    const parts = [
      sessions === 1 ? "1 session was closed" : `${sessions} sessions were closed`,
      contacts === 1 ? "1 contact is erased" : `${contacts} contacts are erased`,
    ];
    if (mailboxes.length > 0) parts.push(`the mailbox of ${mailboxes.join(", ")} stays (broker mailbox close)`);
    return { message: `${agents.join(", ")}: forgotten; ${parts.join("; ")}`, data };
  },
});
