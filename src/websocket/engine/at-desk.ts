import { Fault, type Principal } from "../../core/index.js";
import type { AskOptions, DeskAnswer, DialectTypes } from "../../dialect/index.js";
import type { Reply, Seat } from "../../directory/index.js";
import type { EngineContext } from "./context.js";
import type { Hearer, Hearing } from "./hearing.js";
import type { Membership } from "./membership.js";
import { Replay } from "./replay.js";
import type { SessionLoop } from "./session-loop.js";

/** A session that asks the broker. */
export interface DeskSession<T extends DialectTypes> extends Hearer<T> {
  readonly loop: Pick<SessionLoop<T>, "beside"> | undefined;
  /** As whom it asks. @throws Fault unauthenticated, forbidden, going-away */
  speaker(): Principal;
}

/**
 * One session at the broker's desk (protocols §2.1). The desk alone takes the price: by the length of the answer, the
 * same in every dialect, from a bucket of this session that is forgotten with it.
 */
export class AtDesk<T extends DialectTypes> {
  readonly #context: Pick<EngineContext, "desk" | "services">;
  readonly #session: DeskSession<T>;
  readonly #membership: Membership;
  readonly #hearing: Hearing<T>;
  readonly #bucket: string;
  // bound: one, the answer that waits · evicts: with the answer, or with the session · owner: AtDesk
  readonly #gone = new Set<() => void>();

  constructor(
    context: Pick<EngineContext, "desk" | "services">,
    session: DeskSession<T>,
    membership: Membership,
    hearing: Hearing<T>,
  ) {
    this.#context = context;
    this.#session = session;
    this.#membership = membership;
    this.#hearing = hearing;
    this.#bucket = `desk\n${session.id}`;
  }

  /**
   * Asks, and gives the answer to `answered`, with the room's past behind it. An answer that waits for something to
   * happen holds nothing up.
   * @throws Fault unauthenticated, forbidden (who only looks), and why the broker does not answer, now or as a rejection
   */
  ask(
    kind: string,
    data: Readonly<Record<string, unknown>> | undefined,
    answered: (answer: DeskAnswer) => void,
    { createsRooms = true, waits = true }: AskOptions,
  ): void | Promise<void> {
    const principal = this.#session.speaker();
    const { how, done } = this.#context.desk.ask(
      {
        from: principal.agent,
        kind,
        content: { message: "", ...(data !== undefined && { data }) },
        viewer: principal,
        seats: this.#membership.principal === undefined ? [] : [this.#seat(createsRooms)],
        chargedTo: this.#bucket,
        waits,
        whenGone: (run) => {
          this.#gone.add(run);
          return () => void this.#gone.delete(run);
        },
      },
      this.#reply(kind, answered),
    );
    if (how === "inTurn" || done === undefined) return done;
    void this.#session.loop?.beside(this.#unlessRenamed(principal.agent, done));
    return undefined;
  }

  /** The session has another name: what waits was asked in the old one. */
  renamed(): void {
    this.#leave();
  }

  /** The session is over. */
  end(): void {
    this.#leave();
    this.#context.services.limiter.forget(this.#bucket);
  }

  #leave(): void {
    for (const run of [...this.#gone]) run();
    this.#gone.clear();
  }

  /** @throws Fault unavailable */
  async #unlessRenamed(name: string, done: Promise<void>): Promise<void> {
    await done;
    if (this.#session.agent !== name)
      throw new Fault("unavailable", "the answer would be for the name that this session has given up; ask again");
  }

  #reply(kind: string, answered: (answer: DeskAnswer) => void): Reply {
    const replay = new Replay(this.#session, this.#hearing);
    const tell = (json: string): void => {
      if (!this.#session.isOver) answered({ kind, json });
    };
    return {
      ready: (past) => {
        replay.ready(past);
      },
      answered: (content, past, heardBy) => {
        tell(JSON.stringify(content));
        replay.send(past);
        if (heardBy !== undefined) this.#membership.told(heardBy);
      },
      written: ({ text }) => {
        tell(text);
      },
    };
  }

  #seat(create: boolean): Seat {
    const membership = this.#membership;
    return {
      presence: membership.presence,
      wants: () => true, // a session hears its rooms
      ready: (room) => membership.readyToJoin(room, { create }),
      kept: () => membership.kept(),
      join: (room) => membership.join(room, { create }).isNew,
      leave: (room) => membership.leave(room),
    };
  }
}
