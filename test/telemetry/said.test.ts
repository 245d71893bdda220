import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SaidSamples } from "../../src/telemetry/said.js";
import type { Said } from "../../src/telemetry/telemetry.js";
import { overheard, wallStart } from "./overheard.js";

function open(): { readonly told: Said[]; readonly samples: SaidSamples } {
  const told: Said[] = [];
  return { told, samples: new SaidSamples((said) => told.push(said)) };
}

const sum = (told: readonly Said[]): number => told.reduce((all, { sampled }) => all + sampled, 0);

describe("what was said", () => {
  it("is told with its content, and who may see it", () => {
    const { told, samples } = open();
    const request = overheard("ada", "bob", 5, { type: "request", priority: "HIGH", messageId: "q" });
    samples.heard({
      ...request,
      envelope: request.envelope && { ...request.envelope, expires_at: "2026-01-01T00:05:00Z" },
    });
    samples.heard(overheard("ada", "#crypto", 6));
    samples.heard(overheard("ada", "#secret", 7, { hidden: true }));
    samples.heard(overheard("ada", "bob", 8, { hidden: true, sealed: true }));
    expect(told[0]).toEqual({
      messageId: "q",
      from: "ada",
      to: "bob",
      type: "request",
      priority: "HIGH",
      content: { message: "hello" },
      expiresAt: "2026-01-01T00:05:00Z",
      at: wallStart + 5,
      privacy: "direct",
      sampled: 1,
    });
    expect(told[0]?.content, "never copied").toBe(request.envelope?.content);
    expect(told.map(({ privacy, content }) => [privacy, content?.message])).toEqual([
      ["direct", "hello"],
      ["public", "hello"],
      ["hidden", "hello"],
      ["hidden", undefined],
    ]);
  });

  it("is told of each at usual rates: 900 a second, and 300 at once", () => {
    const { told, samples } = open();
    for (let at = 0; at < 900; at += 1) samples.heard(overheard("ada", "bob", at / 0.9));
    for (let at = 0; at < 300; at += 1) samples.heard(overheard("ada", "bob", 10_000));
    expect(told).toHaveLength(1_200);
    expect(new Set(told.map(({ sampled }) => sampled))).toEqual(new Set([1]));
  });

  it("is told of a thousand a second at most, evenly, and each stands for as many as were said", () => {
    const { told, samples } = open();
    for (let at = 0; at < 200_000; at += 1) samples.heard(overheard("ada", "bob", at / 20));
    expect(told.length).toBeGreaterThan(9_000);
    expect(told.length).toBeLessThanOrEqual(10_000 + 300);
    expect(sum(told)).toBeGreaterThan(199_900);
    expect(sum(told)).toBeLessThanOrEqual(200_000);
    const later = told.filter(({ at }) => at > wallStart + 1_000);
    expect(new Set(later.map(({ sampled }) => sampled))).toEqual(new Set([20]));
  });

  it("stands for what passed without being looked at, too", () => {
    const { told, samples } = open();
    for (let window = 0; window < 50; window += 1) {
      for (let at = 0; at < 500; at += 1) samples.heard(overheard("ada", "bob", window * 100));
      samples.counted("bob", 99_500);
    }
    const all = 50 * 100_000;
    expect(sum(told)).toBeGreaterThan(all * 0.97);
    expect(sum(told)).toBeLessThanOrEqual(all);
    const last = told.slice(-100).map(({ sampled }) => sampled);
    expect([Math.min(...last), Math.max(...last)]).toEqual([1_000, 1_000]);
  });

  it("stands for nothing of a flood that was over long ago", () => {
    const { told, samples } = open();
    for (let at = 0; at < 500; at += 1) samples.heard(overheard("ada", "bob", 0));
    samples.counted("bob", 1_000_000);
    samples.heard(overheard("ada", "bob", 60_000));
    expect(told.at(-1)?.sampled).toBe(1);
  });

  it("does not show in what everybody sees how much is said in secret", () => {
    const { told, samples } = open();
    for (let at = 0; at < 50_000; at += 1) {
      samples.heard(overheard("ada", "bob", at / 10, { hidden: true, sealed: true }));
      if (at % 100 === 0) samples.heard(overheard("ada", "#crypto", at / 10));
    }
    const seen = told.filter(({ privacy }) => privacy !== "hidden");
    expect(seen).toHaveLength(500);
    expect(seen.every(({ sampled }) => sampled === 1)).toBe(true);
    expect(told.length - seen.length).toBeLessThanOrEqual(5 * 500 + 150);
  });

  it("never stands for more than was said, whatever the traffic", () => {
    const burst = fc.record({
      pauseMs: fc.constantFrom(0, 1, 20, 100, 130, 500, 5_000),
      heard: fc.integer({ min: 0, max: 900 }),
      counted: fc.constantFrom(0, 0, 1, 700, 100_000),
    });
    fc.assert(
      fc.property(fc.array(burst, { maxLength: 40 }), (bursts) => {
        const { told, samples } = open();
        let at = 0;
        let said = 0;
        for (const { pauseMs, heard, counted } of bursts) {
          at += pauseMs;
          for (let one = 0; one < heard; one += 1) samples.heard(overheard("ada", "bob", at));
          samples.counted("bob", counted);
          said += heard + counted;
          expect(sum(told)).toBeLessThanOrEqual(said);
          expect(told.every(({ sampled }) => Number.isInteger(sampled) && sampled >= 1)).toBe(true);
          expect(told.length).toBeLessThanOrEqual(300 + at);
        }
      }),
      { seed: 5, numRuns: 60 },
    );
  });
});
