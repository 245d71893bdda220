import type { Agent } from "../../clients/typescript/agent/index.js";
import { spanText } from "./columns.js";
import { askBroker } from "./operator.js";

/** Where a message stands in a mailbox. Times in ISO 8601. */
export interface Delivery {
  readonly to: string;
  readonly state: string;
  readonly reason?: string;
  readonly stored_at: string;
  /** It is delivered until then. */
  readonly until: string;
  /** Its owner is connected. */
  readonly here: boolean;
  readonly away_since?: string;
}

/** Where the mailbox of `to` has a message of the speaker's; undefined: it does not have it. Asked behind the message. */
export async function deliveryOf(speaker: Agent, to: string, messageId: string): Promise<Delivery | undefined> {
  const { content } = await askBroker(speaker, "mailbox.state", { message_id: messageId });
  const { deliveries } = content.data as { readonly deliveries: readonly Delivery[] }; // this package's own broker
  return deliveries.find((one) => one.to === to);
}

/** `stored; bob is away since 14:05 (2 h), delivered until …`, for people. `now`: milliseconds since the epoch. */
export function deliveryText({ to, state, reason, here, away_since: since, until }: Delivery, now: number): string {
  if (state === "leased") return `stored; ${to} has taken it`;
  if (state !== "waiting") return `${state}${reason === undefined ? "" : `: ${reason}`}`;
  if (here) return `stored; ${to} is here, and gets it in its turn`;
  const away =
    since === undefined
      ? `${to} has not been here yet`
      : `${to} is away since ${timeText(since)} (${spanText(Math.max(0, now - Date.parse(since)))})`;
  return `stored; ${away}, and gets it when it comes, until ${timeText(until)}`;
}

/** Local time, to the minute. */
function timeText(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  const two = (part: number): string => String(part).padStart(2, "0");
  const day = `${String(at.getFullYear())}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
