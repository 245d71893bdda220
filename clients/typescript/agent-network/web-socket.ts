import { certificateRemedy } from "../shared/certificate-remedy.js";

/** What is used of a W3C WebSocket: that of a browser, of Node 22, or the package `ws`. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  /** `ws` alone: ends the connection without a farewell. */
  terminate?(): void;
}

/** Makes a connection. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** How a connection has ended, as a browser tells it. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** What a line tells. */
export interface LineEvents {
  opened(): void;
  text(text: string): void;
  /** Something that is no text: nothing of this protocol. */
  noText(): void;
  closed(event: Closed): void;
  failed(message: string): void;
}

/** Hears a WebSocket; the result ends the hearing, after which nothing of it is told. */
export function hearLine(socket: WebSocketLike, events: LineEvents): () => void {
  socket.onopen = () => {
    events.opened();
  };
  socket.onmessage = ({ data }: { readonly data: unknown }) => {
    if (typeof data === "string") events.text(data);
    else events.noText();
  };
  socket.onclose = ({ code, reason }: Closed) => {
    events.closed({ code, reason });
  };
  // A browser tells no reason here, and always closes afterwards; `ws` has an error.
  socket.onerror = ({ error }: { readonly error?: unknown }) => {
    if (!(error instanceof Error)) return;
    const remedy = certificateRemedy(error);
    events.failed(remedy === undefined ? reasonOf(error) : `${reasonOf(error)}; ${remedy}`);
  };
  return () => {
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    // Stays: an error of `ws` that nobody hears would end the process.
    socket.onerror = () => undefined;
  };
}

/** The message of an error. If a name has several addresses, it has none, but one error for each. */
function reasonOf(error: Error): string {
  if (error.message !== "") return error.message;
  const each: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return each.find((one) => one instanceof Error)?.message ?? String(error);
}

/** Ends a connection at once: whether the other side answers is not waited for. */
export function endLine(socket: WebSocketLike): void {
  if (socket.terminate !== undefined) socket.terminate();
  else socket.close();
}
