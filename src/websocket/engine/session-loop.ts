import {
  asFault,
  Fault,
  networkOf,
  type Backlog,
  type BacklogTotal,
  type Ledger,
  type Limits,
} from "../../core/index.js";
import {
  anyPhase,
  type Bucket,
  type Codec,
  type Dialect,
  type DialectTypes,
  type Frame,
  type Receiver,
  type Rule,
  type Session,
} from "../../dialect/index.js";

/** The session behind a loop. */
export interface LoopSession<T extends DialectTypes> extends Session<T> {
  readonly codec: Codec<T["command"], T["event"]>;
  /** The name under which it logged in; undefined before. */
  readonly firstName: string | undefined;
  /** True once it has taken another name: it no longer pays from the bucket of an agent, but from its own. */
  readonly isRenamed: boolean;
  /** Runs something of the dialect's outside a command; what it throws is told to the peer. */
  attempt(run: () => void): void;
  end(): void;
}

/** The dialect in service to which loops belong; one for all its sessions. */
export interface LoopOwner<T extends DialectTypes> {
  readonly dialect: Dialect<T>;
  readonly ledger: Ledger;
  readonly limits: Limits;
  /** The bytes that wait of all connections; those that wait here count, too. */
  readonly total: Pick<BacklogTotal, "take" | "release" | "leave">;
  /** Tells the peer that something is refused; `command` is what was refused, where it could be read. */
  refuse(session: LoopSession<T>, fault: Fault, command: T["command"] | undefined): void;
  /** The session's socket is gone. */
  gone(session: LoopSession<T>): void;
}

const nothing = { commands: [], at: 0 } as const;

/**
 * Everything that happens to the frames of one connection: decode, is it a command, is this its phase, charge, run,
 * refuse. Commands run one at a time and in order. While one waits for something, later frames wait here, undecoded,
 * since what they mean may depend on it. A command that does not wait is over when `frame` returns: no promise, no
 * closure, no queue. A peer that does not read its answers gets no further ones: what it has already said waits, too,
 * until `drained`.
 */
export class SessionLoop<T extends DialectTypes> implements Receiver, Backlog {
  readonly #owner: LoopOwner<T>;
  readonly #session: LoopSession<T>;
  readonly #waiting: Frame[] = [];
  /** The command that runs, or ran last. */
  #command: T["command"] | undefined;
  /** What it has cost. */
  #paid = 0;
  /** Runs when the present command is over. */
  #afterCommand: (() => void)[] | undefined;
  #waitingBytes = 0;
  /** How many frames found no room. They are refused in their turn: after those that wait. */
  #refused = 0;
  #phase: "idle" | "running" | "waiting" | "unread" | "closed" = "idle";
  // bound: the buckets that the dialect names · evicts: all, when the session ends · owner: SessionLoop
  #ownBuckets: Set<string> | undefined; // only for buckets of a connection, and of a session that was renamed
  /** The rest of a frame, while answers are unread. */
  #rest: { readonly commands: readonly (T["command"] | Fault)[]; readonly at: number } = nothing;

  constructor(owner: LoopOwner<T>, session: LoopSession<T>) {
    this.#owner = owner;
    this.#session = session;
  }

  /** One frame from the peer. */
  frame(frame: Frame): void {
    if (this.#phase === "closed") return;
    if (this.#phase === "idle") {
      this.#read(frame);
      if (this.#waiting.length > 0) this.#catchUp();
    } else this.#wait(frame);
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
    if (this.#phase !== "unread") return;
    const { commands, at } = this.#rest;
    this.#rest = nothing;
    this.#phase = "idle";
    this.#run(commands, at);
    this.#catchUp();
  }

  /** Bytes of the frames that wait. */
  get buffered(): number {
    return this.#waitingBytes;
  }

  /** So much waits in all that the largest has to go. */
  evict(): void {
    this.stuck();
  }

  stuck(): void {
    const message = "too much waits for this session and nothing of it could be sent";
    this.#refuse(new Fault("slow-consumer", message, { fatal: true }), undefined);
    this.#session.close({ code: 1013, reason: "slow consumer" });
  }

  closed(): void {
    this.#session.end();
    this.#owner.gone(this.#session);
  }

  /** Runs something when the present command is over, whether it succeeds or not; at once if there is none. */
  afterCommand(run: () => void): void {
    if (this.#phase === "running" || this.#phase === "waiting") (this.#afterCommand ??= []).push(run);
    else run();
  }

  /** Lets frames wait until `work` is done (a login from the upgrade's headers). */
  hold(work: Promise<void>): void {
    this.#phase = "waiting";
    void this.#resume(work, undefined, [], 0, this.#session.backlog);
  }

  /** Forgets what waits and takes nothing more. */
  end(): void {
    this.#phase = "closed";
    const left = this.#waiting.length + (this.#rest === nothing ? 0 : 1);
    const { ledger, total } = this.#owner;
    if (left > 0) ledger.count("frames-left-at-close", left);
    this.#waiting.length = 0;
    const bytes = this.#waitingBytes;
    this.#waitingBytes = 0;
    total.release(bytes);
    total.leave(this);
    this.#rest = nothing;
    for (const key of this.#ownBuckets ?? []) this.#session.services.limiter.forget(key);
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
          if (this.#isRunning()) this.#phase = "waiting";
          void this.#resume(work, command, commands, at + 1, before);
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
    if (!allows(rule.phase, session.phase)) throw outOfPhase(command.type, rule.phase, session);
    const cost = typeof rule.cost === "function" ? rule.cost(command, session) : rule.cost;
    this.#command = command;
    this.#paid = cost ?? 0;
    if (cost !== undefined && cost !== 0) this.#charge(command, cost);
    return rule.run(session, command);
  }

  /** Makes the present command cost so much more, in all what a bucket holds at most. @throws Fault rate-limited */
  pay(more: number): void {
    if (this.#command === undefined || more <= 0) return;
    this.#charge(this.#command, more, this.#paid);
    this.#paid += more;
  }

  /**
   * Takes `cost` from every bucket that pays for the command: what costs more than the bucket holds, `paid` included,
   * passes when the bucket was full.
   * @throws Fault rate-limited
   */
  #charge(command: T["command"], cost: number, paid = 0): void {
    const { rate } = this.#owner.dialect;
    if (rate === undefined) return;
    const { limiter } = this.#session.services;
    let wait = 0;
    for (const bucket of rate.buckets(this.#session, command))
      wait = Math.max(wait, limiter.take(this.#bucketKey(bucket), bucket.rate, restOf(bucket, cost, paid)));
    if (wait > 0) throw new Fault("rate-limited", rate.refusal, { retryAfterMs: wait });
  }

  /**
   * The key of a bucket; no name of an agent or a dialect holds a line feed. A session that was renamed has buckets of
   * its own, which begin with what was left: the old name may be somebody else's now. Its own buckets, and those of a
   * connection, are forgotten when it ends.
   */
  #bucketKey({ owner, name }: Bucket): string {
    const { firstName, isRenamed, id, remote, services } = this.#session;
    const group = `${this.#owner.dialect.name}\n${name ?? ""}`;
    if (owner === "network") return `${group}\nat\n${networkOf(remote)}`;
    if (owner === "agent" && firstName !== undefined) {
      const agent = name === undefined ? `agent\n${firstName}` : `${group}\nagent\n${firstName}`;
      if (!isRenamed) return agent;
      return this.#ownKey(`${group}\nrenamed\n${id}`, (key) => {
        services.limiter.copy(agent, key);
      });
    }
    return this.#ownKey(`${group}\nconnection\n${id}`);
  }

  #ownKey(key: string, begin?: (key: string) => void): string {
    const own = (this.#ownBuckets ??= new Set());
    if (!own.has(key)) begin?.(key);
    own.add(key);
    return key;
  }

  /**
   * True if the command's own answers are too much to be left unread: the next command waits for the peer. What others
   * say to the session does not count: a session that hears much can still speak.
   */
  #isUnread(before: number, commands: readonly (T["command"] | Fault)[], at: number): boolean {
    const after = this.#session.backlog;
    if (this.#phase !== "idle" || after <= this.#owner.limits.wsBacklogMaxBytes / 2 || after <= before) return false;
    this.#phase = "unread";
    this.#rest = { commands, at };
    return true;
  }

  /** Goes on when `work` is done: the rest of its frame, then the frames that came meanwhile. Never rejects. */
  async #resume(
    work: Promise<void>,
    command: T["command"] | undefined,
    rest: readonly (T["command"] | Fault)[],
    at: number,
    before: number,
  ): Promise<void> {
    try {
      await work;
    } catch (thrown) {
      this.#refuse(asFault(thrown), command);
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
      this.#owner.total.release(frame.length);
      this.#read(frame);
    }
  }

  #refuseRest(): void {
    const message = "too much was sent before earlier commands were answered; send it again, slower";
    for (; this.#refused > 0 && this.#phase === "idle"; this.#refused -= 1)
      this.#refuse(new Fault("rate-limited", message), undefined);
  }

  #over(): void {
    if (this.#phase === "closed") return;
    this.#phase = "idle";
    const late = this.#afterCommand;
    this.#afterCommand = undefined;
    for (const run of late ?? []) run();
  }

  /** Asked through a method: a handler may have closed the session, which the compiler cannot see. */
  #isRunning(): boolean {
    return this.#phase === "running";
  }

  #wait(frame: Frame): void {
    const { sessionQueueMax, wsFrameMaxBytes, wsBacklogMaxBytes } = this.#owner.limits;
    const maxBytes = this.#session.principal === undefined ? wsFrameMaxBytes : wsBacklogMaxBytes;
    const isFull =
      this.#waiting.length >= sessionQueueMax ||
      (this.#waiting.length > 0 && this.#waitingBytes + frame.length > maxBytes);
    // Once one is refused, all are until the rest has been answered: answers come in the order of what was said.
    if (this.#refused > 0 || isFull) {
      this.#refused += 1;
      return;
    }
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    this.#owner.total.take(this, frame.length);
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

/**
 * The rule of a command; undefined if the dialect has none. The table is total by its type, but `type` came from
 * outside.
 */
function ruleOf<T extends DialectTypes>(commands: object, type: string): Rule<T> | undefined {
  return Object.hasOwn(commands, type) ? (commands as Readonly<Record<string, Rule<T>>>)[type] : undefined;
}

/** What is left to pay of `cost`, if a full bucket pays for everything. */
function restOf({ rate: { burst } }: Bucket, cost: number, paid: number): number {
  return paid === 0 ? cost : Math.min(cost, Math.max(0, burst - paid));
}

function allows(phases: string | readonly string[], phase: string): boolean {
  return typeof phases === "string" ? phases === phase || phases === anyPhase : phases.includes(phase);
}

function outOfPhase(
  type: string,
  phases: string | readonly string[],
  { principal, phase }: { readonly principal: unknown; readonly phase: string },
): Fault {
  if (principal === undefined) return new Fault("unauthenticated", `log in first; ${type} cannot be said before`);
  const words = typeof phases === "string" ? phases : phases.join(" or ");
  return new Fault("unsupported", `${type} cannot be said now (${phase}), only when ${words}`);
}
