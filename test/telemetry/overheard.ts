import type { Envelope } from "../../src/core/index.js";
import type { Overheard } from "../../src/telemetry/overhearing.js";

/** When the wall clock of these messages began. */
export const wallStart = Date.UTC(2026, 0, 1);

/** A message that went by `at` milliseconds after the start. */
export function overheard(
  from: string,
  to: string,
  at: number,
  more: Partial<Overheard> & { readonly data?: unknown; readonly waitMs?: number } = {},
): Overheard {
  const { data, waitMs, ...fields } = more;
  const { messageId = `${from}-${String(at)}`, type = "inform", inReplyTo, sealed = false } = fields;
  const envelope: Envelope = {
    message_id: messageId,
    timestamp: new Date(wallStart + at).toISOString(),
    from,
    to,
    type,
    priority: "NORMAL",
    content: { message: "hello", ...(data !== undefined && { data }) },
    ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
    ...(waitMs !== undefined && { wait_ms: waitMs }),
  };
  return {
    from,
    to,
    messageId,
    type,
    inReplyTo,
    priority: "NORMAL",
    bytes: 100,
    at,
    now: wallStart + at,
    sealed,
    hidden: false,
    shared: to.startsWith("#") || to === "all",
    envelope: sealed ? undefined : envelope,
    ...fields,
  };
}
