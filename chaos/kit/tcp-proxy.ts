import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import type { Dice } from "../../test/fuzz/dice.js";
import type { Course } from "./scenario.js";

/** A connection lives for so many bytes in all, while the line is bad. */
const cutAfterBytes = [200, 60_000] as const;
const delayMaxMs = 25;

/** A line that delays, cuts at random bytes and merges, until it is told to be calm. */
export class BadLine {
  cuts = 0;
  connections = 0;
  readonly #dice: Dice;
  readonly #target: number;
  readonly #server: Server;
  // bound: connections of a test · evicts: both ends go when one is closed · owner: BadLine
  readonly #sockets = new Set<Socket>();
  #isCalm = false;

  private constructor(dice: Dice, target: number) {
    this.#dice = dice;
    this.#target = target;
    this.#server = createServer((client) => {
      this.#carry(client);
    });
  }

  /** A line to the door of this URL; it ends with the scenario. */
  static async to(course: Course, url: string): Promise<BadLine> {
    const line = new BadLine(course.dice, Number(new URL(url).port));
    await new Promise<void>((resolve) => line.#server.listen(0, "127.0.0.1", resolve));
    course.finally(() => {
      for (const socket of line.#sockets) socket.destroy();
      line.#server.close();
    });
    return line;
  }

  /** The same door by this line. */
  url(url: string): string {
    const { port } = this.#server.address() as AddressInfo; // a listening TCP server has one
    return url.replace(/:\d+/, `:${String(port)}`);
  }

  /** From now on it only carries. */
  calm(): void {
    this.#isCalm = true;
  }

  /** Bad again. */
  rough(): void {
    this.#isCalm = false;
  }

  #carry(client: Socket): void {
    this.connections += 1;
    const broker = connect({ host: "127.0.0.1", port: this.#target });
    const fate = { left: this.#dice.between(...cutAfterBytes) };
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(from);
      from.on("error", () => from.destroy());
      from.once("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      this.#pipe(from, to, fate);
    }
  }

  /**
   * What waits is written together when its time has come: chunks are delayed and merged, in their order; a merged one
   * is cut in two now and then.
   */
  #pipe(from: Socket, to: Socket, fate: { left: number }): void {
    let waiting: Buffer[] = [];
    let isWaiting = false;
    const pass = (): void => {
      isWaiting = false;
      let bytes = Buffer.concat(waiting);
      waiting = [];
      fate.left -= bytes.length;
      if (fate.left < 0 && !this.#isCalm) {
        bytes = bytes.subarray(0, Math.max(0, bytes.length + fate.left));
        this.cuts += 1;
        to.write(bytes, () => {
          to.destroy();
          from.destroy();
        });
        return;
      }
      const half = this.#isCalm ? bytes.length : this.#dice.below(bytes.length + 1);
      to.write(bytes.subarray(0, half));
      to.write(bytes.subarray(half));
    };
    from.on("data", (chunk: Buffer) => {
      waiting.push(chunk);
      if (isWaiting) return;
      isWaiting = true;
      setTimeout(pass, this.#isCalm ? 0 : this.#dice.below(delayMaxMs));
    });
  }
}
