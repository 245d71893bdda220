import { asFault, Fault } from "../../core/index.js";
import type { Frame } from "../../dialect/index.js";

/** What inboxes do with what comes; one for all sessions of a dialect. */
export interface CommandRunner<S, C> {
  /** A fault among the commands is told in its turn. @throws Fault malformed, unsupported, too-large */
  decode(session: S, frame: Frame): readonly (C | Fault)[];
  /** Checks, charges and runs one command. Throws, or rejects with, what the peer is to be told. */
  execute(session: S, command: C): void | Promise<void>;
  refuse(session: S, fault: Fault, command: C | undefined): void;
  readonly maxFrames: number;
  /** Bytes of waiting frames at most; asked anew each time. */
  maxBytes(session: S): number;
  /** A command whose answer leaves more unread bytes makes the next one wait until the peer has read. */
  readonly highBytes: number;
  /** The session ended before so many frames, or rests of one, were run. */
  forgotten(count: number): void;
}

/** What an inbox needs of its session. */
interface Answered {
  /** Bytes that the peer has not taken yet. */
  readonly backlog: number;
}

const nothing = { commands: [], at: 0 } as const;

/**
 * The commands of one session, one at a time and in order. While one waits for something, later frames wait here,
 * undecoded, since what they
 * mean may depend on it. A command that does not wait is over when `take` returns: no promise, no closure, no queue.
 * Whoever does not read its
 * answers gets no further ones: what it has said already waits, too, until `drained`.
 */
export class Inbox<S extends Answered, C> {
  readonly #runner: CommandRunner<S, C>;
  readonly #session: S;
  readonly #waiting: Frame[] = [];
  /** What is done when the command under way is over. */
  #late: (() => void)[] | undefined;
  #waitingBytes = 0;
  /** Frames for which there was no room, to be refused in their turn: after those that wait. */
  #refused = 0;
  #phase: "idle" | "running" | "waiting" | "unread" | "closed" = "idle";
  /** The rest of a frame, while answers are unread. */
  #rest: { readonly commands: readonly (C | Fault)[]; readonly at: number } = nothing;

  constructor(runner: CommandRunner<S, C>, session: S) {
    this.#runner = runner;
    this.#session = session;
  }

  /** Runs something when the command under way is over, well or not; at once if there is none. */
  afterwards(run: () => void): void {
    if (this.#phase === "running" || this.#phase === "waiting") (this.#late ??= []).push(run);
    else run();
  }

  /** One frame from the peer. */
  take(frame: Frame): void {
    if (this.#phase === "closed") return;
    if (this.#phase === "idle") {
      this.#frame(frame);
      if (this.#waiting.length > 0) this.#catchUp();
    } else this.#wait(frame);
  }

  /** Lets frames wait until `work` is done (a login from the upgrade's headers). */
  hold(work: Promise<void>): void {
    this.#phase = "waiting";
    void this.#resume(work, undefined, [], 0, this.#session.backlog);
  }

  /** The peer has read its answers. */
  drained(): void {
    if (this.#phase !== "unread") return;
    const { commands, at } = this.#rest;
    this.#rest = nothing;
    this.#phase = "idle";
    this.#run(commands, at);
    this.#catchUp();
  }

  /** Forgets what waits and takes nothing more. */
  close(): void {
    this.#phase = "closed";
    const left = this.#waiting.length + (this.#rest === nothing ? 0 : 1);
    if (left > 0) this.#runner.forgotten(left);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#rest = nothing;
  }

  #frame(frame: Frame): void {
    let commands: readonly (C | Fault)[];
    try {
      commands = this.#runner.decode(this.#session, frame);
    } catch (thrown) {
      this.#runner.refuse(this.#session, asFault(thrown), undefined);
      return;
    }
    this.#run(commands, 0);
  }

  /** Runs commands until one has to wait, or its answer is not read. */
  #run(commands: readonly (C | Fault)[], from: number): void {
    for (let at = from; at < commands.length && this.#phase !== "closed"; at += 1) {
      const command = commands[at];
      if (command === undefined) continue;
      if (command instanceof Fault) {
        this.#runner.refuse(this.#session, command, undefined);
        continue;
      }
      this.#phase = "running";
      const before = this.#session.backlog;
      try {
        const work = this.#runner.execute(this.#session, command);
        if (work !== undefined) {
          if (this.#isRunning()) this.#phase = "waiting";
          void this.#resume(work, command, commands, at + 1, before);
          return;
        }
      } catch (thrown) {
        this.#runner.refuse(this.#session, asFault(thrown), command);
      }
      this.#over();
      if (this.#isUnread(before, commands, at + 1)) return;
    }
  }

  /**
   * Waits for the peer if what the command has added is too much. Only what it adds itself: whoever hears much from
   * others can still speak.
   */
  #isUnread(before: number, commands: readonly (C | Fault)[], at: number): boolean {
    const after = this.#session.backlog;
    if (this.#phase !== "idle" || after <= this.#runner.highBytes || after <= before) return false;
    this.#phase = "unread";
    this.#rest = { commands, at };
    return true;
  }

  /** Goes on when `work` is done: the rest of its frame, then the frames that came meanwhile. Never rejects. */
  async #resume(
    work: Promise<void>,
    command: C | undefined,
    rest: readonly (C | Fault)[],
    at: number,
    before: number,
  ): Promise<void> {
    try {
      await work;
    } catch (thrown) {
      this.#runner.refuse(this.#session, asFault(thrown), command);
    }
    this.#over();
    if (this.#isUnread(before, rest, at)) return;
    this.#run(rest, at);
    this.#catchUp();
  }

  /** Frames that came while a command was under way, until one has to wait again. */
  #catchUp(): void {
    while (this.#phase === "idle") {
      const frame = this.#waiting.shift();
      if (frame === undefined) {
        this.#refuseRest();
        return;
      }
      this.#waitingBytes -= frame.length;
      this.#frame(frame);
    }
  }

  #refuseRest(): void {
    for (; this.#refused > 0 && this.#phase === "idle"; this.#refused -= 1) {
      this.#runner.refuse(
        this.#session,
        new Fault("rate-limited", "too much was sent before earlier commands were answered; send it again, slower"),
        undefined,
      );
    }
  }

  #over(): void {
    if (this.#phase === "closed") return;
    this.#phase = "idle";
    const late = this.#late;
    this.#late = undefined;
    for (const run of late ?? []) run();
  }

  /** Asked through a method: a handler may have closed the session, which the compiler cannot see. */
  #isRunning(): boolean {
    return this.#phase === "running";
  }

  #wait(frame: Frame): void {
    const { maxFrames } = this.#runner;
    // Once one was refused, all are until the rest has been answered: answers come in the order of what was said.
    if (
      this.#refused > 0 ||
      this.#waiting.length >= maxFrames ||
      (this.#waiting.length > 0 && this.#waitingBytes + frame.length > this.#runner.maxBytes(this.#session))
    ) {
      this.#refused += 1;
      return;
    }
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
  }
}
