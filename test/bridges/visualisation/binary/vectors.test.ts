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
  readFrames,
  type BinaryFrame,
} from "../../../../bridges/visualisation/binary/index.js";
import { vectorsOf } from "../../../kit/dialect-vectors.js";
import { idsOf, valuesOf } from "../../../kit/binary-frames.js";

type Written = Readonly<Record<string, unknown>>;
const vectors = vectorsOf("visualisation")("binary") as {
  readonly frames: readonly {
    readonly about: string;
    readonly hex: string;
    readonly frame: Written;
    readonly readOnly?: true;
  }[];
  readonly messages: readonly { readonly about: string; readonly hex: string; readonly frames: readonly Written[] }[];
  readonly refused: readonly { readonly about: string; readonly hex: string; readonly names: string }[];
  readonly splits: readonly { readonly about: string; readonly agents: number; readonly frames: readonly number[] }[];
};

/** A frame as the vectors write it is the frame, but for the data of a compressed one. */
function frameOf(written: Written): BinaryFrame {
  const data = typeof written["data"] === "string" ? { data: bytesOf(written["data"]) } : {};
  return { ...written, ...data } as unknown as BinaryFrame; // what it is compared with tells
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function hexOf(frames: readonly Uint8Array[]): string {
  return frames.map((frame) => Buffer.from(frame).toString("hex")).join("");
}

function encoded(frame: BinaryFrame): readonly Uint8Array[] {
  switch (frame.type) {
    case "positions":
      return encodePositions(idsOf(frame.agents), valuesOf(frame.agents), undefined, frame.priority);
    case "states":
      return encodeStates(frame.agents, frame.priority);
    case "metrics":
      return [encodeMetrics(frame.metrics, frame.priority)];
    case "coordination":
      return [encodeCoordination(frame.payload, frame.priority)];
    case "heartbeat":
      return [encodeHeartbeat(frame.at, frame.priority)];
    case "error":
      return [encodeError(frame.payload, frame.priority)];
    case "compressed":
      return [encodeCompressed(frame.originalSize, frame.data)];
  }
}

describe("the binary protocol's vectors", () => {
  it.each(vectors.frames)("reads: $about", ({ hex, frame }) => {
    expect(readFrames(bytesOf(hex))).toStrictEqual([frameOf(frame)]);
  });

  it.each(vectors.frames.filter(({ readOnly }) => readOnly !== true))("writes: $about", ({ hex, frame }) => {
    expect(hexOf(encoded(frameOf(frame)))).toBe(hex);
  });

  it.each(vectors.messages)("reads all of a message: $about", ({ hex, frames }) => {
    expect(readFrames(bytesOf(hex))).toStrictEqual(frames.map(frameOf));
    expect(hexOf(frames.flatMap((frame) => encoded(frameOf(frame))))).toBe(hex);
  });

  it.each(vectors.refused)("refuses: $about", ({ hex, names }) => {
    const read = () => readFrames(bytesOf(hex));
    expect(read).toThrow(BinaryProblem);
    expect(read).toThrow(names);
  });

  it.each(vectors.splits)("splits: $about", ({ agents, frames }) => {
    const ids = Uint32Array.from({ length: agents }, (_, index) => index + 1);
    const values = Float32Array.from({ length: 6 * agents }, (_, index) => index / 7);
    const split = encodePositions(ids, values, undefined);
    expect(split.map(({ length }) => length)).toEqual(frames);
    const read = split
      .flatMap((frame) => readFrames(frame))
      .flatMap((frame) => (frame.type === "positions" ? frame.agents : []));
    expect(read.map(({ id }) => id)).toEqual([...ids]);
    expect(read.at(-1)).toMatchObject({ x: values.at(-6), vz: values.at(-1) });
  });

  it("has a vector of each type and each priority", () => {
    const types = new Set(vectors.frames.map(({ frame }) => frame["type"]));
    expect([...types].sort()).toEqual(
      ["compressed", "coordination", "error", "heartbeat", "metrics", "positions", "states"].sort(),
    );
    const priorities = new Set(vectors.frames.map(({ frame }) => frame["priority"]));
    expect([...priorities].filter((each) => each !== undefined).sort()).toEqual([0, 1, 2, 3]);
  });
});
