import {
  BinaryProblem,
  compressedHeaderBytes,
  headerBytes,
  magic,
  metricsBytes,
  payloadBytesMax,
  positionBytes,
  positionsMax,
  stateHeadBytes,
  stateNames,
  typeBytes,
  unknown32,
  type BinaryPriority,
  type FrameContent,
  type MetricsRecord,
  type StateRecord,
} from "./frame.js";
import { packMap } from "./msgpack-writer.js";

const normal: BinaryPriority = 1;

/**
 * Positions as POSITION_UPDATE frames, as many as they need; none for none.
 * @param values six for each of `ids`: x, y, z, vx, vy, vz
 * @param indices which of `ids` are told; undefined: all
 * @throws BinaryProblem a value is NaN or infinite, or an index is beyond what is there
 */
export function encodePositions(
  ids: Uint32Array,
  values: Float32Array,
  indices: readonly number[] | undefined,
  priority: BinaryPriority = normal,
): readonly Uint8Array[] {
  const count = indices?.length ?? ids.length;
  const frames: Uint8Array[] = [];
  for (let from = 0; from < count; from += positionsMax) {
    const to = Math.min(count, from + positionsMax);
    const { bytes, view } = framed("positions", 4 + positionBytes * (to - from), priority);
    view.setUint32(headerBytes, to - from);
    let at = headerBytes + 4;
    for (let each = from; each < to; each += 1) {
      const index = indices === undefined ? each : (indices[each] ?? -1);
      const id = ids[index];
      if (id === undefined) throw new BinaryProblem(`there is no position ${String(index)}`);
      view.setUint32(at, id);
      for (let axis = 0; axis < 6; axis += 1) {
        const value = values[6 * index + axis];
        if (!Number.isFinite(value)) throw new BinaryProblem("a position is NaN or infinite");
        view.setFloat32(at + 4 + 4 * axis, Number(value));
      }
      at += positionBytes;
    }
    frames.push(bytes);
  }
  return frames;
}

/**
 * States as STATE_BATCH frames, as many as they need; none for none.
 * @throws BinaryProblem metadata that fit no frame (say them in JSON), an id or a state that its field cannot hold
 */
export function encodeStates(
  records: readonly StateRecord[],
  priority: BinaryPriority = normal,
): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  let batch: PackedState[] = [];
  let size = 4;
  for (const { id, state, metadata } of records) {
    mustFit(id, unknown32, "an id");
    mustFit(state, stateNames.length - 1, "a state");
    const packed = packMap(metadata, payloadBytesMax - 4 - stateHeadBytes);
    const needs = stateHeadBytes + packed.length;
    if (size + needs > payloadBytesMax) {
      frames.push(stateFrame(batch, size, priority));
      batch = [];
      size = 4;
    }
    batch.push({ id, state, packed });
    size += needs;
  }
  if (batch.length > 0) frames.push(stateFrame(batch, size, priority));
  return frames;
}

interface PackedState {
  readonly id: number;
  readonly state: number;
  readonly packed: Uint8Array;
}

function stateFrame(batch: readonly PackedState[], size: number, priority: BinaryPriority): Uint8Array {
  const { bytes, view } = framed("states", size, priority);
  view.setUint32(headerBytes, batch.length);
  let at = headerBytes + 4;
  for (const { id, state, packed } of batch) {
    view.setUint32(at, id);
    view.setUint8(at + 4, state);
    view.setUint16(at + 6, packed.length);
    bytes.set(packed, at + stateHeadBytes);
    at += stateHeadBytes + packed.length;
  }
  return bytes;
}

/**
 * An agent's figures as a PERFORMANCE_METRICS frame. A figure that its field cannot hold is told as not known.
 * @throws BinaryProblem an id that is no u32
 */
export function encodeMetrics(record: MetricsRecord, priority: BinaryPriority = normal): Uint8Array {
  const { bytes, view } = framed("metrics", metricsBytes, priority);
  mustFit(record.id, unknown32, "an id");
  view.setUint32(headerBytes, record.id);
  view.setUint32(headerBytes + 4, known(record.tasks, unknown32 - 1, Number.isInteger) ?? unknown32);
  view.setFloat32(headerBytes + 8, known(record.success, 1) ?? NaN);
  // What rounds to infinity as float32 is not known, too.
  view.setFloat32(headerBytes + 12, known(Math.fround(record.averageMs ?? NaN), Number.MAX_VALUE) ?? NaN);
  view.setFloat32(headerBytes + 16, known(record.cpu, 100) ?? NaN);
  const memory = known(record.memory, Number.MAX_SAFE_INTEGER, Number.isInteger);
  view.setBigUint64(headerBytes + 20, memory === undefined ? 0xffff_ffff_ffff_ffffn : BigInt(memory));
  return bytes;
}

/**
 * What happens in a coordination, as a COORDINATION_EVENT frame.
 * @param payload the document's, with `type`
 * @throws BinaryProblem it does not fit (say it in JSON), or is no JSON
 */
export function encodeCoordination(
  payload: Readonly<Record<string, unknown>>,
  priority: BinaryPriority = normal,
): Uint8Array {
  return framedMap("coordination", payload, priority);
}

/** @param payload of the document's error message @throws BinaryProblem it does not fit (say it in JSON), or is no JSON */
export function encodeError(payload: Readonly<Record<string, unknown>>, priority: BinaryPriority = normal): Uint8Array {
  return framedMap("error", payload, priority);
}

/** @param at milliseconds since the epoch @throws BinaryProblem it is no whole number from 0 to 2^53 − 1 */
export function encodeHeartbeat(at: number, priority: BinaryPriority = normal): Uint8Array {
  mustFit(at, Number.MAX_SAFE_INTEGER, "a time");
  const { bytes, view } = framed("heartbeat", 8, priority);
  view.setBigUint64(headerBytes, BigInt(at));
  return bytes;
}

/**
 * A COMPRESSED_BATCH: it has a header of its own, and ends with its WebSocket message (Visualisation §2.5).
 * @param originalSize bytes before they were compressed
 * @throws BinaryProblem a size that is no u32
 */
export function encodeCompressed(originalSize: number, data: Uint8Array): Uint8Array {
  mustFit(originalSize, unknown32, "an original size");
  const bytes = new Uint8Array(compressedHeaderBytes + data.length);
  bytes.set(magic);
  bytes[4] = typeBytes.compressed;
  new DataView(bytes.buffer).setUint32(5, originalSize);
  bytes.set(data, compressedHeaderBytes);
  return bytes;
}

function framedMap(
  type: "coordination" | "error",
  payload: Readonly<Record<string, unknown>>,
  priority: BinaryPriority,
): Uint8Array {
  const packed = packMap(payload, payloadBytesMax);
  const { bytes } = framed(type, packed.length, priority);
  bytes.set(packed, headerBytes);
  return bytes;
}

/** A frame whose payload is still to be written. */
function framed(
  type: FrameContent["type"],
  payloadBytes: number,
  priority: BinaryPriority,
): { readonly bytes: Uint8Array; readonly view: DataView } {
  const bytes = new Uint8Array(headerBytes + payloadBytes);
  bytes.set(magic);
  bytes[4] = typeBytes[type];
  bytes[5] = priority << 1;
  const view = new DataView(bytes.buffer);
  view.setUint16(6, payloadBytes);
  return { bytes, view };
}

function known(value: number | null, max: number, fits: (value: number) => boolean = Number.isFinite) {
  return value !== null && fits(value) && value >= 0 && value <= max ? value : undefined;
}

function mustFit(value: number, max: number, what: string): void {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new BinaryProblem(`${what} is a whole number from 0 to ${String(max)}, not ${String(value)}`);
}
