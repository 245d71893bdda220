import type { Socket } from "node:net";
import type { Clock } from "../../core/index.js";

/** A longer first message of TLS is refused: those of browsers have about 2 KiB. */
const helloMaxBytes = 16 * 1024;
const recordHeaderBytes = 5;
const handshakeRecord = 22;
const clientHello = 1;

/**
 * Begins the TLS handshakes of strangers one in a turn of the loop (ARCHITECTURE, invariant 11). The answer to the
 * first message is a signature, 1 ms and more with RSA, and a recorded message is enough to ask for it: 1,500 at once
 * held everybody else up for 2 s. A connection waits outside TLS until that message is here whole, then for its turn.
 */
export class HelloTurns {
  // bound: wsHalfOpenMax · evicts: in their turn · owner: HelloTurns
  readonly #waiting = new Map<Socket, () => void>();
  #isScheduled = false;
  readonly #clock: Pick<Clock, "monotonic">;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** True while the first message of a connection waits for its turn. */
  waits(socket: Socket): boolean {
    return this.#waiting.has(socket);
  }

  /**
   * @param begin gives the connection to TLS after so many milliseconds in which its first message waited; what was read
   *   of it is in its buffer again
   * @param refuse its first message is too long, or none of TLS
   */
  wait(socket: Socket, begin: (waitedMs: number) => void, refuse: () => void): void {
    let read: Buffer = Buffer.alloc(0);
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      read = Buffer.concat([read, chunk]);
      const found = lookAt(read);
      if (found === "part") return;
      socket.off("readable", look);
      if (found === "none") {
        refuse();
        return;
      }
      socket.unshift(read);
      const since = this.#clock.monotonic();
      this.#waiting.set(socket, () => {
        if (!socket.destroyed) begin(this.#clock.monotonic() - since);
      });
      this.#schedule();
    };
    socket.on("readable", look);
    // A connection that fails closes, and is forgotten.
    socket.on("error", () => {
      socket.destroy();
    });
    socket.once("close", () => {
      this.#waiting.delete(socket);
    });
  }

  /** One in a turn: TLS reads what is in the buffer right behind this. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const [first] = this.#waiting;
      if (first === undefined) return;
      const [socket, turn] = first;
      this.#waiting.delete(socket);
      if (this.#waiting.size > 0) this.#schedule();
      turn();
    });
  }
}

/**
 * Looks for a whole ClientHello (RFC 8446 §4.1.2), in one record or more. What begins otherwise is none: given to TLS
 * it could hide a hello behind it.
 */
function lookAt(bytes: Buffer): "whole" | "part" | "none" {
  const begin: number[] = [];
  let length = 0;
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== handshakeRecord) return "none";
    if (bytes.length < at + recordHeaderBytes) break;
    const from = at + recordHeaderBytes;
    const end = from + bytes.readUInt16BE(at + 3);
    begin.push(...bytes.subarray(from, Math.min(end, from + 4 - begin.length)));
    length += end - from;
    const [kind = clientHello, high = 0, middle = 0, low = 0] = begin;
    if (kind !== clientHello) return "none";
    if (begin.length === 4 && length >= 4 + high * 65_536 + middle * 256 + low && end <= bytes.length) return "whole";
    at = end;
  }
  return bytes.length > helloMaxBytes ? "none" : "part";
}
