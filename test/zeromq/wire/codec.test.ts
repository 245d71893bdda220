import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import {
  ChunkList,
  encodeFrame,
  encodeMessage,
  FrameReader,
  moreFlag,
  commandFlag,
  IllegalBytes,
  unitEnd,
  type ZmtpFrame,
} from "../../../src/zeromq/wire/codec.js";
import vectors from "./vectors/frames.json" with { type: "json" };

const limit = 1024;
const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

/** All frames of `chunks`, their bodies copied: a chunk may be written to again. */
function readAll(chunks: readonly Buffer[], maxBytes = limit): ZmtpFrame[] {
  const reader = new FrameReader(maxBytes);
  const frames: ZmtpFrame[] = [];
  for (const chunk of chunks) {
    const borrowed = Buffer.from(chunk);
    reader.feed(borrowed);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      frames.push({ flags: frame.flags, body: Buffer.from(frame.body) });
    }
    borrowed.fill(0xee);
  }
  return frames;
}

/** `bytes` cut at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((one, other) => one - other), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe("frames", () => {
  it.each(vectors.legal)("reads $name", ({ hex, frames }) => {
    const expected = frames.map(([flags, body]) => ({ flags, body: bytesOf(String(body)) }));
    const bytes = bytesOf(hex);
    expect(readAll([bytes])).toEqual(expected);
    expect(readAll([...bytes].map((byte) => Buffer.from([byte])))).toEqual(expected);
  });

  it.each(vectors.illegal)("refuses $name, and nothing later", ({ hex, reason }) => {
    const bytes = bytesOf(hex);
    for (const chunks of [[bytes], [...bytes].map((byte) => Buffer.from([byte]))]) {
      let thrown: unknown;
      try {
        readAll(chunks);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(IllegalBytes);
      expect(thrown).toMatchObject({ reason, name: "IllegalBytes" });
    }
  });

  it("are the same however the bytes are cut", () => {
    const frame = fc.record({
      flags: fc.constantFrom(0, moreFlag, commandFlag),
      body: fc.uint8Array({ maxLength: 600 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 30 }), (sent, places) => {
        const bytes = Buffer.concat(sent.map(({ flags, body }) => encodeFrame(flags, Buffer.from(body))));
        const read = readAll(cut(bytes, places));
        expect(read.map(({ flags, body }) => ({ flags: flags & ~2, body: body.toString("hex") }))).toEqual(
          sent.map(({ flags, body }) => ({ flags, body: Buffer.from(body).toString("hex") })),
        );
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it("of 255 bytes are short, of 256 long, as libzmq writes them", () => {
    expect(encodeFrame(0, Buffer.alloc(255)).subarray(0, 2)).toEqual(Buffer.from([0, 255]));
    expect(encodeFrame(moreFlag, Buffer.alloc(256)).subarray(0, 9)).toEqual(Buffer.from([3, 0, 0, 0, 0, 0, 0, 1, 0]));
  });

  it("are as long as their header and body, at the border of the two forms, too", () => {
    for (const [size, header] of [
      [0, 2],
      [255, 2],
      [256, 9],
    ] as const) {
      const body = Buffer.alloc(size, "x");
      expect(encodeFrame(0, body)).toHaveLength(header + size);
      expect(encodeMessage(String(body), body)).toEqual(
        Buffer.concat([encodeFrame(moreFlag, body), encodeFrame(0, body)]),
      );
    }
  });

  it("are refused beyond the limit in the short form as in the long one, and at the limit read", () => {
    const of = (size: number): Buffer => encodeFrame(0, Buffer.alloc(size));
    expect(readAll([of(100)], 100)).toHaveLength(1);
    expect(() => readAll([of(101)], 100)).toThrow("zmtp-frame-too-large");
    expect(readAll([of(1_024)])).toHaveLength(1);
    expect(() => readAll([of(1_025)])).toThrow("zmtp-frame-too-large");
  });

  it("are awaited where the chunk ends anywhere in the header of the second", () => {
    const [first, second] = [encodeFrame(0, Buffer.from("first")), encodeFrame(0, Buffer.alloc(300, "x"))];
    for (let size = 0; size < 12; size += 1) {
      const frames = readAll([Buffer.concat([first, second.subarray(0, size)]), second.subarray(size)]);
      expect(frames.map(({ body }) => body.length)).toEqual([5, 300]);
    }
  });

  it("leave the rest of a chunk to another reader, once", () => {
    const reader = new FrameReader(limit);
    reader.feed(Buffer.concat([encodeFrame(0, Buffer.from("ours")), Buffer.from("theirs")]));
    expect(String(reader.next()?.body)).toBe("ours");
    expect(String(reader.rest())).toBe("theirs");
    expect([reader.rest().length, reader.next()]).toEqual([0, undefined]);
  });

  it("make a message of topic and payload", () => {
    expect(encodeMessage("zoë", Buffer.from("hi"))).toEqual(
      Buffer.concat([Buffer.from([1, 4]), Buffer.from("zoë"), Buffer.from([0, 2]), Buffer.from("hi")]),
    );
  });

  it("of many megabytes are joined once, in no more than linear time", () => {
    const body = Buffer.alloc(64 * 1024 * 1024, "x");
    const bytes = encodeFrame(0, body);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 65_536) chunks.push(bytes.subarray(at, at + 65_536));
    const before = process.cpuUsage();
    const reader = new FrameReader(body.length);
    let read: ZmtpFrame | undefined;
    for (const chunk of chunks) {
      reader.feed(chunk);
      read = reader.next();
    }
    const { user, system } = process.cpuUsage(before);
    expect(read?.body.equals(body)).toBe(true);
    expect((user + system) / 1e6, "seconds of CPU; 28 when joined at each chunk").toBeLessThan(5);
  });
});

describe("a unit", () => {
  let topic: Buffer;
  let payload: Buffer;
  let others: Buffer[];
  beforeEach(() => {
    topic = encodeFrame(moreFlag, Buffer.from("bob"));
    payload = encodeFrame(0, Buffer.from("hello"));
    others = [payload, encodeFrame(commandFlag, Buffer.from("PING"))];
  });

  it("is a message of one part or a command by itself, whatever follows", () => {
    for (const one of others) {
      const bytes = Buffer.concat([Buffer.from("??"), one, payload]);
      expect(unitEnd(bytes, 2, limit)).toBe(2 + one.length);
    }
  });

  it("is the first two parts of a message, wherever that begins", () => {
    for (const second of [payload, topic, ...others]) {
      const bytes = Buffer.concat([payload, topic, second, payload]);
      expect(unitEnd(bytes, payload.length, limit)).toBe(payload.length + topic.length + second.length);
    }
  });

  it("ends beyond the bytes that are there, by as much as the header tells, until it is whole", () => {
    const whole = Buffer.concat([topic, payload]);
    const ends = Array.from(whole, (_, size) => unitEnd(whole.subarray(0, size), 0, limit));
    expect(ends).toEqual([2, 2, 5, 5, 5, 7, 7, ...Array<number>(5).fill(whole.length)]);
    expect(unitEnd(Buffer.from([0]), 1, limit)).toBe(3);
  });
});

describe("a list of chunks", () => {
  it("gives back what was pushed, whatever the pieces", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 1, max: 90_000 }).map((size) => new Uint8Array(size).fill(size)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const list = new ChunkList();
        const whole = Buffer.concat(pieces);
        for (const bytes of pieces) {
          const borrowed = Buffer.from(bytes);
          list.push(borrowed, 0, borrowed.length, whole.length);
          borrowed.fill(0);
        }
        expect(list.size).toBe(whole.length);
        expect(list.join().equals(whole)).toBe(true);
        expect(list.size).toBe(0);
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it("of single bytes costs no more memory than twice its bytes", () => {
    const list = new ChunkList();
    const byte = Buffer.from("x");
    const before = process.memoryUsage();
    for (let count = 0; count < 1_000_000; count += 1) list.push(byte, 0, 1, 1_000_000);
    const after = process.memoryUsage();
    expect(list.size).toBe(1_000_000);
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(16_000_000);
  });
});
