import { randomBytes, timingSafeEqual } from "node:crypto";
import type { MailRow } from "./mail-row.js";

const secretBytes = 16;
/** Random bytes are drawn for so many secrets at once: one call for each costs as much as 20. */
const drawn = 256;

/** Makes secrets of messages: 128 random bits, hex. */
export class Secrets {
  #bytes = Buffer.alloc(0);
  #at = 0;

  next(): string {
    if (this.#at === this.#bytes.length) {
      this.#bytes = randomBytes(secretBytes * drawn);
      this.#at = 0;
    }
    return this.#bytes.toString("hex", this.#at, (this.#at += secretBytes));
  }
}

/** By which an owner settles a message: where it lies, and a secret that nobody guesses (protocols §9). */
export function deliveryId({ seq, secret }: Pick<MailRow, "seq" | "secret">): string {
  return `${seq.toString(36)}-${secret}`;
}

/** Sequences on the disk have 48 bits: no message lies behind. */
const seqMax = 2 ** 48 - 1;

/** Where the message of a delivery id lies; undefined for what is none. Whether it is right, its row tells. */
export function seqOf(id: string): number | undefined {
  const match = /^([0-9a-z]{1,10})-[0-9a-f]{32}$/.exec(id);
  const seq = match?.[1] === undefined ? NaN : parseInt(match[1], 36);
  return seq > 0 && seq <= seqMax ? seq : undefined;
}

/** True if `id` is that of the message of this row. */
export function isDelivery(id: string, row: Pick<MailRow, "seq" | "secret">): boolean {
  const given = Buffer.from(id);
  const right = Buffer.from(deliveryId(row));
  return given.length === right.length && timingSafeEqual(given, right);
}
