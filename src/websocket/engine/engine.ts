import {
  asFault,
  Fault,
  Slices,
  tokenOf,
  type Ledger,
  type Limits,
  type Principal,
  type Trust,
} from "../../core/index.js";
import type { SlowReceiver } from "../../directory/index.js";
import type { AnyDialect, Connection, Dialect, DialectTypes, Hello, Receiver } from "../../dialect/index.js";
import { FailedLogins, type TokenEnd, type LoginListener } from "../../identity/index.js";
import type { EngineContext } from "./context.js";
import { openService } from "./dialect-service.js";
import { Hearing } from "./hearing.js";
import { ended, endedFault } from "./proof-end.js";
import { SessionLoop, type LoopOwner } from "./session-loop.js";
import type { SessionOwner } from "./session-owner.js";
import { BridgeSession } from "./session.js";

/** A dialect in service, whatever its types are. */
export interface Bridge {
  readonly name: string;
  /** Sessions whose socket is still there. */
  readonly size: number;
  /** Those of them that have logged in. */
  readonly admitted: number;
  /** A new connection that speaks this dialect; with `refusal` it is told so and ends. */
  open(connection: Connection, hello: Hello, refusal?: Fault): Receiver;
  /** Its sessions, which lose messages if they are slow. */
  readonly losing: Iterable<SlowReceiver>;
  /** Cuts the sessions whose token has ended, or that of another issuer, and tells them why. */
  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void;
  /** Ends the sessions of the speakers that `isMeant`, with this fault. @returns how many */
  endSpeakers(isMeant: (speaker: Principal) => boolean, fault: Fault): number;
  /** Its sessions, logged in or not. */
  list(): Iterable<OpenSession>;
  /** Ends a session with this fault. @returns false if there is none of this id */
  endSession(id: string, fault: Fault): boolean;
  /** Starts what the dialect does by itself. */
  start(): void;
  /** Ends every session with this fault; resolves when their sockets are gone or `deadline` aborts. */
  drain(fault: Fault, deadline: AbortSignal): Promise<void>;
  stop(): void;
}

/** A session as the operator sees it. */
export interface OpenSession {
  readonly id: string;
  /** The agent, or whose token a viewer has; undefined: it has not logged in. */
  readonly agent: string | undefined;
  readonly trust: Trust | undefined;
  readonly remote: string;
  /** Wall clock, milliseconds. */
  readonly since: number;
  /** Bytes that wait for it. */
  readonly backlog: number;
  /** Messages for it that were dropped because it is slow. */
  readonly dropped: number;
}

/** Puts a dialect in service. */
export function openBridge(
  dialect: AnyDialect,
  context: EngineContext,
  witness: LoginListener = () => undefined,
): Bridge {
  return dialect.with<Bridge>((itself) => new Engine(itself, context, witness));
}

/** Runs one dialect: opens its sessions, ends them, and tells what becomes of them. */
class Engine<T extends DialectTypes> implements Bridge, SessionOwner<T>, LoopOwner<T> {
  readonly dialect: Dialect<T>;
  readonly context: EngineContext;
  readonly hearing: Hearing<T>;
  // A session has one piece of work waiting at most: its further commands wait for it.
  readonly slices: Slices;
  readonly ledger: Ledger;
  readonly limits: Limits;
  readonly total: EngineContext["total"];
  readonly goOn: EngineContext["goOn"];
  // bound: wsConnectionsMax · evicts: a session leaves when its socket is gone · owner: Engine
  readonly #sessions = new Set<BridgeSession<T>>();
  // bound: wsConnectionsMax · evicts: when all that was said has been heard, after drainFlushMs at most; one more ends at
  // once · owner: Engine
  readonly leaving = new Set<SessionLoop<T>>();
  readonly #failedLogins: FailedLogins;
  readonly #witness: LoginListener;
  /** Called when the last session is gone. */
  #empty: (() => void) | undefined;
  #stopService: (() => void) | undefined;

  constructor(dialect: Dialect<T>, context: EngineContext, witness: LoginListener) {
    this.dialect = dialect;
    this.context = context;
    this.ledger = context.ledger;
    this.limits = context.limits;
    this.total = context.total;
    this.goOn = context.goOn;
    this.hearing = new Hearing(context, dialect);
    this.slices = new Slices(context.clock);
    this.#witness = witness;
    this.#failedLogins = new FailedLogins(context.services.limiter, context.limits);
  }

  get name(): string {
    return this.dialect.name;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get admitted(): number {
    let count = 0;
    for (const { principal } of this.#sessions) if (principal !== undefined) count += 1;
    return count;
  }

  get losing(): Iterable<SlowReceiver> {
    return this.#sessions;
  }

  open(connection: Connection, hello: Hello, refusal?: Fault): Receiver {
    let session: BridgeSession<T>;
    try {
      session = new BridgeSession<T>(this, connection, this.dialect.open(hello));
    } catch (thrown) {
      this.context.log("error", "session not opened", { dialect: this.name, error: String(thrown) });
      connection.close({ code: 1011, reason: asFault(thrown).message });
      return { frame: () => undefined, closed: () => undefined };
    }
    const loop = new SessionLoop<T>(this, session);
    session.loop = loop;
    this.#sessions.add(session);
    session.attempt(() => this.dialect.begin?.(session));
    this.#welcome(session, loop, hello, refusal);
    return loop;
  }

  witness(event: "login" | "displaced", { principal, remote }: Pick<BridgeSession<T>, "principal" | "remote">): void {
    if (principal === undefined) return;
    const { agent, trust } = principal;
    this.#witness({ event, agent, dialect: this.name, trust, remote, ...tokenOf(principal) });
  }

  refuse(session: BridgeSession<T>, fault: Fault, command: T["command"] | undefined): void {
    const { remote, principal } = session;
    if (principal === undefined) {
      if (fault.code === "unauthenticated") this.#failedLogins.add(remote);
      this.#witness({ event: "login.refused", dialect: this.name, remote, code: fault.code });
    }
    session.refuse(fault, command);
  }

  gone(session: BridgeSession<T>): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#empty?.();
  }

  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void {
    const now = this.context.clock.now();
    for (const session of this.#sessions) {
      const { principal, remote } = session;
      const { proofEnd } = session.login;
      const why = proofEnd && ended(proofEnd, now, endOf);
      if (principal === undefined || proofEnd === undefined || why === undefined || session.isOver) continue;
      const { agent } = principal;
      this.#witness({ event: "cut", agent, dialect: this.name, remote, ...tokenOf(proofEnd), why });
      const fault = endedFault(why, principal);
      session.refuse(fault, undefined, { reason: fault.message });
    }
  }

  endSpeakers(isMeant: (speaker: Principal) => boolean, fault: Fault): number {
    const meant = [...this.#sessions].filter(
      ({ principal, isOver }) => principal !== undefined && !isOver && isMeant(principal),
    );
    for (const session of meant) session.refuse(fault, undefined, { reason: fault.message });
    return meant.length;
  }

  *list(): Iterable<OpenSession> {
    for (const { id, principal, remote, since, backlog, dropped, isOver } of this.#sessions)
      if (!isOver) yield { id, agent: principal?.agent, trust: principal?.trust, remote, since, backlog, dropped };
  }

  endSession(id: string, fault: Fault): boolean {
    for (const session of this.#sessions) {
      if (session.id !== id || session.isOver) continue;
      session.refuse(fault, undefined, { reason: fault.message });
      return true;
    }
    return false;
  }

  start(): void {
    this.#stopService = this.dialect.serve?.(openService(this, this.#sessions));
  }

  async drain(fault: Fault, deadline: AbortSignal): Promise<void> {
    if (this.#sessions.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#empty = resolve;
      if (deadline.aborted) resolve();
      deadline.addEventListener("abort", () => {
        resolve();
      });
    });
    for (const session of this.#sessions) session.refuse(fault, undefined, { code: 1001, reason: fault.message });
    await empty;
  }

  stop(): void {
    this.#stopService?.();
    this.#stopService = undefined;
    for (const session of this.#sessions) session.close({ code: 1001, reason: "the broker has stopped" });
    this.#sessions.clear();
  }

  /** The session's first moments: refused at once, logged in by its headers, or given time to log in. */
  #welcome(session: BridgeSession<T>, loop: SessionLoop<T>, hello: Hello, refusal: Fault | undefined): void {
    const barred = refusal ?? this.#failedLogins.barred(session.remote);
    if (barred !== undefined) {
      this.refuse(session, barred, undefined);
      session.close({ code: 1008, reason: barred.message });
      return;
    }
    const loginMs = this.dialect.loginMs ?? this.limits.wsLoginMs;
    const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
    const cancelSilent = session.after(loginMs, () => {
      const message = `no login within ${seconds(loginMs)}; connect again and log in first`;
      throw new Fault("unauthenticated", message, { fatal: true });
    });
    // What it said in time waits for the disk, or for what the dialect asks: that is no silence of its own.
    const cancelUnfinished = session.connection.deadline(2 * loginMs, () => {
      const message = `the broker has not finished the login within ${seconds(2 * loginMs)}; connect again in a moment`;
      session.refuse(new Fault("unavailable", message, { fatal: true }), undefined);
    });
    session.login.cancelWait = () => {
      cancelSilent();
      cancelUnfinished();
    };
    if (this.dialect.authenticate !== undefined) loop.hold(this.#authenticate(session, hello));
  }

  async #authenticate(session: BridgeSession<T>, hello: Hello): Promise<void> {
    const principal = await this.dialect.authenticate?.(hello, session);
    if (principal !== undefined && session.principal === undefined && !session.isOver) await session.admit(principal);
  }
}
