import type { BrokerStatus } from "../broker.js";
import { meaningOf } from "../core/index.js";
import type { MailFigures } from "../mailbox/index.js";
import { namedTexts, spanText } from "./columns.js";

/** A status for people. `width`: the columns of the terminal; undefined: lines are not broken. */
export function statusText(status: BrokerStatus, width: number | undefined): string {
  const { pid, uptimeMs, dataDir, endpoints, agents, rooms, mailboxes, backlogBytes, memoryBytes, ledger } = status;
  const { messages, copies, ofBroker } = ledger;
  const { zmqIn, zmqOut, ws } = withoutOwn(status);
  const dropped = Object.entries(copies.dropped)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(", ");
  const reasons = Object.entries(ledger.reasons).map(([reason, count]) => {
    const meaning = meaningOf(reason);
    return `${count} ${reason}${meaning === undefined ? "" : `: ${meaning}`}`;
  });
  const rows: readonly (readonly [string, string])[] = [
    ["broker", `pid ${pid}, up ${spanText(uptimeMs)}, ${mib(memoryBytes)} memory, ${mib(backlogBytes)} unsent`],
    ["data", dataDir],
    ["ZeroMQ, publish to", endpoints.zmqIn.join("\n")],
    ["ZeroMQ, subscribe at", endpoints.zmqOut.join("\n")],
    ["WebSocket", endpoints.ws.join("\n")],
    ...Object.entries(endpoints.own ?? {}).map(([name, url]) => [`WebSocket, ${name}`, url] as const),
    ["agents", `${agents} online, ${rooms} rooms`],
    [
      "connections",
      `${counted(zmqIn, "publisher")}, ${counted(zmqOut, "subscriber")}, ${counted(ws, "WebSocket")} ` +
        "(without this command's own)",
    ],
    [
      "messages",
      `${messages.accepted} accepted = ${messages.routed} routed + ${messages.stored} stored + ` +
        `${messages.refused} refused + ${messages.unroutable} unroutable + ${messages.malformed} malformed\n` +
        `${ofBroker} of them to and from the broker itself: questions of tools and agents, answers, events`,
    ],
    ...(mailboxes.boxes > 0 ? [["mailboxes", mailText(mailboxes)] as const] : []),
    ["copies", `${copies.copies} = ${copies.written} written + ${copies.pending} pending + dropped (${dropped})`],
    ...(reasons.length > 0 ? [["reasons", reasons.join("\n")] as const] : []),
  ];
  return namedTexts(
    rows.filter(([, text]) => text !== ""),
    width,
  );
}

/** What waits in mailboxes, in a line or two. */
function mailText({ boxes, waiting, leased, dead, oldestMs, diskBytes, nearlyFull, isFailing }: MailFigures): string {
  const oldest = waiting + leased === 0 ? "" : `, the oldest for ${spanText(oldestMs)}`;
  return [
    `${counted(boxes, "mailbox", "mailboxes")}: ${waiting} waiting, ${leased} leased, ${dead} dead${oldest}; ` +
      `${mib(diskBytes)} on disk`,
    ...(nearlyFull > 0 ? [`${nearlyFull} nearly full: broker mailbox list`] : []),
    ...(isFailing ? ["THEY CANNOT BE WRITTEN, and refuse what comes: broker doctor"] : []),
  ].join("\n");
}

/** The connections but the two by which a command asks. */
export function withoutOwn({ connections: { zmqIn, zmqOut, ws } }: BrokerStatus): BrokerStatus["connections"] {
  return { zmqIn: Math.max(0, zmqIn - 1), zmqOut: Math.max(0, zmqOut - 1), ws };
}

/** So many of something, in words for people. */
export function counted(count: number, what: string, whats = `${what}s`): string {
  return `${count} ${count === 1 ? what : whats}`;
}

/** Bytes for people. */
export function mib(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
