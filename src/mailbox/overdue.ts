import type { Box } from "./box.js";
import type { MailRow } from "./mail-row.js";

/** What is known of a request that was not answered in time. */
export interface Overdue {
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Where a request of a box stands whose asker waits no longer; undefined if it has come to an end. */
export function overdueOf(row: MailRow, { name, settings }: Box, isHere: boolean): Overdue | undefined {
  const { state } = row;
  if (state !== "waiting" && state !== "leased" && state !== "done") return undefined;
  const until = new Date(row.until).toISOString();
  const since = settings.awaySince === undefined ? undefined : new Date(settings.awaySince).toISOString();
  const data = { state, until, ...(since !== undefined && { away_since: since }) };
  if (state === "done") return { message: `${name} has it and has not answered in time`, data };
  const away = isHere ? "which has not taken it yet" : `away${since === undefined ? "" : ` since ${since}`}`;
  return { message: `stored for ${name}, ${away}, will be delivered until ${until}`, data };
}
