import type { Insight } from "#dialect";
import type { ShownStream } from "./stream-name.js";
import type { Viewer } from "./viewer.js";

/**
 * What viewers are told of one stream at one time. It is written when the first viewer of a variant is to hear it, piece
 * by piece: each step of an iterator is a small piece of work.
 */
export interface Batch {
  readonly stream: ShownStream;
  /** JSON messages. */
  texts(insight: Insight): Iterable<readonly string[]>;
  /**
   * The same as binary frames, which may share a WebSocket message; absent: the stream has no binary form. A text is
   * what no binary frame can hold.
   */
  readonly frames?: ((insight: Insight) => Iterable<readonly (Uint8Array | string)[]>) | undefined;
  /** A viewer cannot be told it now. */
  missed(viewer: Viewer): void;
}

/** Agents in one piece of work. */
export const pieceMax = 100;

/** The items, in pieces. */
export function* piecesOf<T>(items: readonly T[], max = pieceMax): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += max) yield items.slice(from, from + max);
}
