/** How much may wait. */
export interface Room {
  readonly count: number;
  readonly bytes: number;
}

interface Line {
  tail: Promise<void>;
  count: number;
  bytes: number;
}

/**
 * Work that is done one piece after the other for each key, and side by side for different ones. What waits has a bound
 * for each key and in all: work that hangs holds up its own key alone, and nothing grows behind it without end.
 */
export class BoundedTurns {
  readonly #ofKey: Room;
  readonly #inAll: Room;
  // bound: inAll · evicts: a key with its last piece of work · owner: BoundedTurns
  readonly #lines = new Map<string, Line>();
  #count = 0;
  #bytes = 0;

  constructor(ofKey: Room, inAll: Room) {
    this.#ofKey = ofKey;
    this.#inAll = inAll;
  }

  /** Pieces of work that are not done. */
  get waiting(): number {
    return this.#count;
  }

  /** @param work must not reject @returns false where there is no room: it is not done then */
  add(key: string, bytes: number, work: () => Promise<void>): boolean {
    const line = this.#lines.get(key) ?? { tail: Promise.resolve(), count: 0, bytes: 0 };
    if (isFull(line, bytes, this.#ofKey)) return false;
    if (isFull({ count: this.#count, bytes: this.#bytes }, bytes, this.#inAll)) return false;
    this.#lines.set(key, line);
    this.#change(line, 1, bytes);
    line.tail = line.tail.then(work).finally(() => {
      this.#change(line, -1, -bytes);
      if (line.count === 0) this.#lines.delete(key);
    });
    return true;
  }

  /** Resolves when all that waits now is done. */
  async done(): Promise<void> {
    await Promise.all([...this.#lines.values()].map(({ tail }) => tail));
  }

  #change(line: Line, count: number, bytes: number): void {
    line.count += count;
    line.bytes += bytes;
    this.#count += count;
    this.#bytes += bytes;
  }
}

/** A single piece always fits, however big it is: the line's own bound is what limits it. */
function isFull(now: Room, bytes: number, most: Room): boolean {
  return now.count >= most.count || (now.count > 0 && now.bytes + bytes > most.bytes);
}
