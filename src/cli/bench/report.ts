import { table } from "../output.js";
import type { Load, Tally } from "./load.js";

/** The result of a bench. */
export interface BenchResult {
  readonly via: string;
  readonly pairs: number;
  /** From the first message sent to the last one sent, received or refused. */
  readonly seconds: number;
  /** Bytes of one text. */
  readonly size: number;
  readonly sent: number;
  readonly received: number;
  readonly refused: number;
  /** Sent and neither received nor refused. */
  readonly lost: number;
  readonly messagesPerSecond: number;
  /** From the call that sends to the handler that receives; null if nothing was received. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number } | null;
  /** Why messages were refused or connections were lost. */
  readonly reasons: readonly string[];
}

/** The figures of a bench. Latencies are milliseconds. */
export function benchResult(
  via: string,
  { pairs, size }: Load,
  { latencies, sent, heard, refused, reasons, elapsedMs }: Tally,
): BenchResult {
  const ms = (share: number): number => round(latencies.quantile(share) ?? 0);
  return {
    via,
    pairs,
    size,
    sent,
    refused,
    seconds: round(elapsedMs / 1_000),
    received: heard,
    lost: Math.max(0, sent - heard - refused),
    messagesPerSecond: elapsedMs === 0 ? 0 : Math.round((heard * 1_000) / elapsedMs),
    latencyMs: heard === 0 ? null : { p50: ms(0.5), p95: ms(0.95), p99: ms(0.99), max: round(latencies.maxMs) },
    reasons: [...reasons],
  };
}

/** The result as a table for people. */
export function benchTable({
  via,
  pairs,
  seconds,
  size,
  sent,
  received,
  refused,
  lost,
  messagesPerSecond,
  latencyMs,
  reasons,
}: BenchResult): string {
  const rows = [
    ["via", `${via}, ${pairs} ${pairs === 1 ? "pair" : "pairs"}, ${size} bytes each, ${seconds} s`],
    ["messages/s", String(messagesPerSecond)],
    [
      "latency ms",
      latencyMs === null
        ? "-"
        : `p50 ${latencyMs.p50}  p95 ${latencyMs.p95}  p99 ${latencyMs.p99}  max ${latencyMs.max}`,
    ],
    ["messages", `${sent} sent = ${received} received + ${refused} refused + ${lost} lost`],
    ...reasons.map((reason) => ["because", reason]),
  ];
  return table(rows);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

const widthChars = 24;
const everyMs = 200;

/**
 * Shows a bar on the terminal while a load runs; does nothing if stderr is not a terminal.
 * @returns ends it and clears its line
 */
export function showProgress(seconds: number, tally: Tally): () => void {
  if (!process.stderr.isTTY) return () => undefined;
  const startAt = performance.now();
  const timer = setInterval(() => {
    const share = Math.min(1, (performance.now() - startAt) / (seconds * 1_000));
    const done = Math.round(share * widthChars);
    process.stderr.write(
      `\r[${"#".repeat(done)}${" ".repeat(widthChars - done)}] ${tally.sent} sent, ${tally.heard} received\u001b[K`,
    );
  }, everyMs);
  return () => {
    clearInterval(timer);
    process.stderr.write("\r\u001b[K");
  };
}
