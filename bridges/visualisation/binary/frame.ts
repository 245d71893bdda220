/** Where an agent is, and how fast it goes; float32 each. */
export interface Position {
  /** The agent's number, as `agent.registered` has announced it (Visualisation §3.2). */
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly vx: number;
  readonly vy: number;
  readonly vz: number;
}

/** What an agent does. */
export interface StateRecord {
  readonly id: number;
  /** An index of `stateNames`. */
  readonly state: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** An agent's figures; null is what is not known. */
export interface MetricsRecord {
  readonly id: number;
  readonly tasks: number | null;
  /** 0–1, float32. */
  readonly success: number | null;
  /** Milliseconds, float32. */
  readonly averageMs: number | null;
  /** 0–100, float32. */
  readonly cpu: number | null;
  /** Bytes. */
  readonly memory: number | null;
}

/** 0 low, 1 normal, 2 high, 3 critical. */
export type BinaryPriority = 0 | 1 | 2 | 3;

/** What one frame says (Visualisation §2.3). */
export type FrameContent =
  | { readonly type: "positions"; readonly agents: readonly Position[] }
  | { readonly type: "states"; readonly agents: readonly StateRecord[] }
  | { readonly type: "metrics"; readonly metrics: MetricsRecord }
  | { readonly type: "coordination"; readonly payload: Readonly<Record<string, unknown>> }
  /** Milliseconds since the epoch. */
  | { readonly type: "heartbeat"; readonly at: number }
  | { readonly type: "error"; readonly payload: Readonly<Record<string, unknown>> };

/** A compressed batch: the rest of its WebSocket message, not yet opened (Visualisation §2.5). */
export interface CompressedFrame {
  readonly type: "compressed";
  /** What its sender claims, bytes. */
  readonly originalSize: number;
  readonly data: Uint8Array;
}

export type BinaryFrame = (FrameContent & { readonly priority: BinaryPriority }) | CompressedFrame;

/** Names of the states by their number on the wire. */
export const stateNames = ["OFFLINE", "IDLE", "EXECUTING", "WAITING", "ERROR"] as const;

/** Numbers of the types on the wire. */
export const typeBytes = {
  positions: 0x01,
  states: 0x02,
  metrics: 0x03,
  coordination: 0x04,
  compressed: 0x05,
  heartbeat: 0x06,
  error: 0xff,
} as const satisfies Record<BinaryFrame["type"], number>;

/** `AGNT` */
export const magic = [0x41, 0x47, 0x4e, 0x54] as const;

/** Magic, type, flags, u16 length. */
export const headerBytes = 8;
/** Magic, type, u32 original size: a compressed batch has no flags, and no length. */
export const compressedHeaderBytes = 9;
/** What a u16 can say. */
export const payloadBytesMax = 0xffff;
/** u32 id and six float32. */
export const positionBytes = 28;
/** Positions in one frame, beside its u32 count. */
export const positionsMax = Math.floor((payloadBytesMax - 4) / positionBytes);
/** u32 id, u8 state, u8 flags, u16 length. */
export const stateHeadBytes = 8;
export const metricsBytes = 28;

/** A u32, and a u64 cut to a u32, where nothing is known. */
export const unknown32 = 0xffff_ffff;

/** Bytes that are no frame, or a value that no frame can hold; the message is for people, and names what is wrong. */
export class BinaryProblem extends Error {
  override readonly name = "BinaryProblem";
}
