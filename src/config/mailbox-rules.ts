import { Fault } from "../core/index.js";
import { isLocalUrl } from "./doors.js";
import { agentOf, type BrokerConfig } from "./options.js";

/**
 * Mailboxes that no broker with this configuration can open.
 * @param nameOf an option as its author wrote it
 * @returns a problem with its remedy for each
 */
export function impossibleMailboxes(config: BrokerConfig, nameOf: (path: string) => string): readonly Fault[] {
  const { mailboxes, topics, limits } = config;
  const shared = mailboxes
    .map(agentOf)
    .filter((name) => topics.includes(name))
    .map(
      (name) =>
        `${nameOf("mailboxes")}: ${name} is a shared data topic (${nameOf("topics")}), which no agent has as its name`,
    );
  const tooLarge = mailboxes.flatMap((entry, at) => {
    if (typeof entry === "string") return [];
    return (["max", "max_bytes"] as const).flatMap((field) => {
      const limit = field === "max" ? "mailMax" : "mailMaxBytes";
      const [wanted = 0, most] = [entry[field], limits[limit]];
      if (wanted <= most) return [];
      return [
        `${nameOf(`mailboxes.${String(at)}`)}: ${field} must be at most ${String(most)}, which ` +
          `${nameOf(`limits.${limit}`)} gives to each mailbox; ask for less, or raise that`,
      ];
    });
  });
  return [...shared, ...tooLarge].map((problem) => new Fault("malformed", problem));
}

/**
 * Whose mailboxes wait for somebody who cannot come as it is: other machines reach the ZeroMQ doors, so a name has to be
 * proved there (protocols §9).
 * @returns the names that are not reserved for the owner of a token; none while every ZeroMQ door is local
 */
export function mailboxesToProve({ mailboxes, reserved, zmqIn, zmqOut }: BrokerConfig): readonly string[] {
  if ([...(zmqIn ?? []), ...(zmqOut ?? [])].every(isLocalUrl)) return [];
  return mailboxes.map(agentOf).filter((name) => !reserved.includes(name));
}
