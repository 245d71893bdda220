import {
  BinaryProblem,
  metricsBytes,
  positionBytes,
  stateHeadBytes,
  stateNames,
  typeBytes,
  unknown32,
  type BinaryFrame,
  type FrameContent,
  type MetricsRecord,
  type Position,
  type StateRecord,
} from "./frame.js";
import { unpackMap } from "./msgpack-reader.js";

// bound: the types of frames · evicts: nothing · owner: decode
const typesByByte = new Map<number, BinaryFrame["type"]>(
  Object.entries(typeBytes).map(([type, byte]) => [byte, type as BinaryFrame["type"]]), // the keys of a total record
);

/** @throws BinaryProblem nobody knows it */
export function typeOf(byte: number): BinaryFrame["type"] {
  const type = typesByByte.get(byte);
  if (type === undefined) throw new BinaryProblem(`0x${byte.toString(16).padStart(2, "0")} is no type of a frame`);
  return type;
}

/** Refuses a length that no payload of this type can have, before the payload is there. @throws BinaryProblem */
export function mustBeLength(type: FrameContent["type"], length: number): void {
  const isPossible =
    type === "positions"
      ? length >= 4 && (length - 4) % positionBytes === 0
      : type === "states"
        ? length >= 4
        : type === "metrics"
          ? length === metricsBytes
          : type === "heartbeat"
            ? length === 8
            : length >= 1;
  if (!isPossible) throw new BinaryProblem(`a frame of ${type} never has ${String(length)} bytes`);
}

/** @param payload all of it, of a possible length @throws BinaryProblem */
export function decodePayload(type: FrameContent["type"], payload: Uint8Array): FrameContent {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  switch (type) {
    case "positions":
      return { type, agents: positionsIn(view) };
    case "states":
      return { type, agents: statesIn(view, payload) };
    case "metrics":
      return { type, metrics: metricsIn(view) };
    case "heartbeat":
      return { type, at: timeIn(view) };
    case "coordination": {
      const map = unpackMap(payload);
      if (typeof map["type"] !== "string") throw new BinaryProblem("a coordination event has no `type`");
      return { type, payload: map };
    }
    case "error":
      return { type, payload: unpackMap(payload) };
  }
}

function positionsIn(view: DataView): readonly Position[] {
  const count = view.getUint32(0);
  if (count !== (view.byteLength - 4) / positionBytes)
    throw new BinaryProblem(`it counts ${String(count)} positions, and its length says otherwise`);
  const agents: Position[] = [];
  for (let at = 4; at < view.byteLength; at += positionBytes) {
    const axis = (index: number): number => {
      const value = view.getFloat32(at + 4 + 4 * index);
      if (!Number.isFinite(value)) throw new BinaryProblem("a position is NaN or infinite");
      return value;
    };
    agents.push({
      id: view.getUint32(at),
      x: axis(0),
      y: axis(1),
      z: axis(2),
      vx: axis(3),
      vy: axis(4),
      vz: axis(5),
    });
  }
  return agents;
}

function statesIn(view: DataView, payload: Uint8Array): readonly StateRecord[] {
  const count = view.getUint32(0);
  // The smallest metadata are one byte: a count that is larger than what is there is a lie.
  if (count > (view.byteLength - 4) / (stateHeadBytes + 1)) throw countLies(count);
  const agents: StateRecord[] = [];
  let at = 4;
  while (agents.length < count) {
    if (at + stateHeadBytes > view.byteLength) throw countLies(count);
    const id = view.getUint32(at);
    const state = view.getUint8(at + 4);
    if (state >= stateNames.length) throw new BinaryProblem(`${String(state)} is no state`);
    if (view.getUint8(at + 5) !== 0) throw new BinaryProblem("the flags of a state are reserved, and 0");
    const end = at + stateHeadBytes + view.getUint16(at + 6);
    if (end > view.byteLength) throw new BinaryProblem("the metadata of a state go beyond the frame");
    agents.push({ id, state, metadata: unpackMap(payload.subarray(at + stateHeadBytes, end)) });
    at = end;
  }
  if (at !== view.byteLength) throw new BinaryProblem("something follows the last state");
  return agents;
}

function countLies(count: number): BinaryProblem {
  return new BinaryProblem(`it counts ${String(count)} states, and there are fewer`);
}

function metricsIn(view: DataView): MetricsRecord {
  const tasks = view.getUint32(4);
  const memory = view.getBigUint64(20);
  if (memory > BigInt(Number.MAX_SAFE_INTEGER) && memory !== 0xffff_ffff_ffff_ffffn)
    throw new BinaryProblem("a memory has 2^53 bytes or more");
  return {
    id: view.getUint32(0),
    tasks: tasks === unknown32 ? null : tasks,
    success: figure(view.getFloat32(8), 1, "a success rate"),
    averageMs: figure(view.getFloat32(12), Number.MAX_VALUE, "an average time"),
    cpu: figure(view.getFloat32(16), 100, "a CPU load"),
    memory: memory === 0xffff_ffff_ffff_ffffn ? null : Number(memory),
  };
}

function figure(value: number, max: number, what: string): number | null {
  if (Number.isNaN(value)) return null;
  if (value >= 0 && value <= max) return value;
  throw new BinaryProblem(`${what} of ${String(value)} cannot be`);
}

function timeIn(view: DataView): number {
  const at = Number(view.getBigUint64(0));
  if (!Number.isSafeInteger(at)) throw new BinaryProblem("a heartbeat's time is beyond 2^53 ms");
  return at;
}
