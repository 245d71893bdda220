import type { Duplex } from "node:stream";
import type { Reader, ReadTurns } from "../../core/index.js";

/**
 * Puts what `ws` does when its socket has ended off until its turn comes: with all that follows from it it takes 70 µs
 * for each, and what others have said meanwhile would wait for all of them.
 */
export function endInTurn(socket: Duplex, event: "end" | "close", later: (run: () => void) => void): void {
  const listener = takeListener(socket, event);
  if (listener === undefined) return;
  socket.on(event, () => {
    later(() => {
      listener.call(socket);
    });
  });
}

type Listener = (...said: readonly unknown[]) => void;

/** What the reading of a connection depends on, and who is told of it. */
export interface SocketReading {
  isStranger(): boolean;
  /** False while the connection has reasons of its own not to read. */
  mayRead(): boolean;
  /** Bytes have come: the peer lives, however long they wait for their turn. */
  arrived(): void;
  failed(thrown: unknown): void;
}

/** Lets the bytes of a socket take their turn before `ws` reads them. */
export function readInTurn(socket: Duplex, readTurns: ReadTurns, reading: SocketReading): Reader {
  const listener = takeListener(socket, "data");
  const reader = new SocketReader(socket, reading, listener);
  if (listener === undefined) return reader;
  socket.on("data", (chunk: Buffer) => {
    reading.arrived();
    readTurns.read(reader, chunk, false);
  });
  // A connection resumes its `ws` when its answers have left or it is asked whether it lives: nothing more is read until
  // what waits has had its turn.
  const resume = socket.resume.bind(socket);
  Reflect.set(socket, "resume", (): Duplex => (readTurns.waits(reader) ? socket : resume()));
  // After a close frame or an error `ws` takes its listener away: what comes then is read and forgotten.
  const remove = socket.removeListener.bind(socket) as (event: string | symbol, removed: () => void) => Duplex;
  Reflect.set(socket, "removeListener", (event: string | symbol, removed: () => void) => {
    if (event === "data" && removed === listener) reader.isOver = true;
    return remove(event, removed);
  });
  return reader;
}

/** Reads a socket as `ws` would. */
class SocketReader implements Reader {
  isOver = false;
  readonly #socket: Duplex;
  readonly #reading: SocketReading;
  readonly #listener: Listener | undefined;

  constructor(socket: Duplex, reading: SocketReading, listener: Listener | undefined) {
    this.#socket = socket;
    this.#reading = reading;
    this.#listener = listener;
  }

  isStranger(): boolean {
    return this.#reading.isStranger();
  }

  take(chunk: Buffer): number {
    try {
      if (!this.isOver) this.#listener?.call(this.#socket, chunk);
    } catch (thrown) {
      this.isOver = true;
      this.#reading.failed(thrown);
    }
    return chunk.length;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.isOver || this.#reading.mayRead()) this.#socket.resume();
  }
}

/**
 * Takes the listener of `ws` away from an event of its socket. A `ws` that listens in another way keeps its listener,
 * and its sockets take no turns.
 */
function takeListener(socket: Duplex, event: "data" | "end" | "close"): Listener | undefined {
  const listener = socket.listeners(event).find(({ name }) => listenersOfWs.has(name));
  if (listener !== undefined) socket.off(event, listener as () => void);
  return listener as Listener | undefined;
}

const listenersOfWs: ReadonlySet<string> = new Set(["socketOnData", "socketOnEnd", "socketOnClose"]);
