import { WebSocket, type ClientOptions } from "ws";
import { LoopClock, type Clock } from "../../../src/core/index.js";
import { certificateRemedy } from "./certificate-remedy.js";

/** Begins a connection without compression. */
export function openSocket(url: string, subprotocol: string, options: ClientOptions): WebSocket {
  return new WebSocket(url, subprotocol, { perMessageDeflate: false, ...options });
}

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
 * @param silentMs 0: it is not watched
 */
export function watchSilence(socket: WebSocket, silentMs: number, clock: Clock = new LoopClock()): void {
  if (silentMs === 0) return;
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
  const why = reasonOf(error);
  if (/wrong version number|packet length too long/.test(why))
    return `cannot connect to ${url}: this port does not speak TLS; is it the right one? A door without TLS is ws://`;
  return `cannot connect to ${url}: ${why}; ${certificateRemedy(error) ?? doorRemedy(url, why)}`;
}

/** The message of an error. If a name has several addresses, it has none, but one error for each. */
function reasonOf(error: Error): string {
  if (error.message !== "") return error.message;
  const each: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return each.find((one) => one instanceof Error)?.message ?? String(error);
}

function doorRemedy(url: string, why: string): string {
  if (/ENOTFOUND|EAI_AGAIN/.test(why)) return "no host of this name is known here";
  if (why === "socket hang up" && url.startsWith("ws:"))
    return "something is there, and hung up: the address of a door with TLS begins with wss://";
  const status = /^Unexpected server response: (\d+)/.exec(why)?.[1];
  if (status === "404" || why.startsWith("Server sent no subprotocol"))
    return "a server is there, but this is not spoken at this path (PAN: /pan, AgentChat: /agentchat, Agent Network: /agent-network/v1/connect)";
  if (status === "426") return "a server is there, but a proxy before it does not pass WebSockets on (Upgrade)";
  return "is the server running there?";
}
