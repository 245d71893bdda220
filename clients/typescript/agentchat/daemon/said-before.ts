import type { CommandOf } from "../../../../bridges/agentchat/schema.js";
import type { Outgoing, Step } from "./outbox-line.js";

/** What means something else, or is refused, when it is said a second time. */
export type Unrepeatable = Step | CommandOf<"CREATE_CHANNEL">;

/** True for what must not be said again without a look at what came of it. */
export function isUnrepeatable(line: Outgoing): line is Unrepeatable {
  return line.type !== "MSG" && line.type !== "JOIN" && line.type !== "LEAVE" && line.type !== "INVITE";
}

/**
 * What the last line of the inbox that tells of this step calls it; "" if there is none. Another word than before the
 * step was said: it was taken, and need not be said again.
 * @param self whose step it is, an `@agent-id`
 */
export function lastHeard(line: Unrepeatable, inbox: readonly string[], self: string | undefined): string {
  const type = line.type === "CREATE_CHANNEL" ? "JOINED" : line.type;
  for (const text of inbox.toReversed()) {
    if (!text.includes(`"${type}"`)) continue;
    const event = parsed(text);
    if (event["type"] === type && tellsOf(line, event, self))
      return String(line.type === "CREATE_CHANNEL" ? event["ts"] : event["proposal_id"]);
  }
  return "";
}

function tellsOf(line: Unrepeatable, event: Readonly<Record<string, unknown>>, self: string | undefined): boolean {
  if (line.type === "CREATE_CHANNEL") return event["channel"] === line.channel;
  if (event["from"] !== self) return false;
  if (line.type !== "PROPOSAL") return event["proposal_id"] === line.proposal_id;
  const to = line.to.startsWith("@") ? line.to : `@${line.to}`;
  return (
    event["to"] === to &&
    (["task", "amount", "currency", "payment_code", "terms", "expires"] as const).every(
      (field) => event[field] === line[field],
    )
  );
}

/** A line of the inbox; nothing if its reader has left something else there. */
function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null ? { ...read } : {};
  } catch {
    return {};
  }
}
