import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClippedFrameReader, type ClippedFrame } from "../../../src/zeromq/wire/clipped-frames.js";
import { encodeFrame } from "../../../src/zeromq/wire/codec.js";

function read(reader: ClippedFrameReader, bytes: Buffer, cuts: readonly number[]): ClippedFrame[] {
  const frames: ClippedFrame[] = [];
  let at = 0;
  for (const cut of [...cuts, bytes.length].sort((one, other) => one - other)) {
    const chunk = Buffer.from(bytes.subarray(at, cut));
    reader.feed(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next())
      frames.push({ ...frame, body: Buffer.from(frame.body) });
    chunk.fill(0xee); // as the shared read buffer is overwritten
    at = cut;
  }
  return frames;
}

describe("frames of which only the beginning is kept", () => {
  it("are whole up to the limit and clipped beyond it, however they are cut", () => {
    const size = fc.oneof(fc.nat(40), fc.integer({ min: 200, max: 300 }), fc.nat(5_000));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 8 }), fc.array(fc.nat(20_000), { maxLength: 20 }), (sizes, cuts) => {
        const bodies = sizes.map((size, at) => Buffer.alloc(size, `${String(at)}-`));
        const bytes = Buffer.concat(bodies.map((body, at) => encodeFrame(at % 2 === 0 ? 0 : 4, body)));
        const inside = cuts.map((cut) => Math.min(cut, bytes.length));
        expect(read(new ClippedFrameReader(256, 1_000_000), bytes, inside)).toEqual(
          bodies.map((body, at) => ({
            flags: expect.any(Number) as number,
            body: body.subarray(0, 256),
            size: sizes[at],
          })),
        );
      }),
      { seed: 14, numRuns: 500 },
    );
  });

  it("are illegal beyond the limit of a frame, as soon as the header shows it", () => {
    const reader = new ClippedFrameReader(16, 1_000);
    reader.feed(Buffer.from("0200000000000003e9", "hex"));
    expect(() => reader.next()).toThrow("zmtp-frame-too-large");
  });
});
