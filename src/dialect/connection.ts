import type { PreparedFrame } from "../core/index.js";

export type { PreparedFrame } from "../core/index.js";

/** One WebSocket message: text or binary. */
export type Frame = string | Buffer;

/** Why a connection ends: WebSocket close code (RFC 6455 §7.4) and a reason for people, at most 123 bytes. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A socket, as the engine and a transport's tests see it. */
export interface Connection {
  readonly id: string;
  /** Peer address, without port. */
  readonly remote: string;
  /** Bytes not yet written. */
  readonly buffered: number;
  /** Copies of messages that were dropped because the backlog was full, since it connected. */
  readonly dropped: number;
  /** Puts the WebSocket header before a frame, once for any number of sockets of this transport. */
  prepare(frame: Frame): PreparedFrame;
  /** The speaker is known: the connection no longer counts as half-open. */
  admitted(): void;
  /**
   * Queues one frame, counted as a copy of a message if `copy`; a shared frame may be framed once and handed to many.
   * @returns false if it was dropped because the backlog is full (counted).
   */
  send(frame: Frame | PreparedFrame, copy: boolean): boolean;
  /**
   * Queues one frame as a copy of a message that can wait for the pace of its peer: what is not taken is not counted.
   * @returns full: there is room again when what waits has been read; too-large: never
   */
  offer(frame: Frame | PreparedFrame): "taken" | "full" | "closed" | "too-large";
  /**
   * Asks the peer for a sign that can only come after all that was sent before; `proved` is called with the milliseconds
   * that it took, and never if the connection ends. One question is under way at a time, further ones go out behind it:
   * of each asker, the last.
   */
  prove(asker: object, proved: (tookMs: number) => void): void;
  /** Says goodbye after everything queued has been written; cuts the line if the peer does not follow. */
  close(closing: Closing): void;
  /** Cuts the line. */
  terminate(): void;
  /**
   * Runs something after `ms` in which the peer could be heard, and behind what it has said by then: while its bytes
   * wait for their turn the time does not count, for as long again at most.
   * @returns what calls it off
   */
  deadline(ms: number, run: () => void): () => void;
  /** Reads nothing more of the peer until `resumeReading`; what was read already, one chunk at most, still comes. */
  pauseReading(): void;
  /** Reads on, unless there is another reason not to. */
  resumeReading(): void;
  /** Asks for a sign of life. Resolves to whether it came within `ms`. */
  alive(ms: number): Promise<boolean>;
}

/** What a transport tells the engine about one connection. */
export interface Receiver {
  frame(frame: Frame): void;
  /**
   * A message came that is longer than it may be, though not twice as long: it is refused, and read only for what it is
   * about.
   */
  oversized?(frame: Frame): void;
  /** The socket's backlog is small again. */
  drained?(): void;
  /** Nothing of what waits could be written for `stuckMs`; the receiver closes the connection. */
  stuck?(): void;
  /** How long the peer may answer no ping, milliseconds, where that is longer than the transport waits by itself. */
  readonly patienceMs?: number;
  /** The peer gives no sign of life. @returns false if the line is to be cut without a word */
  silent?(): boolean;
  closed(closing: Closing): void;
}

/** What is known of a connection before its first frame. */
export interface Hello {
  readonly remote: string;
  readonly path: string;
  readonly subprotocol: string | undefined;
  /** The dialect to which the listener belongs, where it belongs to one. */
  readonly own?: string;
  /** The token of an `Authorization: Bearer` header. */
  readonly bearer: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}
