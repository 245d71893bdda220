import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/**
 * A line to a door that can die as lines do: without a word. Nothing passes any more and neither side learns of it,
 * while whoever connects anew gets a line that works.
 */
export class DeadLine {
  readonly port: number;
  readonly #server: Server;
  #sockets: Socket[] = [];
  readonly #buried: Socket[] = [];
  /** False: whoever connects anew is cut off. */
  isOpen = true;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param port the door behind it, on 127.0.0.1 */
  static async to(port: number): Promise<DeadLine> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const line = new DeadLine(server);
    server.on("connection", (near) => {
      if (!line.isOpen) {
        near.destroy();
        return;
      }
      const far = connect(port, "127.0.0.1");
      for (const socket of [near, far]) socket.on("error", () => socket.destroy());
      near.pipe(far).pipe(near);
      line.#sockets.push(near, far);
    });
    return line;
  }

  /** Lines that are there now die; how many there were. */
  die(): number {
    const dying = this.#sockets;
    this.#sockets = [];
    for (const socket of dying) socket.unpipe().pause();
    this.#buried.push(...dying);
    return dying.length / 2;
  }

  /** Lines that are there now are cut: both sides learn of it at once. */
  cut(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of [...this.#sockets, ...this.#buried]) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
