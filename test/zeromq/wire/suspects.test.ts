import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isBrokerKeyIn } from "../../../src/core/index.js";
import { Suspects } from "../../../src/zeromq/wire/suspects.js";

/** Where the first `$`, backslash or end of a quoted key stands, by looking at every byte. */
function naive(chunk: Buffer, start: number): number {
  for (let at = start; at < chunk.length; at += 1) {
    const byte = chunk[at];
    if (byte === 0x24 || byte === 0x5c) return at;
    if (byte !== 0x22 || at < start + 6) continue;
    const open = chunk.lastIndexOf('"', at - 1);
    if (open !== -1 && at - open <= 24 && isBrokerKeyIn(chunk, open + 1, at)) return at;
  }
  return chunk.length;
}

const keys = ["trust", "TRUST", "truſt", "Trust", "replay", "RePlAy", "received_at", "RECEIVED_AT", "receıved_at"];
const likeKeys = ["must", "just", "lay", "play", "delay", "_at", "sent_at", "st", "ay", "T", "Y", "trusty", "xreplay"];
const piece = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(...likeKeys).map((text) => `"${text}"`) },
  { weight: 20, arbitrary: fc.string({ maxLength: 12 }).map((text) => text.replace(/[\\$]/g, "-")) },
  { weight: 20, arbitrary: fc.nat(3_000).map((size) => 'abcdefghijklmnopqrstuvwxyz "'.repeat(200).slice(0, size)) },
  { weight: 1, arbitrary: fc.constantFrom(...keys).map((key) => `"${key}"`) },
  { weight: 1, arbitrary: fc.constantFrom("$", "\\") },
);

describe("what is suspect in a chunk", () => {
  it("is found as by looking at every byte, in chunks of every size, from every start", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(50), (pieces, first) => {
        const chunk = Buffer.from(pieces.join(""));
        const suspects = new Suspects();
        suspects.begin();
        for (let start = Math.min(first, chunk.length); start < chunk.length;) {
          suspects.seek(chunk, start);
          // A key that began before `start` belongs to another message: it may be found, and is examined for nothing.
          const wanted = naive(chunk, start);
          expect(suspects.at).toBeLessThanOrEqual(wanted);
          if (suspects.at < wanted)
            expect(isBrokerKeyIn(chunk, chunk.lastIndexOf('"', suspects.at - 1) + 1, suspects.at)).toBe(true);
          start = suspects.at + 1;
        }
      }),
      { seed: 13, numRuns: 500 },
    );
  });

  it("is every spelling of a key, wherever it stands in a large chunk", () => {
    for (const key of keys) {
      for (let before = 16_300; before < 16_500; before += 7) {
        const chunk = Buffer.concat([Buffer.alloc(before, "x"), Buffer.from(`{"${key}":1}`), Buffer.alloc(9_000, "y")]);
        const suspects = new Suspects();
        suspects.begin();
        suspects.seek(chunk, 0);
        expect(suspects.at, key).toBe(before + 2 + Buffer.byteLength(key));
        expect(suspects.needsWalk(chunk, chunk.length)).toBe(true);
        expect(suspects.needsWalk(chunk, before)).toBe(false);
      }
    }
  });

  it("costs no more than its bytes, whatever a stranger sends", () => {
    const worst = ['ust"', 'lay"', '_at"', "t", '"', '"trust"', "$", '{"$x":1}'];
    for (const text of worst) {
      const chunk = Buffer.alloc(256 * 1024, text);
      const began = process.cpuUsage();
      const suspects = new Suspects();
      suspects.begin();
      for (let start = 0; start < chunk.length; start += 1_000) if (suspects.at < start) suspects.seek(chunk, start);
      expect(process.cpuUsage(began).user, text).toBeLessThan(500_000);
    }
  });
});
