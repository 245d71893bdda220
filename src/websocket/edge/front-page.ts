import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { pathOf } from "./door.js";

/** A short HTTP answer. */
export interface Answer {
  readonly status: number;
  /** Content-Type. */
  readonly type: string;
  readonly body: string;
}

/** An ordinary HTTP request. */
export interface PageRequest {
  readonly method: string;
  readonly path: string;
  /** Who asks, as a trusted proxy says. */
  readonly remote: string;
  /**
   * It comes from this machine, and asks for this broker by a name of its own: no web page made its reader's browser
   * ask.
   */
  readonly isLocal: boolean;
  /** The token of an `Authorization: Bearer` header. */
  readonly bearer: string | undefined;
}

/** Answers what is its own; undefined leaves a request to the front page. */
export type Pages = (request: PageRequest) => Answer | undefined | Promise<Answer | undefined>;

/** What an ordinary HTTP request is told: a WebSocket client belongs here, and where. */
export function frontPage(method: string | undefined, url: string | undefined, paths: readonly string[]): Answer {
  const path = pathOf(url);
  if (path === undefined || !paths.includes(path)) return nothingHere(paths);
  if (method !== "GET" && method !== "HEAD") return text(405, "Only GET and WebSocket upgrades are answered here.");
  return text(
    path === "/" ? 200 : 426,
    `This is Synaptic Core, a message broker where agents meet.\nConnect with a WebSocket client to one of: ${paths.join(" ")}`,
  );
}

/** No dialect answers at this path. */
export function nothingHere(paths: readonly string[]): Answer {
  const body = JSON.stringify({
    error: "not found",
    message: "nothing answers at this path; connect to one of `paths`",
    paths,
  });
  return { status: 404, type: "application/json", body };
}

/** A refusal in words. */
export function text(status: number, words: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${words}\n` };
}

/** Answers an ordinary request and lets the connection go. */
export function respond(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    "content-type": answer.type,
    "content-length": Buffer.byteLength(answer.body),
    connection: "close",
    ...(answer.status === 426 && { upgrade: "websocket" }),
    ...(answer.status === 405 && { allow: "GET, HEAD" }),
  });
  response.end(request.method === "HEAD" ? undefined : answer.body);
}

/** Answers on a bare socket (a refused upgrade) and lets it go. */
export function refuseSocket(socket: Duplex, answer: Answer): void {
  socket.on("error", () => {
    socket.destroy();
  });
  socket.once("finish", () => {
    socket.destroy();
  });
  const head = [
    `HTTP/1.1 ${String(answer.status)} ${STATUS_CODES[answer.status] ?? ""}`,
    "Connection: close",
    `Content-Type: ${answer.type}`,
    `Content-Length: ${String(Buffer.byteLength(answer.body))}`,
    ...(answer.status === 503 ? ["Retry-After: 5"] : []),
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${answer.body}`);
}
