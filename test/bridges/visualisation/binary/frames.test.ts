import fc from "fast-check";
import { Packr, Unpackr } from "msgpackr";
import { describe, expect, it } from "vitest";
import {
  BinaryProblem,
  encodeCompressed,
  encodeCoordination,
  encodeError,
  encodeHeartbeat,
  encodeMetrics,
  encodePositions,
  encodeStates,
  FrameReader,
  readFrames,
  type BinaryFrame,
  type Position,
  type StateRecord,
} from "../../../../bridges/visualisation/binary/index.js";
import "../../../kit/property-sizes.js";
import { idsOf, valuesOf } from "../../../kit/binary-frames.js";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const f32 = fc.float({ noNaN: true, noDefaultInfinity: true });
const priority = fc.constantFrom(0, 1, 2, 3);
const json = fc.dictionary(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<unknown>,
  { maxKeys: 6, noNullPrototype: true },
);
const position: fc.Arbitrary<Position> = fc.record({ id: u32, x: f32, y: f32, z: f32, vx: f32, vy: f32, vz: f32 });
const share = (max: number) => fc.option(fc.float({ min: 0, max, noNaN: true }));

/** A frame of any type, with its bytes. */
const written: fc.Arbitrary<{ readonly bytes: Uint8Array; readonly frame: BinaryFrame }> = fc.oneof(
  fc.tuple(priority, fc.array(position, { minLength: 1, maxLength: 20 })).map(([priority, agents]) => ({
    bytes: only(encodePositions(idsOf(agents), valuesOf(agents), undefined, priority)),
    frame: { priority, type: "positions" as const, agents },
  })),
  fc
    .tuple(priority, fc.array(fc.record({ id: u32, state: fc.nat(4), metadata: json }), { minLength: 1, maxLength: 8 }))
    .map(([priority, agents]) => ({
      bytes: only(encodeStates(agents, priority)),
      frame: { priority, type: "states" as const, agents },
    })),
  fc
    .tuple(
      priority,
      fc.record({
        id: u32,
        tasks: fc.option(fc.integer({ min: 0, max: 0xffff_fffe })),
        success: share(1),
        averageMs: share(Math.fround(3.4e37)),
        cpu: share(100),
        memory: fc.option(fc.maxSafeNat()),
      }),
    )
    .map(([priority, metrics]) => ({
      bytes: encodeMetrics(metrics, priority),
      frame: { priority, type: "metrics" as const, metrics },
    })),
  fc.tuple(priority, json).map(([priority, rest]) => {
    const payload = { ...rest, type: "coordination.progress" };
    return {
      bytes: encodeCoordination(payload, priority),
      frame: { priority, type: "coordination" as const, payload },
    };
  }),
  fc.tuple(priority, fc.maxSafeNat()).map(([priority, at]) => ({
    bytes: encodeHeartbeat(at, priority),
    frame: { priority, type: "heartbeat" as const, at },
  })),
  fc.tuple(priority, json).map(([priority, payload]) => ({
    bytes: encodeError(payload, priority),
    frame: { priority, type: "error" as const, payload },
  })),
);

function only(frames: readonly Uint8Array[]): Uint8Array {
  const [frame, ...more] = frames;
  if (frame === undefined || more.length > 0) throw new Error("it is not one frame");
  return frame;
}

function statesOf(frames: readonly BinaryFrame[]): readonly StateRecord[] {
  return frames.flatMap((frame) => (frame.type === "states" ? frame.agents : []));
}

describe("binary frames", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(written, ({ bytes, frame }) => {
        expect(readFrames(bytes)).toEqual([frame]);
      }),
    );
  });

  it("are the same in whatever pieces they come", () => {
    const batch = fc.option(fc.tuple(u32, fc.uint8Array({ minLength: 1, maxLength: 300 })));
    fc.assert(
      fc.property(
        fc.array(written, { maxLength: 6 }),
        batch,
        fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 200 }),
        (frames, compressed, cuts) => {
          const last = compressed === null ? [] : [encodeCompressed(...compressed)];
          const bytes = Buffer.concat([...frames.map(({ bytes }) => bytes), ...last]);
          const reader = new FrameReader();
          const read: BinaryFrame[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const end = at + (cuts[turn % cuts.length] ?? 1);
            read.push(...reader.push(bytes.subarray(at, end)));
            at = end;
          }
          const rest = reader.end();
          if (rest !== undefined) read.push(rest);
          const batches =
            compressed === null ? [] : [{ type: "compressed", originalSize: compressed[0], data: compressed[1] }];
          expect(read).toEqual([...frames.map(({ frame }) => frame), ...batches]);
        },
      ),
    );
  });

  it("come one byte at a time, each when it is whole and not before", () => {
    const heartbeat = encodeHeartbeat(7);
    const reader = new FrameReader();
    for (let round = 0; round < 2; round += 1) {
      for (const byte of heartbeat.subarray(0, -1)) expect(reader.push(Uint8Array.of(byte))).toEqual([]);
      expect(reader.push(heartbeat.subarray(-1))).toEqual([{ type: "heartbeat", priority: 1, at: 7 }]);
    }
    expect(reader.end()).toBeUndefined();
  });

  it("may end where a message ends, and another message begins", () => {
    const reader = new FrameReader();
    reader.push(encodeCompressed(9, Uint8Array.of(1)));
    expect(reader.end()).toEqual({ type: "compressed", originalSize: 9, data: Uint8Array.of(1) });
    expect(reader.push(encodeHeartbeat(1))).toHaveLength(1);
  });

  it("of noise are a BinaryProblem and nothing else, and what follows it is not read", () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 255), fc.uint8Array({ maxLength: 200 }))
        .map(([type, rest]) => Uint8Array.of(0x41, 0x47, 0x4e, 0x54, type, 2, 0, rest.length, ...rest)),
      fc.tuple(written, fc.nat(), fc.nat(255)).map(([{ bytes }, at, byte]) => bytes.with(at % bytes.length, byte)),
    );
    fc.assert(
      fc.property(noise, (bytes) => {
        const reader = new FrameReader({ maxCompressedBytes: 100 });
        let problem: unknown;
        try {
          reader.push(bytes);
          reader.end();
        } catch (thrown) {
          problem = thrown;
        }
        if (problem === undefined) return;
        expect(problem).toBeInstanceOf(BinaryProblem);
        expect(() => reader.push(encodeHeartbeat(1))).toThrow(BinaryProblem);
      }),
      { numRuns: 3000 },
    );
  });

  it("that claim much make room for what is there alone", () => {
    const claims = Buffer.from("41474e54ff02fff481a161ddffffffff", "hex");
    const lists = Buffer.from("41474e54ff02000881a161dd01ffffff", "hex");
    const batch = Buffer.from("41474e5405ffffffff00", "hex");
    // Warm, so that nothing but these is measured.
    const readAll = () => {
      new FrameReader().push(claims);
      expect(() => readFrames(lists)).toThrow("lengths lie");
      readFrames(batch);
    };
    for (let round = 0; round < 50; round += 1) readAll();
    const before = process.memoryUsage();
    for (let round = 0; round < 20; round += 1) readAll();
    const after = process.memoryUsage();
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(8_000_000);
  });

  it("of a compressed batch are kept up to a limit, or not at all", () => {
    const batch = encodeCompressed(9, new Uint8Array(11));
    expect(() => readFrames(batch, { maxCompressedBytes: 10 })).toThrow("more than 10 bytes");
    expect(readFrames(batch, { maxCompressedBytes: 11 })).toHaveLength(1);
    expect(() => readFrames(batch, { maxCompressedBytes: 0 })).toThrow("may not stand here");
  });

  it("hold those positions that are asked for", () => {
    const agents = [1, 2, 3, 4].map((id) => ({ id, x: id, y: 0, z: 0, vx: 0, vy: 0, vz: -id }));
    const [frame] = encodePositions(idsOf(agents), valuesOf(agents), [3, 1]);
    expect(frame && readFrames(frame)).toMatchObject([{ agents: [agents[3], agents[1]] }]);
    expect(encodePositions(idsOf(agents), valuesOf(agents), [])).toEqual([]);
    expect(() => encodePositions(idsOf(agents), valuesOf(agents), [4])).toThrow("no position 4");
    expect(() => encodePositions(Uint32Array.of(1), Float32Array.of(0, 0, NaN, 0, 0, 0), undefined)).toThrow("NaN");
  });

  it("of states are split where they are full, and hold the largest metadata that fit", () => {
    const state = (id: number, letters: number) => ({ id, state: 1, metadata: { text: "x".repeat(letters) } });
    const records = Array.from({ length: 100 }, (_, id) => state(id, 2000));
    const frames = encodeStates(records);
    expect(frames.length).toBeGreaterThan(3);
    expect(Math.max(...frames.map(({ length }) => length))).toBeLessThanOrEqual(8 + 0xffff);
    expect(frames.flatMap((frame) => statesOf(readFrames(frame)))).toEqual(records);
    // A map of one field, a short key and a text with a long head take 9 bytes.
    const most = 0xffff - 4 - 8 - 9;
    expect(encodeStates([state(1, 10), state(2, most), state(3, 10)]).map(({ length }) => length)).toEqual([
      8 + 4 + 8 + 1 + 5 + 1 + 10,
      8 + 0xffff,
      8 + 4 + 8 + 1 + 5 + 1 + 10,
    ]);
    expect(() => encodeStates([state(1, most + 1)])).toThrow("say it in JSON");
  });

  it("cannot say what their fields do not hold", () => {
    expect(() => encodeStates([{ id: 1, state: 5, metadata: {} }])).toThrow("a state is");
    expect(() => encodeStates([{ id: 2 ** 32, state: 1, metadata: {} }])).toThrow("an id is");
    expect(() => encodeHeartbeat(1.5)).toThrow("a time is");
    expect(() => encodeHeartbeat(-1)).toThrow("a time is");
    expect(() => encodeCompressed(2 ** 32, new Uint8Array(1))).toThrow("an original size is");
    expect(() => encodeError({ big: 1n })).toThrow("a bigint is no value of JSON");
    expect(() => encodeError({ text: "x".repeat(70_000) })).toThrow("say it in JSON");
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect(() => encodeError({ deep })).toThrow("64 levels");
  });

  it("tell a figure that its field cannot hold as not known", () => {
    const nothing = { id: 1, tasks: null, success: null, averageMs: null, cpu: null, memory: null };
    const figures = [
      { id: 1, tasks: 0xffff_ffff, success: 1.01, averageMs: 1e39, cpu: 101, memory: 2 ** 53 },
      { id: 1, tasks: -1, success: -0.1, averageMs: -1, cpu: -1, memory: -1 },
      { id: 1, tasks: 1.5, success: NaN, averageMs: Infinity, cpu: Infinity, memory: 0.5 },
    ];
    for (const each of figures) expect(readFrames(encodeMetrics(each))).toMatchObject([{ metrics: nothing }]);
  });
});

describe("MessagePack in binary frames", () => {
  const others = new Unpackr({ useRecords: false, mapsAsObjects: true });
  const packing = new Packr({ useRecords: false, variableMapSize: true });

  it("is what JSON would say, and another library reads it", () => {
    fc.assert(
      fc.property(json, (payload) => {
        fc.pre(!JSON.stringify(payload).includes("__proto__")); // the library calls it otherwise
        expect(others.unpack(encodeError(payload).subarray(8))).toEqual(payload);
      }),
    );
    const odd = { left: undefined, list: [undefined, NaN, Infinity], half: "\ud800" };
    expect(readFrames(encodeError(odd))).toMatchObject([{ payload: { list: [null, null, null], half: "\ufffd" } }]);
    expect(readFrames(encodeError(odd))[0]).not.toHaveProperty("payload.left");
  });

  it("is read as another library writes it", () => {
    fc.assert(
      fc.property(json, (payload) => {
        const plain: unknown = JSON.parse(JSON.stringify(payload)); // the library has no −0
        const packed = packing.pack(plain);
        const header = Uint8Array.of(0x41, 0x47, 0x4e, 0x54, 0xff, 2, packed.length >> 8, packed.length & 0xff);
        expect(readFrames(Buffer.concat([header, packed]))).toEqual([{ type: "error", priority: 1, payload: plain }]);
      }),
    );
  });
});
