import { STATUS_CODES, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../core/index.js";
import { sendFile } from "./file-answer.js";
import { pathOf } from "./upgrade.js";

/** A short HTTP answer. */
export interface Answer {
  readonly status: number;
  /** Content-Type. */
  readonly type: string;
  readonly body: string;
  /** Further headers, by names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A long HTTP answer: the same bytes for all who ask, so that nobody has a copy of his own. */
export interface FileAnswer {
  readonly status: 200;
  /** Content-Type. */
  readonly type: string;
  readonly bytes: Uint8Array;
  /** Further headers, by names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An ordinary HTTP request. */
export interface PageRequest {
  readonly method: string;
  readonly path: string;
  /** The client's address, without a port; behind a trusted proxy the one that the proxy names. */
  readonly remote: string;
  /**
   * It comes from this machine, through nobody who says that it passes it on, and asks for `localhost` or a loopback
   * address: so neither a web page of elsewhere reads the answer, nor who comes through a tunnel that says nothing.
   */
  readonly isLocal: boolean;
  /** The client shows pages to people. */
  readonly wantsHtml: boolean;
  /** The broker's name and port as the client wrote them; those of the listener if it wrote none. */
  readonly host: string;
  /** `host` is a name of this broker. */
  readonly isOurs: boolean;
  /** The connection is encrypted, up to here or up to a trusted proxy. */
  readonly isTls: boolean;
  /** Where dialects answer at this listener. */
  readonly paths: readonly string[];
  /** The token of an `Authorization: Bearer` header. */
  readonly bearer: string | undefined;
  /** The `If-None-Match` header: what the client has already. */
  readonly ifNoneMatch: string | undefined;
}

/** Answers the requests for its own pages; undefined leaves a request to the front page. */
export type Pages = (
  request: PageRequest,
) => Answer | FileAnswer | undefined | Promise<Answer | FileAnswer | undefined>;

/** Headers by which proxies say that they pass a request on. */
const forwardings = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/** True for a request that somebody between says to pass on for somebody else. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  return forwardings.some((name) => headers[name] !== undefined);
}

/** True for a client that shows pages to people, as browsers say of themselves; other programs take anything. */
export function wantsHtml({ accept = "" }: IncomingHttpHeaders): boolean {
  return accept
    .split(",")
    .some((type) => /^\s*text\/html\s*(;|$)/i.test(type) && !/;\s*q=0(\.0*)?\s*(;|$)/i.test(type));
}

/** The answer to an ordinary HTTP request: use a WebSocket client, at one of these paths. `notes`: more, by path. */
export function frontPage(
  method: string | undefined,
  url: string | undefined,
  paths: readonly string[],
  notes: ReadonlyMap<string, string>,
): Answer {
  const path = pathOf(url);
  if (path === undefined || !paths.includes(path)) return nothingHere(paths);
  if (method !== "GET" && method !== "HEAD") return text(405, "Only GET and WebSocket upgrades are answered here.");
  return text(
    path === "/" ? 200 : 426,
    notedAt(path, notes) +
      "This is Synaptic Core, a message broker where agents meet.\n" +
      `Connect with a WebSocket client to one of: ${paths.join(" ")}`,
  );
}

function notedAt(path: string, notes: ReadonlyMap<string, string>): string {
  const note = notes.get(path);
  return note === undefined ? "" : `${note}\n`;
}

/** The answer where no dialect answers at the path. */
export function nothingHere(paths: readonly string[]): Answer {
  const body = JSON.stringify({
    error: "not found",
    message: `nothing answers at this path; connect to one of: ${paths.join(" ")}`,
    paths,
  });
  return { status: 404, type: "application/json", body };
}

/** An answer in plain text. */
export function text(status: number, words: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${words}\n` };
}

/** Answers an ordinary request; the connection ends after it. */
export function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer | FileAnswer,
  clock: Clock,
): void {
  const isFile = "bytes" in answer;
  response.writeHead(answer.status, {
    ...answer.headers,
    // What has not changed has no body whose length could be told (RFC 9110 §8.6).
    ...(answer.status !== 304 && {
      "content-type": answer.type,
      "content-length": isFile ? answer.bytes.length : Buffer.byteLength(answer.body),
    }),
    connection: "close",
    ...(answer.status === 426 && { upgrade: "websocket" }),
    ...(answer.status === 405 && { allow: "GET, HEAD" }),
  });
  if (request.method === "HEAD") response.end();
  else if (isFile) void sendFile(response, answer.bytes, clock);
  else response.end(answer.body);
}

/** Lets go of a bare socket when what is written there has left. */
export function endAfterAnswer(socket: Duplex): void {
  socket.on("error", () => {
    socket.destroy();
  });
  socket.once("finish", () => {
    socket.destroy();
  });
}

/** Answers on a bare socket (a refused upgrade) and closes it. */
export function refuseSocket(socket: Duplex, answer: Answer): void {
  endAfterAnswer(socket);
  const head = [
    `HTTP/1.1 ${String(answer.status)} ${STATUS_CODES[answer.status] ?? ""}`,
    "Connection: close",
    `Content-Type: ${answer.type}`,
    `Content-Length: ${String(Buffer.byteLength(answer.body))}`,
    ...(answer.status === 503 ? ["Retry-After: 5"] : []),
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${answer.body}`);
}
