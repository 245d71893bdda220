import type { Duplex } from "node:stream";
import type { Reader, ReadTurns } from "../../core/index.js";

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Lets Node's HTTP server read one request of a connection, in its turn (ARCHITECTURE, invariant 11). It would answer
 * all that one write holds before anybody else is looked at: 5,000 requests for the metrics held the loop for 3 s,
 * though only the first answer leaves before the connection closes. What comes behind the head goes to the WebSocket
 * that the connection becomes, and else nowhere: no request here has a body that matters.
 * @param hasAsked true once the server has told of the request
 * @returns who reads; undefined if Node listens in another way: then the connection takes no turns
 */
export function readHeadInTurn(socket: Duplex, readTurns: ReadTurns, hasAsked: () => boolean): Reader | undefined {
  const parse = takeListener(socket, "data");
  if (parse === undefined) return undefined;
  const head = new HeadEnd();
  let phase: "head" | "upgraded" | "over" = "head";
  /** Bytes of the head that wait for their turn. */
  let waiting = 0;
  /** What came behind the head while it waited. */
  let behind: Buffer[] = [];

  const arrived = (chunk: Buffer): void => {
    if (phase !== "head") return;
    if (behind.length > 0) {
      behind.push(chunk);
      return;
    }
    const end = head.endIn(chunk);
    if (end < chunk.length) behind.push(chunk.subarray(end));
    waiting += end;
    readTurns.read(reader, chunk.subarray(0, end), false);
  };
  const taken = (): void => {
    const rest = behind;
    behind = [];
    if (phase === "upgraded") for (const chunk of rest) socket.emit("data", chunk);
    else if (hasAsked() || socket.destroyed) phase = "over";
    else if (rest.length > 0) arrived(Buffer.concat(rest));
  };
  const reader: Reader = {
    isStranger: () => true,
    take: (bytes) => {
      waiting -= bytes.length;
      if (phase === "head" && !socket.destroyed) {
        parse.call(socket, bytes);
        if (waiting === 0) taken();
      }
      return bytes.length;
    },
    // A socket that was upgraded has another reader, which stops and starts it.
    pause: () => {
      if (phase !== "upgraded") socket.pause();
    },
    resume: () => {
      if (phase !== "upgraded") socket.resume();
    },
  };

  const closed = (): void => {
    phase = "over";
  };
  const finish = takeListener(socket, "end");
  const ended = (): void => {
    readTurns.after(reader, () => {
      if (phase !== "upgraded") finish?.call(socket);
    });
  };

  // The server takes its listener away where the connection becomes a WebSocket, and lets go of its parser at the end.
  const remove = socket.removeListener.bind(socket) as (event: string | symbol, removed: () => void) => Duplex;
  Reflect.set(socket, "removeListener", (event: string | symbol, removed: () => void) => {
    if (event === "data" && removed === parse) {
      phase = "upgraded";
      Reflect.deleteProperty(socket, "removeListener");
      // What listens keeps the parser of the request, for as long as the WebSocket lives.
      socket.off("data", arrived);
      socket.off("end", ended);
      socket.off("close", closed);
    }
    return remove(event, removed);
  });
  socket.once("close", closed);
  if (finish !== undefined) socket.on("end", ended);
  socket.on("data", arrived);
  return reader;
}

/** Finds the end of a request's head: an empty line behind one that is not (RFC 9112 §2.1 and RFC 9112 §2.2). */
class HeadEnd {
  #isIn: "nothing" | "line" | "line end" = "nothing";

  /** @returns the index behind the end of the head; the length of the chunk if it does not end there */
  endIn(chunk: Buffer): number {
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (byte === carriageReturn) continue;
      if (byte !== lineFeed) this.#isIn = "line";
      else if (this.#isIn === "line") this.#isIn = "line end";
      else if (this.#isIn === "line end") {
        this.#isIn = "nothing";
        return at + 1;
      }
    }
    return chunk.length;
  }
}

/** Takes the listener of Node's server away from an event of its socket. */
function takeListener(socket: Duplex, event: "data" | "end"): ((...said: readonly unknown[]) => void) | undefined {
  const name = event === "data" ? "bound socketOnData" : "bound socketOnEnd";
  const listener = socket.listeners(event).find((one) => one.name === name);
  if (listener !== undefined) socket.off(event, listener as () => void);
  return listener as (() => void) | undefined;
}
