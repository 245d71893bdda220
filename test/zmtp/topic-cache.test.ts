import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TopicCache } from "../../src/zmtp/topic-cache.js";

describe("the cache of topics", () => {
  it("gives each topic its own text, however many share a place", () => {
    const cache = new TopicCache();
    const topic = fc.oneof(fc.integer({ min: 0, max: 50_000 }).map((n) => `#room-${n}`), fc.string({ maxLength: 200, unit: "binary" }));
    fc.assert(fc.property(fc.array(topic, { maxLength: 300 }), (topics) => {
      for (const text of topics) {
        const bytes = Buffer.from(`<${text}>`);
        expect(cache.text(bytes, 1, bytes.length - 1)).toBe(bytes.toString("utf8", 1, bytes.length - 1));
      }
    }), { seed: 9, numRuns: 300 });
  });

  it("knows no text for bytes that are not UTF-8", () => {
    expect(new TopicCache().text(Buffer.from([0x61, 0xc3, 0x28]), 0, 3)).toBeUndefined();
  });

  it("gives the very same text again for a topic that comes again", () => {
    const cache = new TopicCache();
    const first = cache.text(Buffer.from("alice"), 0, 5);
    expect(first).toBe("alice");
    expect(cache.text(Buffer.from("xxalice"), 2, 7)).toBe(first);
    expect(cache.text(Buffer.from("alicf"), 0, 5)).toBe("alicf");
  });
});
