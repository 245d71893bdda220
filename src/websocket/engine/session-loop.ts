import { asFault, Fault, type BacklogTotal, type Ledger, type Limits, type Slices } from "../../core/index.js";
import type { Codec, Connection, Dialect, DialectTypes, Frame, Receiver } from "../../dialect/index.js";
import { Charges, type PayingSession } from "./charges.js";
import { mustAllow, ruleOf } from "./rules.js";
import { WaitingFrames } from "./waiting-frames.js";

/**
 * The lines in which sessions go on when what they waited for is done (ARCHITECTURE, invariant 11): those who are here
 * do not wait for those who log in.
 */
export interface GoingOn {
  readonly logins: Pick<Slices, "do">;
  readonly commands: Pick<Slices, "do">;
}

/** The session behind a loop. */
export interface LoopSession<T extends DialectTypes> extends PayingSession<T> {
  readonly codec: Codec<T["command"], T["event"]>;
  /** Runs something of the dialect's outside a command; what it throws is told to the peer. */
  attempt(run: () => void): void;
  /** The peer has read what it was sent: more of what it asked for can follow. */
  drained?(): void;
  end(): void;
  /** Whose frames it reads. */
  readonly connection: Pick<Connection, "deadline" | "pauseReading" | "resumeReading">;
}

/** The dialect in service to which loops belong; one for all its sessions. */
export interface LoopOwner<T extends DialectTypes> {
  readonly dialect: Dialect<T>;
  readonly ledger: Ledger;
  readonly limits: Limits;
  /** The bytes that wait of all connections; those that wait here count, too. */
  readonly total: Pick<BacklogTotal, "take" | "release" | "leave">;
  /** In whose turns sessions go on. */
  readonly goOn: GoingOn;
  /** Tells the peer that something is refused; `command` is what was refused, where it could be read. */
  refuse(session: LoopSession<T>, fault: Fault, command: T["command"] | undefined): void;
  /** Sessions whose socket is gone, and of which something that was said before is still to be heard. */
  readonly leaving: Set<SessionLoop<T>>;
  /** The session's socket is gone, and all that was said on it has been heard or given up. */
  gone(session: LoopSession<T>): void;
}

const nothing = { commands: [], at: 0 } as const;

/**
 * Everything that happens to the frames of one connection: decode, is it a command, is this its phase, charge, run,
 * refuse. Commands run one at a time and in order. While one waits for something, later frames wait here, undecoded,
 * since what they mean may depend on it; when many wait, the socket is not read: the peer waits, and nothing is lost.
 * A command that does not wait is over when `frame` returns: no promise, no closure, no queue. A peer that does not read
 * its answers gets no further ones: what it has already said waits, too, until `drained`. What a peer said before it
 * left is heard: its session ends behind that.
 */
export class SessionLoop<T extends DialectTypes> implements Receiver {
  readonly #owner: LoopOwner<T>;
  readonly #session: LoopSession<T>;
  readonly #charges: Charges<T>;
  readonly #waiting: WaitingFrames;
  /** Runs when the present command is over. */
  #afterCommand: (() => void)[] | undefined;
  #phase: "idle" | "running" | "waiting" | "unread" | "closed" = "idle";
  /** Its peer has left: calls off the end of the time in which the rest is heard. */
  #leaving: (() => void) | undefined;
  /** The rest of a frame, while a command of it waits or answers are unread. */
  #rest: { readonly commands: readonly (T["command"] | Fault)[]; readonly at: number } = nothing;

  constructor(owner: LoopOwner<T>, session: LoopSession<T>) {
    this.#owner = owner;
    this.#session = session;
    this.#charges = new Charges(owner.dialect, session);
    this.#waiting = new WaitingFrames(owner, session, this);
  }

  /** One frame from the peer. */
  frame(frame: Frame): void {
    if (this.#phase === "closed") return;
    if (this.#phase === "idle") {
      this.#read(frame);
      if (this.#waiting.length > 0) this.#catchUp();
    } else this.#waiting.add(frame);
  }

  oversized(frame: Frame): void {
    const max = this.#owner.limits.wsFrameMaxBytes;
    const size = Buffer.byteLength(frame);
    const message = `a message is ${String(max)} bytes at most, this one has ${String(size)}; send it in parts`;
    this.#unreadable();
    this.#refuse(new Fault("too-large", message), this.#commandIn(frame));
  }

  /** The peer has read its answers. */
  drained(): void {
    this.#session.attempt(() => this.#owner.dialect.drained?.(this.#session));
    this.#session.drained?.();
    if (this.#phase === "unread") this.#goOn();
  }

  stuck(): void {
    const message = "too much waits for this session and nothing of it could be sent";
    this.#refuse(new Fault("slow-consumer", message, { fatal: true }), undefined);
    this.#session.close({ code: 1013, reason: "slow consumer" });
  }

  get patienceMs(): number {
    return this.#owner.dialect.silence?.ms(this.#session.limits) ?? 0;
  }

  silent(): boolean {
    const { silence } = this.#owner.dialect;
    if (silence === undefined) return false;
    this.#session.close(silence.closing);
    return true;
  }

  closed(): void {
    const { leaving, limits } = this.#owner;
    if (this.#hasMore() && leaving.size < limits.wsConnectionsMax) {
      leaving.add(this);
      this.#leaving = this.#session.connection.deadline(limits.drainFlushMs, () => {
        this.#session.end();
      });
      // Nobody will read the answers.
      if (this.#phase === "unread") this.#goOn();
      return;
    }
    this.#session.end();
    this.#owner.gone(this.#session);
  }

  /** Runs something when the present command is over, whether it succeeds or not; at once if there is none. */
  afterCommand(run: () => void): void {
    if (this.#phase === "running" || this.#phase === "waiting") (this.#afterCommand ??= []).push(run);
    else run();
  }

  /** Runs something behind all that was said and waits for a command of its own; at once if nothing does. */
  afterSaid(run: () => void): void {
    if (this.#phase === "running" || this.#phase === "waiting") this.#waiting.behind(run);
    else run();
  }

  /**
   * Lets work of the present command go on beside the queue: what comes behind does not wait for it. If it is refused,
   * the peer is told then. Never rejects.
   */
  async beside(work: Promise<void>): Promise<void> {
    const { command } = this.#charges;
    try {
      await work;
    } catch (thrown) {
      this.#owner.goOn.commands.do(() => {
        this.#refuse(asFault(thrown), command);
      });
    }
  }

  /** Lets frames wait until `work` is done (a login from the upgrade's headers). */
  hold(work: Promise<void>): void {
    this.#phase = "waiting";
    void this.#resume(work, undefined, this.#session.backlog);
  }

  /** Forgets what waits and takes nothing more. */
  end(): void {
    this.#phase = "closed";
    const left = this.#waiting.frames + (this.#rest === nothing ? 0 : 1);
    if (left > 0) this.#owner.ledger.count("frames-left-at-close", left);
    this.#waiting.end();
    this.#rest = nothing;
    this.#charges.end();
    const leaving = this.#leaving;
    if (leaving === undefined) return;
    this.#leaving = undefined;
    leaving();
    this.#owner.leaving.delete(this);
    this.#owner.gone(this.#session);
  }

  /** True if a peer that is known by name has said more than what is under way. */
  #hasMore(): boolean {
    if (this.#session.principal === undefined || (this.#phase !== "waiting" && this.#phase !== "unread")) return false;
    return this.#rest !== nothing || this.#waiting.frames > 0;
  }

  #read(frame: Frame): void {
    let commands: readonly (T["command"] | Fault)[];
    try {
      commands = this.#session.codec.decode(frame);
    } catch (thrown) {
      this.#unreadable();
      this.#refuse(asFault(thrown), undefined);
      return;
    }
    this.#run(commands, 0);
  }

  /** Runs commands until one has to wait, or its answer is not read. */
  #run(commands: readonly (T["command"] | Fault)[], from: number): void {
    for (let at = from; at < commands.length && this.#phase !== "closed"; at += 1) {
      const command = commands[at];
      if (command === undefined) continue;
      if (command instanceof Fault) {
        this.#unreadable();
        this.#refuse(command, undefined);
        continue;
      }
      this.#phase = "running";
      const before = this.#session.backlog;
      try {
        const work = this.#execute(command);
        if (work !== undefined) {
          if (this.#isRunning()) {
            this.#phase = "waiting";
            if (at + 1 < commands.length) this.#rest = { commands, at: at + 1 };
          }
          void this.#resume(work, command, before);
          return;
        }
      } catch (thrown) {
        this.#refuse(asFault(thrown), command);
      }
      this.#over();
      if (this.#isUnread(before, commands, at + 1)) return;
    }
  }

  /** Is it a command, may it be said now, is it paid for? Then it runs. */
  #execute(command: T["command"]): void | Promise<void> {
    const session = this.#session;
    const { name, commands } = this.#owner.dialect;
    const rule = ruleOf<T>(commands, command.type);
    if (rule === undefined) {
      const known = Object.keys(commands).join(", ");
      throw new Fault("unsupported", `there is no such command; ${name} knows ${known}`);
    }
    mustAllow(command.type, rule.phase, session);
    const cost = typeof rule.cost === "function" ? rule.cost(command, session) : rule.cost;
    this.#charges.begin(command, cost ?? 0);
    return rule.run(session, command);
  }

  /** Makes the present command cost so much more, in all what a bucket holds at most. @throws Fault rate-limited */
  pay(more: number): void {
    this.#charges.pay(more);
  }

  /**
   * True if the command's own answers are too much to be left unread: the next command waits for the peer. What others
   * say to the session does not count: a session that hears much can still speak.
   */
  #isUnread(before: number, commands: readonly (T["command"] | Fault)[], at: number): boolean {
    const after = this.#session.backlog;
    if (
      this.#leaving !== undefined ||
      this.#phase !== "idle" ||
      after <= this.#owner.limits.wsBacklogMaxBytes / 2 ||
      after <= before
    )
      return false;
    this.#phase = "unread";
    this.#rest = { commands, at };
    return true;
  }

  /**
   * Goes on when `work` is done, in its turn: the rest of its frame, then the frames that came meanwhile. One write to
   * disk may end the logins of hundreds. Never rejects.
   */
  async #resume(work: Promise<void>, command: T["command"] | undefined, before: number): Promise<void> {
    const { logins, commands } = this.#owner.goOn;
    const line = this.#session.principal === undefined ? logins : commands;
    let fault: Fault | undefined;
    try {
      await work;
    } catch (thrown) {
      fault = asFault(thrown);
    }
    line.do(() => {
      if (fault !== undefined) this.#refuse(fault, command);
      this.#over();
      const { commands: rest, at } = this.#rest;
      if (!this.#isUnread(before, rest, at)) this.#goOn();
    });
  }

  /** The rest of a frame, then the frames that came meanwhile. */
  #goOn(): void {
    if (this.#phase === "closed") return;
    const { commands, at } = this.#rest;
    this.#rest = nothing;
    this.#phase = "idle";
    this.#run(commands, at);
    this.#catchUp();
  }

  /** Frames that came while a command was under way, until one has to wait again. */
  #catchUp(): void {
    while (this.#phase === "idle") {
      const next = this.#waiting.next();
      if (next === undefined) break;
      if (typeof next === "function") next();
      else this.#read(next);
    }
    if (this.#leaving !== undefined && this.#phase === "idle") this.#session.end();
    if (!this.#isClosed()) this.#waiting.letGo();
  }

  #over(): void {
    if (this.#phase === "closed") return;
    this.#phase = "idle";
    this.#charges.over();
    const late = this.#afterCommand;
    this.#afterCommand = undefined;
    for (const run of late ?? []) run();
  }

  /** Asked through a method: a session may end while its frames are read. */
  #isClosed(): boolean {
    return this.#phase === "closed";
  }

  /** Asked through a method: a handler may have closed the session, which the compiler cannot see. */
  #isRunning(): boolean {
    return this.#phase === "running";
  }

  #refuse(fault: Fault, command: T["command"] | undefined): void {
    this.#owner.refuse(this.#session, fault, command);
  }

  /** What cannot be read may have been a message: it is one in the ledger. */
  #unreadable(): void {
    this.#owner.ledger.messages.accepted += 1;
    this.#owner.ledger.malformed("frame-unreadable");
  }

  /** The first command of a frame that is refused in any case, if it can be read: the refusal may name it. */
  #commandIn(frame: Frame): T["command"] | undefined {
    try {
      const [command] = this.#session.codec.decode(frame);
      return command instanceof Fault ? undefined : command;
    } catch (thrown) {
      if (thrown instanceof Fault) return undefined;
      throw thrown;
    }
  }
}
