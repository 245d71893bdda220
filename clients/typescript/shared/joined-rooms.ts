/** A place in what a durable room remembers: every message of it tells its own, as `epoch` and `room_seq`. */
export interface RoomCursor {
  readonly epoch: string;
  readonly seq: number;
}

/** How a room is joined that remembers: behind which place it is read; "last": what was not handed over to this name. */
export interface ReadOn {
  readonly after: RoomCursor | "last";
}

/** A server takes no longer one in a cursor. */
const epochMax = 64;
/** Before everything: no room has this epoch. */
const unread: RoomCursor = { epoch: "", seq: 0 };

/** Where the reading of a room begins. */
export interface RoomBeginning {
  /** Up to here it is told as past, what follows live; undefined: the room remembers nothing. */
  readonly next: RoomCursor | undefined;
  /** Something behind the cursor is not remembered. */
  readonly gap: boolean;
}

/**
 * The rooms that an application joined and has not left, and up to where those were read that remember: so that a lost
 * connection loses nothing of them (protocols §10.2).
 */
export class JoinedRooms {
  // bound: rooms that the application joined · evicts: a room that is left or refused · owner: JoinedRooms
  readonly #rooms = new Set<string>();
  /** Those whose join is under way. */
  // bound: what the application calls at once · evicts: with the answer, and by leaving · owner: JoinedRooms
  readonly #joining = new Set<string>();
  // bound: rooms that the application joined with a place · evicts: as #rooms, and by a join without · owner: JoinedRooms
  readonly #places = new Map<string, RoomCursor | "last">();

  /** Those of the places in which live messages tell nothing: what is past was not told yet. */
  // bound: as #places · evicts: with the answer to a join · owner: JoinedRooms
  readonly #unanswered = new Set<string>();

  /** In which the server says that one is: they need not be joined. */
  // bound: one frame of the server (65,536 bytes) · evicts: all, with the next connection · owner: JoinedRooms
  readonly #inside = new Set<string>();

  /** Their names, as they are now. */
  get names(): ReadonlySet<string> {
    return new Set(this.#rooms);
  }

  has(room: string): boolean {
    return this.#rooms.has(room);
  }

  add(room: string): void {
    this.#rooms.add(room);
  }

  /** It is left: a join that was answered just before it counts no more. */
  delete(room: string): void {
    this.#rooms.delete(room);
    this.#joining.delete(room);
    this.#follow(room, undefined);
  }

  clear(): void {
    for (const each of [this.#rooms, this.#joining, this.#places, this.#unanswered, this.#inside]) each.clear();
  }

  /**
   * Joins a room by `say`, for the application. It is followed from `after` on, or no longer; known before it is said,
   * because messages come right behind the answer.
   */
  async join<T>(room: string, { after }: Partial<ReadOn>, say: () => Promise<T>): Promise<T> {
    const before = this.#places.get(room);
    const wasUnanswered = this.#unanswered.has(room);
    this.#joining.add(room);
    this.#follow(room, after);
    try {
      const answer = await say();
      if (this.#joining.delete(room)) this.#rooms.add(room);
      return answer;
    } catch (thrown) {
      this.#joining.delete(room);
      this.#follow(room, before);
      if (!wasUnanswered) this.#unanswered.delete(room);
      throw thrown;
    }
  }

  /** A connection begins. A server that keeps its agents in their rooms may tell what is live before they join. */
  begin(): void {
    this.#inside.clear();
    for (const room of this.#places.keys()) this.#unanswered.add(room);
  }

  /** The server says that one is in these rooms. */
  enter(rooms: readonly string[]): void {
    for (const room of rooms) {
      this.#rooms.add(room);
      this.#inside.add(room);
    }
  }

  /** Which are to be joined on this connection: those in which one is not, and those that are to be read on. */
  get outside(): readonly string[] {
    return [...this.#rooms].filter((room) => !this.#inside.has(room) || this.#places.has(room));
  }

  /** A join was answered, before anything behind it is heard. */
  answered(room: string, { next, gap }: RoomAnswer): void {
    this.#unanswered.delete(room);
    if (!this.#places.has(room)) return;
    if (next === undefined) this.#places.delete(room);
    else if (gap === true) this.#places.set(room, unread);
  }

  /**
   * A message was heard there. What is live comes when all that is past was told. Of the past only what comes next
   * counts: something else of it may have been asked for meanwhile.
   */
  heard(room: string, { epoch, room_seq: seq, replay }: RoomMessage): void {
    const place = this.#places.get(room);
    if (this.#unanswered.has(room)) return;
    if (place === undefined || epoch === undefined || seq === undefined || epoch.length > epochMax) return;
    const isFirst = place === "last" || place.epoch !== epoch;
    if (replay !== true || isFirst || seq === place.seq + 1) this.#places.set(room, { epoch, seq });
  }

  /** What to ask for when it is joined again; nothing where it is not followed. */
  behind(room: string): Partial<ReadOn> {
    const after = this.#places.get(room);
    return after === undefined ? {} : { after };
  }

  #follow(room: string, after: RoomCursor | "last" | undefined): void {
    if (after === undefined) {
      this.#places.delete(room);
      this.#unanswered.delete(room);
    } else {
      this.#places.set(room, after);
      this.#unanswered.add(room);
    }
  }
}

/** What a message tells of its place. */
interface RoomMessage {
  readonly epoch?: string | undefined;
  readonly room_seq?: number | undefined;
  readonly replay?: boolean | undefined;
}

/** What the answer to a join tells of the past. */
interface RoomAnswer {
  readonly next?: RoomCursor | undefined;
  readonly gap?: boolean | undefined;
}

/** What the answer to a join tells. */
export function beginningOf({ next, gap = false }: RoomAnswer): RoomBeginning {
  return { next, gap };
}
