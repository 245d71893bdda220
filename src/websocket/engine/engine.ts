import { asFault, Fault, tokenOf } from "../../core/index.js";
import {
  anyPhase,
  type AnyDialect,
  type Codec,
  type Connection,
  type Dialect,
  type Frame,
  type Hello,
  type Receiver,
  type Rule,
  type Session,
} from "../../dialect/index.js";
import { FailedLogins, type TokenEnd, type LoginListener } from "../../identity/index.js";
import type { SlowReceiver } from "../../directory/index.js";
import type { BridgeContext } from "./context.js";
import { Inbox, type CommandRunner } from "./inbox.js";
import { Renderer } from "./render.js";
import { openService } from "./service.js";
import { SessionReceiver, type SessionCare } from "./session-receiver.js";
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
  /** Its sessions, as those who may lose messages. */
  readonly losing: Iterable<SlowReceiver>;
  /** Cuts the sessions whose token has ended, and tells them why. */
  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void;
  /** Starts what the dialect does by itself. */
  start(): void;
  /** Ends every session with this fault; resolves when their sockets are gone or `deadline` aborts. */
  drain(fault: Fault, deadline: AbortSignal): Promise<void>;
  stop(): void;
}

/** Puts a dialect in service. */
export function openBridge(
  dialect: AnyDialect,
  context: BridgeContext,
  witness: LoginListener = () => undefined,
): Bridge {
  return dialect.with<Bridge>((itself) => new Engine(itself, context, witness));
}

/** Runs one dialect: reads, checks, charges, runs, and catches, so that the dialect's own handlers do none of that. */
class Engine<C extends { readonly type: string }, Event, State> implements Bridge {
  readonly #dialect: Dialect<C, Event, State>;
  readonly #context: BridgeContext;
  readonly #renderer: Renderer<C, Event, State>;
  /** The table is total over `C` by its type, and every command comes with the `type` under which it stands. */
  readonly #rules: Readonly<Record<string, Rule<C, Event, State>>>;
  // bound: wsConnectionsMax · evicts: a session leaves when its socket is gone · owner: Engine
  readonly #sessions = new Set<BridgeSession<C, Event, State>>();
  readonly #failedLogins: FailedLogins;
  readonly #witness: LoginListener;
  readonly #runner: CommandRunner<BridgeSession<C, Event, State>, C>;
  readonly #care: SessionCare<BridgeSession<C, Event, State>>;
  #empty: (() => void) | undefined;
  #stopService: (() => void) | undefined;

  constructor(dialect: Dialect<C, Event, State>, context: BridgeContext, witness: LoginListener) {
    this.#dialect = dialect;
    this.#witness = witness;
    this.#context = context;
    this.#renderer = new Renderer(dialect);
    this.#failedLogins = new FailedLogins(context.services.limiter, context.limits);
    this.#rules = dialect.commands as unknown as Readonly<Record<string, Rule<C, Event, State>>>;
    const { limits } = context;
    this.#runner = {
      decode: (session, frame) => this.#decode(session, frame),
      execute: (session, command) => this.#execute(session, command),
      refuse: (session, fault, command) => {
        this.#refuse(session, fault, command);
      },
      maxFrames: limits.sessionQueueMax,
      maxBytes: ({ principal }) => (principal === undefined ? limits.wsFrameMaxBytes : limits.wsBacklogMaxBytes),
      highBytes: limits.wsBacklogMaxBytes / 2,
      forgotten: (count) => {
        context.ledger.count("frames-left-at-close", count);
      },
    };
    this.#care = {
      oversized: (session, frame) => {
        this.#unreadable();
        this.#refuse(
          session,
          new Fault(
            "too-large",
            `a message is ${String(limits.wsFrameMaxBytes)} bytes at most, this one has ${String(Buffer.byteLength(frame))}; send it in parts`,
          ),
          commandIn(session.codec, frame),
        );
      },
      drained: (session) => {
        session.attempt(() => this.#dialect.drained?.(session));
      },
      stuck: (session) => {
        this.#refuse(
          session,
          new Fault("slow-consumer", "too much waits for this session and nothing of it could be sent", {
            fatal: true,
          }),
          undefined,
        );
        session.close({ code: 1013, reason: "slow consumer" });
      },
      closed: (session) => {
        session.end();
        this.#sessions.delete(session);
        if (this.#sessions.size === 0) this.#empty?.();
      },
    };
  }

  get name(): string {
    return this.#dialect.name;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get admitted(): number {
    let count = 0;
    for (const { principal } of this.#sessions) if (principal !== undefined) count += 1;
    return count;
  }

  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void {
    for (const session of this.#sessions) {
      const { principal, remote } = session;
      const why = principal?.tokenId === undefined ? undefined : endOf(principal.tokenId);
      if (principal?.tokenId === undefined || why === undefined || session.isOver) continue;
      this.#witness({
        event: "cut",
        agent: principal.agent,
        dialect: this.name,
        remote,
        tokenId: principal.tokenId,
        why,
      });
      const reason = `the token was ${why === "revoked" ? "taken back" : "valid until now"}; log in with a new one`;
      session.refuse(new Fault("unauthenticated", reason, { fatal: true }), undefined, { code: 1008, reason });
    }
  }

  get losing(): Iterable<SlowReceiver> {
    return this.#sessions;
  }

  open(connection: Connection, hello: Hello, refusal?: Fault): Receiver {
    let session: BridgeSession<C, Event, State>;
    try {
      session = new BridgeSession({
        context: this.#context,
        dialect: this.#dialect,
        renderer: this.#renderer,
        connection,
        state: this.#dialect.open(hello),
        witness: (event, principal) => {
          if (principal !== undefined)
            this.#witness({
              event,
              agent: principal.agent,
              dialect: this.name,
              trust: principal.trust,
              remote: connection.remote,
              ...tokenOf(principal),
            });
        },
        afterCommand: (run) => {
          inbox.afterwards(run);
        },
        ended: () => {
          inbox.close();
        },
      });
    } catch (thrown) {
      this.#context.log("error", "session not opened", { dialect: this.name, error: String(thrown) });
      connection.close({ code: 1011, reason: asFault(thrown).message });
      return { frame: () => undefined, closed: () => undefined };
    }
    const inbox = new Inbox<BridgeSession<C, Event, State>, C>(this.#runner, session);
    this.#sessions.add(session);
    this.#welcome(session, inbox, hello, refusal);
    return new SessionReceiver(this.#care, session, inbox);
  }

  start(): void {
    this.#stopService = this.#dialect.serve?.(
      openService({ context: this.#context, dialect: this.name, renderer: this.#renderer, sessions: this.#sessions }),
    );
  }

  async drain(fault: Fault, deadline: AbortSignal): Promise<void> {
    if (this.#sessions.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#empty = resolve;
      if (deadline.aborted) resolve();
      else
        deadline.addEventListener(
          "abort",
          () => {
            resolve();
          },
          { once: true },
        );
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
  #welcome(
    session: BridgeSession<C, Event, State>,
    inbox: Inbox<BridgeSession<C, Event, State>, C>,
    hello: Hello,
    refusal: Fault | undefined,
  ): void {
    const barred = refusal ?? this.#failedLogins.barred(session.remote);
    if (barred !== undefined) {
      this.#refuse(session, barred, undefined);
      session.close({ code: 1008, reason: barred.message });
      return;
    }
    const loginMs = this.#dialect.loginMs ?? this.#context.limits.wsLoginMs;
    session.cancelLogin = session.after(loginMs, () => {
      if (session.principal === undefined)
        throw new Fault(
          "unauthenticated",
          `no login within ${Math.round(loginMs / 1000)} s; connect again and log in first`,
          { fatal: true },
        );
    });
    if (this.#dialect.authenticate !== undefined) inbox.hold(this.#authenticate(session, hello));
  }

  async #authenticate(session: BridgeSession<C, Event, State>, hello: Hello): Promise<void> {
    const principal = await this.#dialect.authenticate?.(hello, session);
    if (principal !== undefined && session.principal === undefined && !session.isOver) await session.admit(principal);
  }

  /** What cannot be read may have been a message: it is one in the ledger. */
  #decode(session: BridgeSession<C, Event, State>, frame: Frame): readonly (C | Fault)[] {
    try {
      const commands = session.codec.decode(frame);
      for (const command of commands) if (command instanceof Fault) this.#unreadable();
      return commands;
    } catch (thrown) {
      this.#unreadable();
      throw thrown;
    }
  }

  #unreadable(): void {
    this.#context.ledger.messages.accepted += 1;
    this.#context.ledger.malformed("frame-unreadable");
  }

  #execute(session: BridgeSession<C, Event, State>, command: C): void | Promise<void> {
    const rule = Object.hasOwn(this.#rules, command.type) ? this.#rules[command.type] : undefined;
    if (rule === undefined)
      throw new Fault(
        "unsupported",
        `there is no such command; ${this.name} knows ${Object.keys(this.#rules).join(", ")}`,
      );
    if (!allows(rule.phase, session.phase)) throw outOfPhase(command.type, rule.phase, session);
    const cost = typeof rule.cost === "function" ? rule.cost(command) : rule.cost;
    if (cost !== undefined && cost > 0) this.#dialect.charge?.(session, cost);
    return rule.run(session, command);
  }

  #refuse(session: BridgeSession<C, Event, State>, fault: Fault, command: C | undefined): void {
    if (fault.code === "unauthenticated" && session.principal === undefined) this.#failedLogins.add(session.remote);
    if (session.principal === undefined)
      this.#witness({ event: "login.refused", dialect: this.name, remote: session.remote, code: fault.code });
    session.refuse(fault, command);
  }
}

/** What a frame that is refused in any case is about, if that can be read. */
function commandIn<C>(codec: Codec<C, unknown>, frame: Frame): C | undefined {
  try {
    const [command] = codec.decode(frame);
    return command instanceof Fault ? undefined : command;
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined;
    throw thrown;
  }
}

function allows(phases: string | readonly string[], phase: string): boolean {
  return typeof phases === "string" ? phases === phase || phases === anyPhase : phases.includes(phase);
}

function outOfPhase(
  type: string,
  phases: string | readonly string[],
  session: Pick<Session<unknown, unknown>, "phase" | "principal">,
): Fault {
  if (session.principal === undefined)
    return new Fault("unauthenticated", `log in first; ${type} cannot be said before`);
  return new Fault(
    "unsupported",
    `${type} cannot be said now (${session.phase}), only when ${typeof phases === "string" ? phases : phases.join(" or ")}`,
  );
}
