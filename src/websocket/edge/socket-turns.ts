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
  let isOver = false;
  const reader: Reader = {
    isStranger: () => reading.isStranger(),
    take: (chunk) => {
      try {
        if (!isOver) listener?.call(socket, chunk);
      } catch (thrown) {
        isOver = true;
        reading.failed(thrown);
      }
      return chunk.length;
    },
    pause: () => socket.pause(),
    resume: () => {
      if (isOver || reading.mayRead()) socket.resume();
    },
  };
  if (listener === undefined) return reader;
  socket.on("data", (chunk: Buffer) => {
    reading.arrived();
    readTurns.read(reader, chunk, false);
  });
  // After a close frame or an error `ws` takes its listener away: what comes then is read and forgotten.
  const remove = socket.removeListener.bind(socket) as (event: string | symbol, removed: () => void) => Duplex;
  Reflect.set(socket, "removeListener", (event: string | symbol, removed: () => void) => {
    if (event === "data" && removed === listener) isOver = true;
    return remove(event, removed);
  });
  return reader;
}

/**
 * Takes the listener of `ws` away from an event of its socket. A `ws` that listens in another way keeps its listener,
 * and its sockets take no turns.
 */
function takeListener(
  socket: Duplex,
  event: "data" | "end" | "close",
): ((...said: readonly unknown[]) => void) | undefined {
  const listener = socket.listeners(event).find(({ name }) => listenersOfWs.has(name));
  if (listener !== undefined) socket.off(event, listener as () => void);
  return listener as (() => void) | undefined;
}

const listenersOfWs: ReadonlySet<string> = new Set(["socketOnData", "socketOnEnd", "socketOnClose"]);
