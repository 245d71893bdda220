import { afterEach, expect, it } from "vitest";
import { LoopDelayMonitor } from "../../src/ops/loop-delay.js";
import { eventually } from "../kit/broker.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

const clock = new FakeClock();
const monitor = new LoopDelayMonitor(clock);
afterEach(() => monitor.stop());

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

it("tells how late the event loop was, for a window, and nothing when it is not running", async () => {
  expect(monitor.read()).toEqual({ p50: 0, p99: 0, max: 0 });
  await monitor.start();
  // The monitor's own timer has to have run once before a delay is one.
  await new Promise((resolve) => setTimeout(resolve, 50));
  block(300);
  await eventually(() => monitor.read().max >= 0.2, "the delay is seen");
  const { p50, p99, max } = monitor.read();
  expect([p50 <= p99, p99 <= max, p50 >= 0]).toEqual([true, true, true]);
  clock.advance(10_000);
  expect(monitor.read().max).toBeGreaterThanOrEqual(0.2);
  expect(monitor.read().max).toBeLessThan(0.2);
});
