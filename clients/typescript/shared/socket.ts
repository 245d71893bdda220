import { WebSocket } from "ws";
import { LoopClock, type Clock } from "../../../src/core/index.js";
import { certificateRemedy } from "./certificate-remedy.js";

/** How long a server may take to close a connection, milliseconds. */
const closeMs = 1_000;

/** Closes a connection: what was said is written first. A server that does not answer is not waited for. */
export async function closeSocket(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => {
      socket.terminate();
    }, closeMs);
    socket.once("close", () => {
      clearTimeout(late);
      resolve();
    });
    socket.close(1000);
  });
}

/** After how long without a sign of the server a client asks for one when nothing else is said, milliseconds. */
export const silentMsDefault = 25_000;

/**
 * Ends an open connection on which nothing comes, neither a message nor the answer to a ping, for `silentMs` to twice
 * as long: a line may die without a word (a cable, a NAT that forgets, a machine that is gone), and whoever mostly
 * listens would never learn of it. Time in which this process stood still does not count. The watch ends with the
 * connection.
 */
export function watchSilence(socket: WebSocket, silentMs: number, clock: Clock = new LoopClock()): void {
  let heard = true;
  const hear = (): void => {
    heard = true;
  };
  socket.on("message", hear);
  socket.on("pong", hear);
  socket.on("ping", hear);
  let cancel: () => void;
  const look = (): void => {
    cancel = clock.after(silentMs, () => {
      if (!heard) {
        socket.terminate();
        return;
      }
      heard = false;
      socket.ping();
      look();
    });
  };
  look();
  socket.once("close", () => {
    cancel();
  });
}

/** Why a connection could not be made, and what to do about it. */
export function connectProblem(url: string, error: Error): string {
  const isOtherDoor = /^(?:Unexpected server response: 404|Server sent no subprotocol)/.test(error.message);
  const remedy =
    certificateRemedy(error) ??
    (isOtherDoor
      ? "a server runs there, but this is not spoken at this path (a broker has /pan and /agentchat)"
      : "is the server running there?");
  return `cannot connect to ${url}: ${error.message || String(error)}; ${remedy}`;
}
