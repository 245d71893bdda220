import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Router, topicOf, type Subscriber } from "../../../src/core/index.js";
import { RouteCache } from "../../../src/zeromq/wire/route-cache.js";

const anybody: Subscriber = { deliver: () => true };

function find(cache: RouteCache, topic: string): ReturnType<RouteCache["route"]> {
  const bytes = Buffer.from(`<${topic}>`);
  return cache.route(bytes, 1, bytes.length - 1);
}

describe("the cache of routes", () => {
  it("agrees with the router, whatever is subscribed, left and asked in between", () => {
    const topic = fc.oneof(
      fc.integer({ min: 0, max: 20 }).map((n) => `#room-${n}`),
      fc.string({ maxLength: 12, unit: "binary" }).map((text) => Buffer.from(text).toString()),
    );
    const step = fc.record({ do: fc.constantFrom("subscribe", "leave", "ask"), topic });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const router = new Router();
        const cache = new RouteCache(router);
        const leave = new Map<string, () => void>();
        for (const { do: what, topic: name } of steps) {
          if (what === "subscribe" && !leave.has(name)) leave.set(name, router.subscribe(name, anybody));
          if (what === "leave") {
            leave.get(name)?.();
            leave.delete(name);
          }
          expect(find(cache, name)).toBe(router.route(name));
        }
      }),
      { seed: 9, numRuns: 300 },
    );
  });

  it("agrees with the router when there are more topics than places", () => {
    const router = new Router();
    const cache = new RouteCache(router);
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 80_000; n += 1) {
        if (round === 0) router.subscribe(`#room-${n}`, anybody);
        if (find(cache, `#room-${n}`) !== router.route(`#room-${n}`)) expect.fail(`#room-${n} differs`);
      }
    }
    expect(find(cache, "#room-80000")).toBeUndefined();
  });

  it("takes bytes that are not UTF-8 for themselves, never for the text that stands for unreadable bytes", () => {
    const router = new Router();
    const cache = new RouteCache(router);
    const bytes = Buffer.from([0x61, 0xc3, 0x28]);
    router.subscribe("a\u{fffd}(", anybody);
    expect(cache.route(bytes, 0, 3)).toBeUndefined();
    router.subscribe(topicOf(bytes, 0, 3), anybody);
    expect(cache.route(bytes, 0, 3)?.topic).toBe(topicOf(bytes, 0, 3));
    expect(cache.route(Buffer.from([0x61, 0xc4, 0x28]), 0, 3)).toBeUndefined();
  });
});
