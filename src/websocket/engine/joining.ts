import { itemsOfBytes, listCost, type Limits, type Message } from "../../core/index.js";
import type { DialectTypes, Joined, JoinOptions } from "../../dialect/index.js";
import { bytesOf, PastReading, type Recalled } from "../../directory/index.js";
import { CatchingUp } from "./catching-up.js";
import type { Hearer, Hearing } from "./hearing.js";
import type { Membership } from "./membership.js";
import { Replay } from "./replay.js";
import type { SessionLoop } from "./session-loop.js";

/** A session that joins rooms. */
export interface Joiner<T extends DialectTypes> extends Hearer<T> {
  readonly loop: Pick<SessionLoop<T>, "afterCommand" | "pay"> | undefined;
}

/** How one session joins rooms: it pays for what was said there before, and hears it once it is in the room. */
export class Joining<T extends DialectTypes> {
  readonly #session: Joiner<T>;
  readonly #membership: Membership;
  readonly #hearing: Hearing<T>;

  readonly #catchingUp: CatchingUp<T>;

  constructor(
    session: Joiner<T>,
    membership: Membership,
    hearing: Hearing<T>,
    limits: Pick<Limits, "wsBacklogMaxBytes">,
  ) {
    this.#session = session;
    this.#membership = membership;
    this.#hearing = hearing;
    this.#catchingUp = new CatchingUp(session, membership, hearing, limits);
  }

  /** True for what the session will be told as a replay. */
  covers(message: Message): boolean {
    return this.#catchingUp.covers(message);
  }

  /** The session has read what it was sent. */
  drained(): void {
    this.#catchingUp.goOn();
  }

  /** The session has left a room. */
  left(room: string): void {
    this.#catchingUp.end(room);
  }

  /**
   * The past follows as soon as the present command is over.
   * @returns whether the session is new there
   * @throws Fault rate-limited, and why it may not join
   */
  join(room: string, options: JoinOptions): boolean {
    this.#payForPast(room, options);
    const { isNew, recalled } = this.#membership.join(room, options);
    this.#catchingUp.end(room);
    if (recalled.past.length > 0 || options.after !== undefined)
      this.#session.loop?.afterCommand(() => {
        this.#tell(room, options, recalled, new Replay(this.#session, this.#hearing));
      });
    return isNew;
  }

  /** The same as long work: the past is read in as many turns as it takes, and follows what `joined` sends. */
  joinInTurn(room: string, options: JoinOptions, joined: Joined): void | Promise<void> {
    this.#payForPast(room, options);
    const ready = this.#membership.readyToJoin(room, options);
    if (ready === undefined) return this.#inTurn(room, options, joined);
    return ready.then(() => this.#inTurn(room, options, joined));
  }

  #inTurn(room: string, options: JoinOptions, joined: Joined): void | Promise<void> {
    const replay = new Replay(this.#session, this.#hearing);
    const reading = new PastReading(
      () => this.#membership.recall(room, this.#membership.wanted(room, options)).past,
      (past) => {
        replay.ready(past);
      },
    );
    return this.#session.long(() => {
      if (reading.advance() === "more") return "more";
      const { isNew, recalled } = this.#membership.join(room, options);
      this.#catchingUp.end(room);
      joined(isNew, recalled);
      this.#tell(room, options, recalled, replay);
      return undefined;
    });
  }

  /** What there is more is told page by page; until then nothing of the room is heard live that will be told. */
  #tell(room: string, { after }: JoinOptions, { past, next, more, heardBy }: Recalled, replay: Replay<T>): void {
    replay.send(past);
    this.#membership.told(heardBy);
    if (more && next !== undefined) this.#catchingUp.begin(room, next);
    else if (after !== undefined) this.#membership.liveSince.end(room);
  }

  /** @throws Fault rate-limited, and why it may not read the past */
  #payForPast(room: string, options: JoinOptions): void {
    const { past } = this.#membership.recall(room, this.#membership.wanted(room, options));
    this.#session.loop?.pay(listCost(itemsOfBytes(bytesOf(past))) - 1);
  }
}
