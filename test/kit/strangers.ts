import { EventEmitter } from "node:events";
import { Server, type Socket } from "node:net";

/** What an accepted socket asks its system through. */
interface Handle {
  getpeername: (out: { address?: string }) => number;
}

/** Who is on its way in, and what is called when the server has met it. */
interface Dialling {
  readonly address: string | undefined;
  readonly met: () => void;
}

/**
 * Clients of other machines: real sockets on loopback, of which the servers of this process believe another address.
 * Their own is excepted from what strangers may have.
 */
export class Strangers {
  readonly #dialling: Dialling[] = [];

  constructor() {
    const dialling = this.#dialling;
    const emit = Reflect.get(EventEmitter.prototype, "emit") as (...said: readonly unknown[]) => boolean;
    Server.prototype.emit = function (this: Server, event: string, ...said: unknown[]): boolean {
      if (event === "connection") disguise(said[0] as Socket, dialling.shift());
      return Reflect.apply(emit, this, [event, ...said]);
    };
  }

  /**
   * The next server that is dialled sees `address`; none, if it is undefined, as of somebody who has gone again.
   * Resolves when the server has met the client.
   */
  async from<T>(address: string | undefined, dial: () => T | Promise<T>): Promise<T> {
    const met = new Promise<void>((resolve) => {
      this.#dialling.push({ address, met: resolve });
    });
    const dialled = await dial();
    await met;
    return dialled;
  }

  /** From now on everybody has its own address again. */
  end(): void {
    Reflect.deleteProperty(Server.prototype, "emit");
  }
}

function disguise(socket: Socket, dialling: Dialling | undefined): void {
  if (dialling === undefined) return;
  const handle = Reflect.get(socket, "_handle") as Handle;
  const getpeername = handle.getpeername.bind(handle);
  handle.getpeername = (out) => {
    if (dialling.address === undefined) return -1;
    const result = getpeername(out);
    out.address = dialling.address;
    return result;
  };
  setImmediate(dialling.met);
}
