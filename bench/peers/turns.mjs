// How long the turns of this process's loop keep it busy.
import { openSync, readSync, closeSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";

/**
 * Looks how long the loop's thread has computed since the last look: what the machine does otherwise is not in it, which
 * makes a bare Node that does nothing 4 ms late now and then by the clock. Linux only.
 * @param everyMs when it looks by itself; else `look` does
 * @returns `end` tells, in milliseconds: the most between two looks, the longest collection of garbage by the clock,
 * and by how much the looks were late by the clock
 */
export function watchTurns(everyMs) {
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
  const text = Buffer.alloc(64);
  const computedMs = () => {
    readSync(file, text, 0, text.length, 0);
    return Number.parseInt(text.latin1Slice(0, 20), 10) / 1e6;
  };
  const collections = [];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collections.push(duration);
  });
  observer.observe({ entryTypes: ["gc"] });
  const looks = [{ at: performance.now(), ms: computedMs() }];
  const look = () => looks.push({ at: performance.now(), ms: computedMs() });
  const timer = everyMs === undefined ? undefined : setInterval(look, everyMs);
  const end = async () => {
    clearInterval(timer);
    await new Promise((resolve) => setTimeout(resolve, 10)); // the last collections are told of
    observer.disconnect();
    closeSync(file);
    const between = (figure) =>
      looks
        .slice(1)
        .map((one, before) => figure(one) - figure(looks[before]))
        .sort((a, b) => a - b);
    const late = between(({ at }) => at).map((ms) => Math.max(0, ms - (everyMs ?? 0)));
    return {
      lateP99: late[Math.floor(late.length * 0.99)],
      lateLongest: late.at(-1),
      longest: between(({ ms }) => ms).at(-1),
      longestCollection: Math.max(0, ...collections),
    };
  };
  return { look, end };
}
