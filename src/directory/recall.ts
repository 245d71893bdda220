import { Fault, type Durability, type Limits, type Principal } from "../core/index.js";
import type { LogBounds, LogPage, RoomLog, RoomLogs } from "../room-log/index.js";
import type { Recalled, RoomCursor, Wanted } from "./directory.js";
import type { Room } from "./room.js";

/** Messages that one answer holds, unless fewer are asked for. */
export const recallMax = 100;
/** Bytes that the messages of one answer came in; one message may be longer. They are told at once. */
const recallMaxBytes = 128 * 1024;

const nobody = (): void => undefined;

/** What a room without a log can tell. */
export function recallRecent({ upkeep: { history } }: Room, wanted: Wanted): Recalled {
  const past = "count" in wanted ? (history?.last(wanted.count) ?? []) : [];
  return { past, next: undefined, gap: "after" in wanted, more: false, heardBy: nobody };
}

/** What a durable room can tell. @throws Fault forbidden: nobody knows what was handed over to a claimed name */
export function recallLogged(log: RoomLog, logs: RoomLogs, wanted: Wanted, viewer: Principal | undefined): Recalled {
  if ("count" in wanted) {
    const size = { max: recallMax, maxBytes: recallMaxBytes };
    return recalled(log, logs, log.released, logs.reader.last(log, wanted.count, size), false);
  }
  const { after, max = recallMax, until } = wanted;
  const size = { max: Math.max(max, 1), maxBytes: recallMaxBytes, until };
  const from = startOf(log, logs, after, viewer);
  const page = logs.reader.page(log, from.seq, size);
  // What follows the end of what is wanted was told as it was said.
  const read = page.more ? page : { ...page, next: Math.max(page.next, log.released) };
  return recalled(log, logs, from.seq, read, from.gap || (page.gap && !from.anew));
}

/** Where to begin; `anew`: with the oldest, and what was before it was not to be told. */
function startOf(
  log: RoomLog,
  logs: RoomLogs,
  after: RoomCursor | "last",
  viewer: Principal | undefined,
): { readonly seq: number; readonly gap: boolean; readonly anew: boolean } {
  if (after === "last") {
    if (viewer === undefined || viewer.trust === "claimed")
      throw new Fault(
        "forbidden",
        'after: "last" needs a name that is more than claimed: log in with a token, or give the cursor {epoch, seq} of ' +
          "the last message that you have had",
      );
    const seq = logs.handedTo(log, viewer.agent);
    return { seq, gap: false, anew: seq === 0 };
  }
  const isKnown = after.epoch === log.epoch && after.seq <= log.released;
  return isKnown ? { seq: after.seq, gap: false, anew: false } : { seq: log.row.first - 1, gap: true, anew: false };
}

function recalled(log: RoomLog, logs: RoomLogs, after: number, page: LogPage, gap: boolean): Recalled {
  const { past, next, more } = page;
  return {
    past,
    next: { epoch: log.epoch, seq: next },
    gap,
    more,
    heardBy: (subscriber) => {
      logs.given(log, subscriber, after, next);
    },
  };
}

/** The bounds that somebody wants, and the usual ones for the rest. */
export function boundsOf(
  { keepMs, max, maxBytes }: Durability,
  limits: Pick<Limits, "roomLogKeepMs" | "roomLogMax" | "roomLogMaxBytes">,
): LogBounds {
  return {
    keepMs: keepMs ?? limits.roomLogKeepMs,
    max: max ?? limits.roomLogMax,
    maxBytes: maxBytes ?? limits.roomLogMaxBytes,
  };
}
