import { createHash, randomBytes } from "node:crypto";

/** Bits of one generation: 1 MiB. */
const bits = 2 ** 23;
/** Places of a name among them. */
const places = 4;
/** So many names fill a generation: one in fifty of all others is then taken for one of them. */
const namesMax = 1_000_000;

/**
 * Names that had to be forgotten before their time. Not the names themselves are kept but bits, of which many names
 * share some: a name that was added is always found, now and then one that was not. Two generations take 2 MiB, for the
 * last million names at least, and until the broker stops.
 */
export class ForgottenNames {
  /** Nobody can choose names that share their bits with the name of somebody else. */
  readonly #salt = randomBytes(16);
  #younger: Uint8Array | undefined;
  #older: Uint8Array | undefined;
  #size = 0;

  add(name: string): void {
    if (this.#younger === undefined || this.#size >= namesMax) {
      this.#older = this.#younger;
      this.#younger = new Uint8Array(bits / 8);
      this.#size = 0;
    }
    this.#size += 1;
    for (const place of this.#placesOf(name)) {
      const at = place >>> 3;
      this.#younger[at] = (this.#younger[at] ?? 0) | (1 << (place & 7));
    }
  }

  /** False for a name that was never added. */
  has(name: string): boolean {
    if (this.#younger === undefined) return false;
    const found = this.#placesOf(name);
    return [this.#younger, this.#older].some(
      (known) => known !== undefined && found.every((place) => ((known[place >>> 3] ?? 0) & (1 << (place & 7))) !== 0),
    );
  }

  #placesOf(name: string): readonly number[] {
    const hash = createHash("sha256").update(this.#salt).update(name).digest();
    return Array.from({ length: places }, (_, at) => hash.readUInt32LE(4 * at) % bits);
  }
}
