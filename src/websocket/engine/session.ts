import {
  asFault,
  Fault,
  noticeMessage,
  type Envelope,
  type Message,
  type Outcome,
  type Principal,
  type Subscriber,
} from "../../core/index.js";
import type { TurnIntent } from "../../conversation/index.js";
import type {
  CallOptions,
  Closing,
  Codec,
  Connection,
  Dialect,
  Draft,
  Services,
  Session,
  TypedDraft,
} from "../../dialect/index.js";
import { Calls } from "./calls.js";
import type { Speaker } from "./conflict.js";
import type { BridgeContext } from "./context.js";
import { Hearing } from "./hearing.js";
import { Membership } from "./membership.js";
import { Refusals } from "./refusals.js";
import type { Hearer, Renderer } from "./render.js";
import { Speech } from "./speech.js";
import { Timers } from "./timers.js";

/** What a session is made of. */
export interface SessionOptions<C extends { readonly type: string }, Event, State> {
  readonly context: BridgeContext;
  readonly dialect: Dialect<C, Event, State>;
  readonly renderer: Renderer<C, Event, State>;
  readonly connection: Connection;
  /** What the dialect keeps for it. */
  readonly state: State;
  /** Hears of its login and its displacement. */
  readonly witness: (event: "login" | "displaced", principal: Principal | undefined) => void;
  /** Runs when the command under way is over, at once if there is none. */
  readonly afterCommand: (run: () => void) => void;
  /** Called once when the session is over; the socket may still have bytes to write. */
  readonly ended: () => void;
}

/** A speaker on a connection, in whatever dialect: what handlers are given, and what the router delivers to. */
export class BridgeSession<C extends { readonly type: string }, Event, State>
  implements Session<Event, State>, Subscriber, Speaker
{
  readonly id: string;
  readonly remote: string;
  readonly state: State;
  readonly services: Services;
  readonly codec: Codec<C, Event>;
  /** Wall clock since when, milliseconds. */
  readonly since: number;
  phase: string;
  /** Ends the time it has for its login. */
  cancelLogin: (() => void) | undefined;
  readonly #options: SessionOptions<C, Event, State>;
  readonly #membership: Membership;
  readonly #speech: Speech;
  /** Made for the first call: most sessions make none. */
  #calls: Calls | undefined;
  readonly #refusals: Refusals;
  readonly #hearing: Hearing<C, Event, State>;
  /** This session as those see it who encode for many. */
  readonly hearer: Hearer<C, Event, State>;
  readonly #timers: Timers;
  #stage: "open" | "ended" = "open";

  constructor(options: SessionOptions<C, Event, State>) {
    const { context, dialect, connection } = options;
    this.#options = options;
    this.id = connection.id;
    this.remote = connection.remote;
    this.services = context.services;
    this.since = context.clock.now();
    this.#timers = new Timers(context.clock);
    this.phase = dialect.initialPhase;
    this.state = options.state;
    this.#membership = new Membership({ context, dialect: dialect.name, subscriber: this });
    this.#refusals = new Refusals(context.limits.abuseRefusalsMax, context.limits.abuseWindowMs);
    this.#speech = new Speech({
      context,
      dialect: dialect.name,
      origin: this,
      speaker: (hasHappened) => this.#speaker(hasHappened),
      notice: (notice) => {
        context.ledger.messages.accepted += 1;
        context.ledger.messages.routed += 1;
        this.deliver(noticeMessage(this.#speaker().agent, notice, context));
      },
    });
    this.codec = dialect.codec(this);
    this.hearer = { session: this, codec: this.codec, connection };
    const { renderer } = options;
    const [take, failed] = [(envelope: Envelope) => this.#calls?.take(envelope) === true, this.#failed.bind(this)];
    // Not spread: objects made by a spread have each a shape of its own, and a fan-out does nothing but read them.
    this.#hearing = new Hearing({
      context,
      dialect,
      connection,
      renderer,
      session: this,
      hearer: this.hearer,
      take,
      failed,
    });
  }

  get principal(): Principal | undefined {
    return this.#membership.principal;
  }

  get rooms(): ReadonlySet<string> {
    return this.#membership.rooms;
  }

  get agent(): string | undefined {
    return this.principal?.agent;
  }

  get dropped(): number {
    return this.#options.connection.dropped;
  }

  get backlog(): number {
    return this.#options.connection.buffered;
  }

  /** True once it is over. */
  get isOver(): boolean {
    return this.#stage === "ended";
  }

  /** True if it hears `$events` itself. */
  get hearsEvents(): boolean {
    return this.#membership.hearsEvents;
  }

  now(): number {
    return this.#options.context.clock.now();
  }

  newId(): string {
    return this.#options.context.newId();
  }

  after(ms: number, run: () => void): () => void {
    return this.#timers.after(ms, () => {
      this.attempt(run);
    });
  }

  async admit(principal: Principal, options: { readonly listed: boolean } = { listed: true }): Promise<void> {
    const { context, dialect, connection } = this.#options;
    if (this.principal !== undefined)
      throw new Fault("conflict", `this session speaks for ${this.principal.agent} already; open another connection`);
    await context.speakers.enter(this, principal, () => {
      if (this.isOver) throw new Fault("going-away", "the connection closed while it logged in");
      if (this.principal !== undefined)
        throw new Fault("conflict", `this session speaks for ${this.principal.agent} already`);
      this.#membership.arrive(principal, options.listed);
      if (principal.trust === "proved") context.services.identity.remember(principal.agent);
      connection.admitted();
      this.cancelLogin?.();
      this.cancelLogin = undefined;
      context.log("info", "session admitted", {
        dialect: dialect.name,
        agent: principal.agent,
        trust: principal.trust,
        remote: this.remote,
      });
      this.#options.witness("login", principal);
      dialect.greet?.(this);
    });
  }

  raise(principal: Principal): void {
    const before = this.#speaker();
    if (principal.agent !== before.agent)
      throw new Fault("conflict", `this session speaks for ${before.agent}; what was proved is ${principal.agent}`);
    this.#membership.renew(principal);
    if (principal.trust === "proved") this.services.identity.remember(principal.agent);
    this.#options.witness("login", principal);
  }

  send(event: Event): void {
    this.#options.connection.send(this.codec.encode(event), false);
  }

  say(draft: Draft & TurnIntent): Outcome {
    return this.#speech.say(draft);
  }

  publish(draft: TypedDraft): Outcome {
    return this.#speech.publish(draft);
  }

  inform(draft: Draft): Outcome {
    return this.#speech.publish({ ...draft, type: "inform" });
  }

  request(draft: Draft, options?: CallOptions): Outcome {
    return this.#speech.request(draft, options);
  }

  respond(request: Envelope, draft: Draft): Outcome {
    return this.#speech.respond(request, draft);
  }

  call(draft: Draft, options?: CallOptions): Promise<Envelope> {
    return (this.#calls ??= this.#newCalls()).call(draft, options);
  }

  join(room: string, options: { readonly create: boolean; readonly history?: number }): boolean {
    const { isNew, past } = this.#membership.join(room, options);
    if (past.length > 0) {
      this.#options.afterCommand(() => {
        this.attempt(() => {
          for (const envelope of past) this.#hearing.replay(room, envelope);
        });
      });
    }
    return isNew;
  }

  leave(room: string): boolean {
    return this.#membership.leave(room);
  }

  create(room: string, options: { readonly inviteOnly: boolean }): void {
    this.#membership.create(room, options);
  }

  invite(room: string, agent: string): void {
    this.#membership.invite(room, agent);
  }

  subscribe(topic: string): void {
    this.#membership.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#membership.unsubscribe(topic);
  }

  close(closing: Closing): void {
    if (this.isOver) return;
    this.end();
    this.#options.connection.close(closing);
  }

  /** The router's side: takes one copy, or says that it is none of its business. Never throws. */
  deliver(message: Message): boolean {
    return this.isOver ? false : this.#hearing.deliver(message);
  }

  alive(ms: number): Promise<boolean> {
    return this.#options.connection.alive(ms);
  }

  displace(): void {
    this.#options.witness("displaced", this.principal);
    this.refuse(
      new Fault("conflict", "another session of the same agent has taken over; do not reconnect", {
        detail: { displaced: true },
        fatal: true,
      }),
      undefined,
      { code: 4409, reason: "displaced by a newer session" },
    );
  }

  /** Tells the peer that something is refused, in the dialect's words; `closing` goes before the dialect's own. */
  refuse(thrown: Fault, command: C | undefined, closing?: Closing): void {
    if (this.isOver) return;
    const { context, dialect } = this.#options;
    const fault = this.#refusals.judge(thrown, context.clock.monotonic());
    context.ledger.count(`refused-${fault.code}`);
    if (fault.cause !== undefined || fault.code === "internal") this.#failed("command failed", fault.cause ?? fault);
    try {
      const refusal = dialect.refuse(fault, command, this);
      if (refusal.reply !== undefined) this.send(refusal.reply);
      const end = closing ?? refusal.close ?? (fault.fatal ? { code: 1008, reason: fault.message } : undefined);
      if (end !== undefined) this.close(end);
    } catch (failure) {
      this.#failed("cannot tell a fault", failure);
      this.close({ code: 1011, reason: "the broker failed; its log says why" });
    }
  }

  /** Runs something of the dialect's outside a command; what it throws is told to the peer. */
  attempt(run: () => void): void {
    if (this.isOver) return;
    try {
      run();
    } catch (thrown) {
      this.refuse(asFault(thrown), undefined);
    }
  }

  /** It is over: nothing is heard or said any more. A second call does nothing. */
  end(): void {
    if (this.isOver) return;
    this.#stage = "ended";
    const { context, dialect, ended } = this.#options;
    const { principal } = this;
    this.#timers.end();
    this.#calls?.end();
    this.#speech.end();
    if (principal !== undefined) context.speakers.leave(principal.agent, this);
    this.#membership.end();
    try {
      dialect.leave?.(this);
    } catch (thrown) {
      this.#failed("cannot end a session cleanly", thrown);
    }
    if (principal !== undefined)
      context.log("info", "session ended", { dialect: dialect.name, agent: principal.agent });
    ended();
  }

  #newCalls(): Calls {
    const { requests, limits, newId } = this.#options.context;
    return new Calls({
      requests,
      max: limits.sessionCallsMax,
      newId,
      from: () => this.#speaker().agent,
      publish: (draft) => this.#speech.publish(draft),
    });
  }

  #speaker(hasHappened = false): Principal {
    const { principal } = this;
    if (principal === undefined) throw new Fault("unauthenticated", "log in first");
    if (this.isOver && !hasHappened) throw new Fault("going-away", "the session has ended");
    return principal;
  }

  #failed(event: string, thrown: unknown): void {
    const { context, dialect } = this.#options;
    context.ledger.count("dialect-failed");
    context.log("error", event, {
      dialect: dialect.name,
      agent: this.principal?.agent,
      error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    });
  }
}
