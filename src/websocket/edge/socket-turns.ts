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

/** What the reading of a connection depends on. */
interface ReadStates {
  readonly isStranger: () => boolean;
  readonly mayRead: () => boolean;
}

/** Lets the bytes of a socket take their turn before `ws` reads them. */
export function readInTurn(socket: Duplex, readTurns: ReadTurns, { isStranger, mayRead }: ReadStates): Reader {
  const listener = takeListener(socket, "data");
  const reader: Reader = {
    get isStranger() {
      return isStranger();
    },
    take: (chunk) => {
      listener?.call(socket, chunk);
    },
    pause: () => socket.pause(),
    resume: () => {
      if (mayRead()) socket.resume();
    },
  };
  if (listener !== undefined)
    socket.on("data", (chunk: Buffer) => {
      readTurns.read(reader, chunk, false);
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
