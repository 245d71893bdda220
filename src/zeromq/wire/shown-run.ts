import type { ByteWatcher } from "../../core/index.js";
import { bodyStart, frameEnd } from "./codec.js";

/**
 * Shows a run of whole two-part messages of one topic, `bytes[start, end)`, to who looks: so many of them as it wants
 * to see.
 */
export function showRun(
  watcher: ByteWatcher,
  topic: string,
  bytes: Buffer,
  start: number,
  end: number,
  count: number,
): void {
  let wanted = watcher.passed(topic, count, end - start);
  for (let at = start; wanted > 0 && at < end; wanted -= 1) {
    const second = frameEnd(bytes, at, Infinity);
    const next = frameEnd(bytes, second, Infinity);
    watcher.saw(topic, bytes.subarray(bodyStart(bytes, second), next), next - at);
    at = next;
  }
}
