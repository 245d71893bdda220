import { wipe } from "../crypto/key-pairs.js";
import type { Bytes } from "../crypto/sodium.js";
import { InOrder, type OrderPorts } from "./in-order.js";
import type { Opened } from "./opened.js";

/** The two `ephemeralKey`s of a handshake, in base64. */
export interface HandshakeKeys {
  readonly own: string;
  readonly peer: string;
}

/** What one handshake at version 2 has brought: a key, and a counter for each direction (Agent Network §10.5, §11.2). */
export class Session {
  /** 32 bytes. Zeros once it is closed. */
  readonly key: Bytes;
  readonly handshake: HandshakeKeys;
  /** What comes, in its order. */
  readonly order: InOrder<Opened>;
  #sent = 0;

  constructor(key: Bytes, handshake: HandshakeKeys, ports: OrderPorts<Opened>) {
    this.key = key;
    this.handshake = handshake;
    this.order = new InOrder(ports);
  }

  /** Seals by the next counter, which is used up only if `seal` does not throw. */
  inTurn<Sealed>(seal: (counter: number) => Sealed): Sealed {
    const sealed = seal(this.#sent + 1);
    this.#sent += 1;
    return sealed;
  }

  /** Wipes the key, and forgets what is held. */
  close(): void {
    wipe(this.key);
    this.order.close();
  }
}
