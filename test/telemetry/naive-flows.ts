import { saysFailure, type Overheard } from "../../src/telemetry/overhearing.js";
import type { Flow } from "../../src/telemetry/telemetry.js";
import { wallStart } from "./overheard.js";

/** What was asked or answered: in the open, or not. */
interface Settled {
  readonly hidden: boolean;
  readonly failed: boolean;
  readonly latencyMs: number | undefined;
}

/** Flows as they follow from everything that was said, computed anew from the whole story. */
export function naiveFlows(story: readonly Overheard[], now: number, requestTimeoutMs: number): Flow[] {
  const flows: Flow[] = [];
  const pairs = new Set(story.map(({ from, to }) => JSON.stringify([from, to])));
  for (const pair of pairs) {
    const [from, to] = JSON.parse(pair) as [string, string];
    const said = story.filter((one) => one.from === from && one.to === to);
    const settled = settledOf(story, from, to, now, requestTimeoutMs);
    const open = said.filter(({ hidden }) => !hidden);
    if (open.length > 0)
      flows.push(
        flowOf(
          open,
          settled.filter(({ hidden }) => !hidden),
          false,
          now,
        ),
      );
    if (open.length < said.length || settled.some(({ hidden }) => hidden)) flows.push(flowOf(said, settled, true, now));
  }
  return flows;
}

function settledOf(story: readonly Overheard[], from: string, to: string, now: number, timeoutMs: number): Settled[] {
  const settled: Settled[] = [];
  let open: Overheard[] = [];
  const end = (time: number): void => {
    const isOver = (request: Overheard): boolean => request.at + (request.envelope?.wait_ms ?? timeoutMs) <= time;
    for (const { hidden, envelope } of open.filter(isOver))
      if (envelope?.wait_ms !== undefined) settled.push({ hidden, failed: true, latencyMs: undefined });
    open = open.filter((request) => !isOver(request));
  };
  for (const one of story) {
    end(one.at);
    if (one.from === from && one.to === to && one.type === "request" && !one.shared) open.push(one);
    if (one.from !== to || one.to !== from || one.type !== "response") continue;
    const request = open.find(({ messageId }) => one.inReplyTo === undefined || messageId === one.inReplyTo);
    if (request === undefined) continue;
    open = open.filter((other) => other !== request);
    const failed = one.envelope !== undefined && saysFailure(one.envelope);
    settled.push({ hidden: one.hidden || request.hidden, failed, latencyMs: one.at - request.at });
  }
  end(now);
  return settled;
}

function flowOf(said: readonly Overheard[], settled: readonly Settled[], hidden: boolean, now: number): Flow {
  const latencies = settled.flatMap(({ latencyMs }) => latencyMs ?? []);
  const second = (ms: number): number => Math.floor(ms / 1_000);
  const lately = said.filter(({ at }) => second(at) > second(now) - 10);
  const [first, last] = [said[0], said.at(-1)];
  if (first === undefined || last === undefined) throw new Error("a flow of nothing");
  return {
    from: first.from,
    to: first.to,
    hidden,
    messageCount: said.length,
    averageLatency: latencies.length === 0 ? null : latencies.reduce((a, b) => a + b, 0) / latencies.length,
    maxLatency: latencies.length === 0 ? null : Math.max(...latencies),
    minLatency: latencies.length === 0 ? null : Math.min(...latencies),
    successRate: settled.length === 0 ? null : settled.filter(({ failed }) => !failed).length / settled.length,
    bandwidth: lately.reduce((sum, { bytes }) => sum + bytes, 0) / Math.min(Math.max(now / 1_000, 1), 10) / 1_000,
    lastActivity: last.now,
    since: wallStart,
  };
}
