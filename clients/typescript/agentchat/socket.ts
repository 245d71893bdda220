import { WebSocket } from "ws";
import { closeSocket, connectProblem, watchSilence } from "../shared/socket.js";
import { AgentChatError } from "./error.js";

const subprotocol = "agentchat.v1";
/** No event of a server is this big. */
const maxBytes = 16 * 1024 * 1024;
/** How long a server may take to accept a connection, milliseconds. */
const openMs = 10_000;

/** Where a socket reports what it hears. */
export interface SocketEvents {
  readonly onText: (text: string) => void;
  /** Called once, when it has ended for any reason. */
  readonly onClose: (code: number, reason: string) => void;
}

/** One WebSocket connection to a server, from its opening to its end. */
export class AgentChatSocket {
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /**
   * Opens a connection. It is ended when nothing comes within `silentMs`, neither a message nor the answer to a ping.
   * @throws AgentChatError CLOSED
   */
  static async open(
    url: string,
    { onText, onClose }: SocketEvents,
    { signal, silentMs }: { readonly signal: AbortSignal; readonly silentMs: number },
  ): Promise<AgentChatSocket> {
    const socket = connectTo(url);
    const abort = (): void => {
      socket.terminate();
    };
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      await new Promise<void>((resolve, reject) => {
        socket.on("error", (error) => {
          reject(new AgentChatError("CLOSED", connectProblem(url, error), { cause: error }));
          socket.terminate(); // the event "close" follows and tells the rest
        });
        socket.on("message", (data: Buffer) => {
          onText(data.toString());
        });
        socket.once("open", () => {
          socket.once("close", (code, reason) => {
            onClose(code, reason.toString());
          });
          watchSilence(socket, silentMs);
          resolve();
        });
      });
    } finally {
      signal.removeEventListener("abort", abort);
    }
    return new AgentChatSocket(socket);
  }

  /** Sends a frame; done when it is written to the socket. @throws AgentChatError CLOSED */
  send(frame: Readonly<Record<string, unknown>>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) {
        reject(new AgentChatError("CLOSED", "not connected; wait for the event open"));
        return;
      }
      this.#socket.send(JSON.stringify(frame), (error) => {
        if (!(error instanceof Error))
          resolve(); // undefined or null, by the state of the socket
        else
          reject(
            new AgentChatError(
              "CLOSED",
              `the connection was lost while writing: ${error.message}; say it again after the event open`,
              { cause: error },
            ),
          );
      });
    });
  }

  /** Ends it: what was said is written first. */
  close(): Promise<void> {
    return closeSocket(this.#socket);
  }
}

function connectTo(url: string): WebSocket {
  let socket: WebSocket;
  try {
    socket = new WebSocket(url, subprotocol, {
      perMessageDeflate: false,
      maxPayload: maxBytes,
      handshakeTimeout: openMs,
    });
  } catch (thrown) {
    throw new AgentChatError("CLOSED", `${url} is no address of a server; write ws://HOST:PORT`, { cause: thrown });
  }
  // Other servers do not name the subprotocol in their answer; RFC 6455 §4.2.2 allows that, but ws refuses it.
  socket.once("upgrade", ({ headers }) => {
    headers["sec-websocket-protocol"] ??= subprotocol;
  });
  return socket;
}
