import type { Limits, Message } from "../../core/index.js";
import type { DialectTypes } from "../../dialect/index.js";
import type { RoomCursor } from "../../directory/index.js";
import type { Hearer, Hearing } from "./hearing.js";
import type { Membership } from "./membership.js";
import { Replay } from "./replay.js";

/**
 * Durable rooms of which one session has yet to hear what was said before it came (protocols §10.2). What it is told is
 * read page by page, as fast as it reads; what is said meanwhile stands in the log, and is told from there. The turn
 * that reads the end of the log lets the session hear the room live: nothing is told twice, and nothing is left out.
 */
export class CatchingUp<T extends DialectTypes> {
  /** Where the next page begins. */
  // bound: rooms of the session (roomsPerAgentMax) · evicts: a room when its end is reached, or it is left · owner:
  // CatchingUp
  readonly #rooms = new Map<string, RoomCursor>();
  // bound: as above · evicts: a room when its turn is over · owner: CatchingUp
  readonly #reading = new Set<string>();
  readonly #session: Hearer<T>;
  readonly #membership: Membership;
  readonly #hearing: Hearing<T>;
  readonly #limits: Pick<Limits, "wsBacklogMaxBytes">;

  constructor(
    session: Hearer<T>,
    membership: Membership,
    hearing: Hearing<T>,
    limits: Pick<Limits, "wsBacklogMaxBytes">,
  ) {
    this.#session = session;
    this.#membership = membership;
    this.#hearing = hearing;
    this.#limits = limits;
  }

  /** True for what the session will be told from the log. */
  covers({ topic, envelope }: Message): boolean {
    if (this.#rooms.size === 0 || !this.#rooms.has(topic) || envelope?.$broker?.room_seq === undefined) return false;
    return this.#membership.liveSince.placeOf(topic) === undefined;
  }

  /** The session hears the room from `next` on, but not live yet. */
  begin(room: string, next: RoomCursor): void {
    this.#rooms.set(room, next);
    this.goOn();
  }

  /** The session hears the room live, or no more. */
  end(room: string): void {
    this.#rooms.delete(room);
  }

  /** Goes on where the socket has room: half its backlog is for what is said live. */
  goOn(): void {
    if (this.#isBusy) return;
    for (const room of this.#rooms.keys()) {
      if (this.#reading.has(room)) continue;
      this.#reading.add(room);
      // It takes its turns with all long answers; who asks for much waits for itself.
      void Promise.resolve(this.#session.long(() => this.#page(room))).then(
        () => this.#reading.delete(room),
        (thrown: unknown) => {
          this.#reading.delete(room);
          this.end(room);
          this.#session.failed("cannot tell what a room remembers", thrown);
        },
      );
    }
  }

  /** A socket above this mark tells when it has been read (`drained`). */
  get #isBusy(): boolean {
    return this.#session.connection.buffered > this.#limits.wsBacklogMaxBytes / 2;
  }

  #page(room: string): "more" | undefined {
    const after = this.#rooms.get(room);
    if (after === undefined) return undefined;
    const { past, next, more, heardBy } = this.#membership.recall(room, this.#membership.wanted(room, { after }));
    new Replay(this.#session, this.#hearing).send(past);
    this.#membership.told(heardBy);
    if (next === undefined || !more) {
      this.end(room);
      this.#membership.liveSince.end(room);
      return undefined;
    }
    this.#rooms.set(room, next);
    return this.#isBusy ? undefined : "more";
  }
}
