import type { BrokerStatus } from "../broker.js";
import { cut, padded, spanText } from "./columns.js";
import type { Paint } from "./output.js";
import { mib, withoutOwn } from "./status-text.js";

/** Two statuses of one broker, one after the other. */
export interface Pair {
  readonly before: BrokerStatus;
  readonly now: BrokerStatus;
}

/** What has happened between two statuses, per second. */
type Rates = Readonly<
  Record<"accepted" | "ofBroker" | "routed" | "refused" | "unroutable" | "malformed" | "written" | "dropped", number>
>;

function ratesOf({ before, now }: Pair): Rates {
  const seconds = Math.max(0.001, (now.uptimeMs - before.uptimeMs) / 1_000);
  const per = (of: (status: BrokerStatus) => number): number => (of(now) - of(before)) / seconds;
  return {
    accepted: per(({ ledger }) => ledger.messages.accepted),
    ofBroker: per(({ ledger }) => ledger.ofBroker),
    routed: per(({ ledger }) => ledger.messages.routed),
    refused: per(({ ledger }) => ledger.messages.refused),
    unroutable: per(({ ledger }) => ledger.messages.unroutable),
    malformed: per(({ ledger }) => ledger.messages.malformed),
    written: per(({ ledger }) => ledger.copies.written),
    dropped: per(({ ledger }) => Object.values(ledger.copies.dropped).reduce((sum, one) => sum + one, 0)),
  };
}

/** One line for a file or a pipe. */
export function watchLine(time: string, pair: Pair): string {
  const { agents, rooms, backlogBytes, memoryBytes } = pair.now;
  const rates = Object.entries(ratesOf(pair)).map(([what, rate]) => `${what} ${perSecond(rate)}`);
  return [
    time,
    `agents ${agents}`,
    `rooms ${rooms}`,
    ...rates,
    `unsent ${mib(backlogBytes)}`,
    `memory ${mib(memoryBytes)}`,
  ].join("  ");
}

/** The whole screen of a terminal of `width` columns, in lines. */
export function watchScreen(time: string, pair: Pair, width: number, paint: Paint): readonly string[] {
  const { now } = pair;
  const rates = ratesOf(pair);
  const { zmqIn, zmqOut, ws } = withoutOwn(now);
  const lost = rates.dropped / Math.max(1, rates.written + rates.dropped);
  const full = now.backlogBytes / now.backlogMaxBytes;
  const rows: readonly (readonly [string, string])[] = [
    ["broker", `pid ${now.pid}, up ${spanText(now.uptimeMs)}, ${mib(now.memoryBytes)} memory`],
    ["agents", `${now.agents} online, ${now.rooms} rooms, ${zmqIn} + ${zmqOut} ZeroMQ, ${ws} WebSocket`],
    ["", ""],
    ["accepted", `${perSecond(rates.accepted)}, ${perSecond(rates.ofBroker)} of them of the broker itself`],
    ["routed", perSecond(rates.routed)],
    ["not routed", notRouted(rates)],
    ["copies", `${perSecond(rates.written)} written, ${perSecond(rates.dropped)} dropped`],
    ["", ""],
    ["dropped", bar(lost, width, paint) + ` ${(lost * 100).toFixed(1)} %`],
    ["unsent", bar(full, width, paint) + ` ${mib(now.backlogBytes)} of ${mib(now.backlogMaxBytes)}`],
    ...newReasons(pair).map((reason, at) => [at === 0 ? "reasons" : "", reason] as const),
  ];
  return [
    cut(`${time}  each second; Ctrl-C ends it`, width),
    "",
    ...rows.map(([name, text]) => lineOf(name, text, width)),
  ];
}

const nameWidth = 12;

function lineOf(name: string, text: string, width: number): string {
  // A bar is made for the width, and has colours.
  return text.includes("█") || text.includes("░")
    ? padded(name, nameWidth) + text
    : cut(padded(name, nameWidth) + text, width);
}

function notRouted({ refused, unroutable, malformed }: Rates): string {
  return `${perSecond(refused)} refused, ${perSecond(unroutable)} unroutable, ${perSecond(malformed)} malformed`;
}

/** What stands behind a bar. */
const figuresWidth = 28;
const barMax = 40;

/** A bar for a share from 0 to 1; what is not nothing shows. */
export function bar(share: number, width: number, paint: Paint): string {
  const length = Math.max(4, Math.min(barMax, width - nameWidth - figuresWidth));
  const filled = share <= 0 ? 0 : Math.min(length, Math.max(1, Math.round(share * length)));
  const style = share < 0.01 ? "green" : share < 0.5 ? "yellow" : "red";
  return paint(style, "█".repeat(filled)) + paint("dim", "░".repeat(length - filled));
}

/** Reasons that have been counted since the last look. */
function newReasons({ before, now }: Pair): readonly string[] {
  return Object.entries(now.ledger.reasons)
    .map(([reason, count]) => [reason, count - (before.ledger.reasons[reason] ?? 0)] as const)
    .filter(([, more]) => more > 0)
    .map(([reason, more]) => `+${more} ${reason}`);
}

function perSecond(rate: number): string {
  return `${rate < 10 && rate > 0 ? rate.toFixed(1) : Math.round(rate)}/s`;
}
