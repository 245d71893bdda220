import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { join } from "node:path";
import { errorCode } from "./remedy.js";

/** The longest path of a Unix socket: 108 bytes on Linux, 104 elsewhere, with the zero that ends it. */
const pathMaxBytes = process.platform === "linux" ? 107 : 103;
const nameForm = /^life-[0-9a-f]{4}$/;
/** How long an answer may take: the system gives it without the process, milliseconds. */
const answerMs = 1_000;

/**
 * A Unix socket that tells whether its process lives. The system closes it with the process, however that ends, and
 * says so to everybody on this machine: also to another container, to which the process's number means nothing.
 */
export class LifeSocket {
  /** Its name in the folder. */
  readonly name: string;
  readonly #server: Server;

  private constructor(name: string, server: Server) {
    this.name = name;
    this.#server = server;
  }

  /** Opens one in a folder; undefined where there can be none: the path is too long, or the disk takes no sockets. */
  static async open(folder: string): Promise<LifeSocket | undefined> {
    const name = `life-${randomBytes(2).toString("hex")}`;
    const path = join(folder, name);
    if (process.platform === "win32" || Buffer.byteLength(path) > pathMaxBytes) return undefined;
    const server = createServer((socket) => {
      socket.on("error", () => undefined).destroy();
    });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(path, resolve);
      });
      chmodSync(path, 0o600);
    } catch {
      server.close(() => undefined);
      return undefined; // whoever looks goes by other signs of life
    }
    return new LifeSocket(name, server.unref());
  }

  /** Closes it and removes its file. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }
}

/** True for the name of such a socket: a lock file may have been written by anybody. */
export function isLifeSocket(name: string): boolean {
  return nameForm.test(name);
}

/** True if a living process has the socket: it listens, whether it comes to answer or not. */
export function isAliveAt(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const settle = (isAlive: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isAlive);
    };
    const timer = setTimeout(() => {
      settle(true);
    }, answerMs);
    socket.once("connect", () => {
      settle(true);
    });
    // Whatever else keeps us from connecting (too many wait already), somebody listens.
    socket.once("error", (error) => {
      settle(!dead.has(errorCode(error) ?? ""));
    });
  });
}

/** Nobody listens; there is no such file; it is another kind of file. */
const dead: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOENT", "ENOTSOCK"]);
