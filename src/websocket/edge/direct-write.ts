import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Wire } from "../../core/index.js";

/**
 * How the bytes of a send queue leave a socket. The send queue keeps the order and knows what is under way, so the
 * queue that every Node stream keeps as well is left out where possible: `_write` of a TCP socket hands the bytes to
 * the system at once and calls back in the same turn if they have left. Node's queue was 3.7 of 12 µs for a message to
 * one of 1,000 sockets. A TLS socket takes one write at a time and needs it.
 */
export function writerOf(socket: Duplex): Wire["write"] {
  if (!(socket instanceof Socket) || socket instanceof TLSSocket) return socket.write.bind(socket);
  return (bytes, done) => {
    socket._write(bytes, "buffer" as BufferEncoding, (error) => {
      // Node calls what a destroyed socket has not written a success.
      if (error === null || error === undefined) done(socket.destroyed ? new Error("closed") : null);
      else {
        done(error);
        socket.destroy(error);
      }
    });
  };
}
