import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { makeCertificate } from "./certificates.js";

/** What the server does with a request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An https server of keys, as issuers have one. What it answers can be changed at any time. */
export class IssuerServer {
  readonly url: string;
  /** The file of the authority that vouches for it. */
  readonly ca: string;
  answer: Answer;
  /** Requests so far. */
  asked = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, ca: string, answer: Answer) {
    this.#server = server;
    this.ca = ca;
    this.answer = answer;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    server.on("request", (request, response) => {
      this.asked += 1;
      this.answer(request, response);
    });
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** @param folder where its certificate is made */
  static async start(folder: string, answer: Answer): Promise<IssuerServer> {
    const { cert, key } = makeCertificate(folder, "issuer-server");
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new IssuerServer(server, cert, answer);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Answers with a document, and the headers of an issuer. */
export function says(document: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", ...headers });
    response.end(typeof document === "string" ? document : JSON.stringify(document));
  };
}

/** Answers with a status and no document. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) => {
    response.writeHead(code, headers).end();
  };
}

/** Never answers. */
export const silence: Answer = () => undefined;
