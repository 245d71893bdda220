import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { algorithms, compress, open, ratioMax } from "../../../bridges/visualisation/compression.js";
import { Fault } from "../../../src/core/index.js";
import { faultOf } from "../../kit/fault-of.js";

const max = 1 << 20;
const words = Buffer.from("state EXECUTING, state IDLE, ".repeat(400));
/** What each algorithm's own library makes of zeros, as small as it can. */
const packed = {
  deflate: (bytes: Buffer) => deflateSync(bytes, { level: 9 }),
  gzip: (bytes: Buffer) => gzipSync(bytes, { level: 9 }),
  brotli: (bytes: Buffer) => brotliCompressSync(bytes),
};

describe("compression", () => {
  it.each(algorithms)("opens what it has compressed: %s, at each level that is granted", (algorithm) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.constantFrom(1, 5, 6), (bytes, level) => {
        const compressed = compress(algorithm, level, bytes);
        expect(Uint8Array.from(open(algorithm, compressed, bytes.length, max))).toEqual(bytes);
      }),
    );
    expect(compress(algorithm, 1, words).length).toBeLessThan(words.length / 10);
  });

  it("calls deflate what RFC 1950 calls zlib", () => {
    expect(compress("deflate", 6, words).readUInt16BE(0) % 31).toBe(0);
    expect(compress("deflate", 6, words)[0]).toBe(0x78);
    expect(faultOf(() => open("deflate", deflateRawSync(words), words.length, max)).code).toBe("malformed");
  });

  it.each(algorithms)("refuses a size that lies: %s", (algorithm) => {
    const compressed = compress(algorithm, 6, words);
    const refusal = (originalSize: number, maxBytes = max) => {
      const { code, message } = faultOf(() => open(algorithm, compressed, originalSize, maxBytes));
      return `${code}: ${message}`;
    };
    expect(refusal(words.length - 1)).toMatch(/^malformed: .*larger/);
    expect(refusal(words.length + 1)).toMatch(/^malformed: .*smaller/);
    expect(refusal(0)).toMatch(/^malformed: .*cannot have/);
    expect(refusal(words.length, words.length - 1)).toMatch(/^too-large: /);
    expect(open(algorithm, compressed, words.length, words.length)).toEqual(words);
  });

  it.each(algorithms)("opens no bomb: %s", (algorithm) => {
    const bomb = packed[algorithm](Buffer.alloc(16 * max));
    const before = process.memoryUsage();
    for (let round = 0; round < 5; round += 1) {
      // It claims the truth, less than that, and the least.
      expect(faultOf(() => open(algorithm, bomb, 16 * max, max)).code).toBe("too-large");
      expect(faultOf(() => open(algorithm, bomb, Math.min(max, bomb.length * ratioMax), max)).code).toBe("malformed");
      const refusal = faultOf(() => open(algorithm, bomb, 1, max));
      expect(refusal.code).toBe("malformed");
      expect(refusal.cause).toBeUndefined(); // which would be logged as a failure of the broker's, once for each bomb
    }
    const { arrayBuffers, external } = process.memoryUsage();
    expect(arrayBuffers + external - before.arrayBuffers - before.external).toBeLessThan(12 * max);
  });

  it("opens nothing that claims to have shrunk more than deflate can", () => {
    const brotli = packed.brotli(Buffer.alloc(max));
    expect(brotli.length * ratioMax).toBeLessThan(max);
    expect(faultOf(() => open("brotli", brotli, max, max)).message).toContain("cannot have");
  });

  it.each(algorithms)("refuses what is cut, damaged, or followed by something: %s", (algorithm) => {
    const compressed = compress(algorithm, 6, words);
    const refused = (bytes: Uint8Array) => faultOf(() => open(algorithm, bytes, words.length, max)).code;
    for (const rest of ["x", "\0", compressed]) {
      expect(refused(Buffer.concat([compressed, Buffer.from(rest)]))).toBe("malformed");
    }
    for (let length = 20; length < compressed.length; length += 1) {
      expect(refused(compressed.subarray(0, length))).toBe("malformed");
    }
    // Brotli has no checksum: of its bytes only the first is sure to be missed.
    const at = algorithm === "brotli" ? 0 : 15;
    expect(refused(compressed.with(at, (compressed[at] ?? 0) ^ 0xff))).toBe("malformed");
  });

  it("throws a Fault for any noise, and nothing else", () => {
    fc.assert(
      fc.property(fc.constantFrom(...algorithms), fc.uint8Array({ maxLength: 200 }), (algorithm, bytes) => {
        try {
          open(algorithm, bytes, 100, max);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Fault);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
