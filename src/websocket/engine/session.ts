import {
  asFault,
  Fault,
  itemsOfBytes,
  listCost,
  Message,
  type Envelope,
  type FaultNotice,
  type Outcome,
  type Principal,
  type Slices,
  type Work,
} from "../../core/index.js";
import { bytesOf, PastReading, type Past } from "../../directory/index.js";
import type { TurnIntent } from "../../conversation/index.js";
import type {
  CallOptions,
  Closing,
  Codec,
  Connection,
  Dialect,
  DialectTypes,
  Draft,
  Frame,
  PreparedFrame,
  Services,
  Session,
  TypedDraft,
} from "../../dialect/index.js";
import { Asking } from "./asking.js";
import type { EngineContext } from "./context.js";
import type { Hearer, Hearing, RoomListener } from "./hearing.js";
import { Membership } from "./membership.js";
import type { NameHolder } from "./name-conflicts.js";
import { Refusals } from "./refusals.js";
import type { SessionLoop } from "./session-loop.js";
import { Speech, type Speaker } from "./speech.js";
import { Timers } from "./timers.js";

/** The dialect in service to which sessions belong; one for all its sessions. */
export interface SessionOwner<T extends DialectTypes> {
  readonly context: EngineContext;
  readonly dialect: Dialect<T>;
  readonly hearing: Hearing<T>;
  /** Long work of all its sessions. */
  readonly slices: Slices;
  /** Hears of logins and displacements. */
  witness(event: "login" | "displaced", session: BridgeSession<T>): void;
}

/** A speaker on a connection, in whatever dialect: what handlers are given, and what the router delivers to. */
export class BridgeSession<T extends DialectTypes> implements Hearer<T>, Speaker, NameHolder, RoomListener {
  readonly id: string;
  readonly remote: string;
  readonly state: T["state"];
  readonly connection: Connection;
  readonly codec: Codec<T["command"], T["event"]>;
  /** Wall clock since when, milliseconds. */
  readonly since: number;
  phase: T["phase"];
  /** Ends the time that it has for its login. */
  cancelLogin: (() => void) | undefined;
  firstName: string | undefined;
  /** The token of its login, which ends the session when it ends, whatever the session is called then. */
  tokenId: string | undefined;
  /** Where its frames come in; set as soon as there is one. */
  loop: SessionLoop<T> | undefined;
  readonly #owner: SessionOwner<T>;
  readonly #membership: Membership;
  readonly #speech: Speech;
  readonly #timers: Timers;
  /** Made for the first request or call: most sessions make none. */
  #asking: Asking | undefined;
  readonly #refusals: Refusals;
  #stage: "open" | "ended" = "open";

  constructor(owner: SessionOwner<T>, connection: Connection, state: T["state"]) {
    const { context, dialect } = owner;
    this.#owner = owner;
    this.connection = connection;
    this.id = connection.id;
    this.remote = connection.remote;
    this.since = context.clock.now();
    this.phase = dialect.initialPhase;
    this.state = state;
    this.#timers = new Timers(context.clock);
    this.#refusals = new Refusals(context.limits.abuseRefusalsMax, context.limits.abuseWindowMs);
    this.#membership = new Membership(context, dialect.name, this);
    this.#speech = new Speech(context, dialect.name, this);
    this.codec = dialect.codec(this);
  }

  get services(): Services {
    return this.#owner.context.services;
  }
  get limits(): Session<T>["limits"] {
    return this.#owner.context.limits; // with those of all dialects, filled in by their own schemas
  }

  get settings(): T["settings"] {
    const { context, dialect } = this.#owner;
    return context.settings[dialect.name] ?? {}; // filled in by the dialect's own schema
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

  get isRenamed(): boolean {
    return this.agent !== undefined && this.agent !== this.firstName;
  }

  get dropped(): number {
    return this.connection.dropped;
  }
  get backlog(): number {
    return this.connection.buffered;
  }
  get isOver(): boolean {
    return this.#stage === "ended";
  }

  get hearsEvents(): boolean {
    return this.#membership.hearsEvents;
  }

  isNamed(agent: string): boolean {
    return this.#membership.isNamed(agent);
  }

  now(): number {
    return this.#owner.context.clock.now();
  }

  newId(): string {
    return this.#owner.context.newId();
  }

  after(ms: number, run: () => void): () => void {
    return this.#timers.after(ms, () => {
      this.attempt(run);
    });
  }

  admit(principal: Principal, options: { readonly listed: boolean } = { listed: true }): Promise<void> {
    const { context, dialect } = this.#owner;
    // In one turn with the arrival: what others say to the new name comes after the greeting.
    return this.#membership.enter(this, principal, options.listed, () => {
      this.connection.admitted();
      this.firstName = principal.agent;
      this.tokenId = principal.tokenId;
      this.cancelLogin?.();
      this.cancelLogin = undefined;
      const { agent, trust } = principal;
      context.log("info", "session admitted", { dialect: dialect.name, agent, trust, remote: this.remote });
      this.#owner.witness("login", this);
      this.#greet();
    });
  }

  async raise(principal: Principal): Promise<void> {
    await this.#membership.raise(principal);
    this.tokenId = principal.tokenId ?? this.tokenId;
    this.#owner.witness("login", this);
  }

  async rename(principal: Principal): Promise<void> {
    this.speaker();
    if (principal.agent === this.agent) {
      await this.raise(principal);
      return;
    }
    this.loop?.pay(this.rooms.size); // each room hears of it
    await this.#membership.rename(this, principal, () => {
      this.#asking?.renamed();
      this.tokenId = principal.tokenId ?? this.tokenId;
      this.#owner.witness("login", this);
    });
  }

  send(event: T["event"]): void {
    this.sendFrame(this.codec.encode(event));
  }

  sendFrame(frame: Frame): void {
    this.connection.send(frame, false);
  }

  long(work: Work): void | Promise<void> {
    return this.#owner.slices.run(() => (this.isOver ? undefined : work()));
  }

  say(draft: Draft & TurnIntent): Outcome {
    return this.#speech.say(draft);
  }

  publish(draft: TypedDraft): Outcome {
    return this.#speech.submit(draft, draft.type, draft.inReplyTo);
  }

  inform(draft: Draft): Outcome {
    return this.#speech.submit(draft, "inform", draft.inReplyTo);
  }

  request(draft: Draft, options: CallOptions = {}): Outcome {
    return this.#obtainAsking().request(draft, options);
  }

  respond(request: Envelope, draft: Draft): Outcome {
    const conversationId = draft.conversationId ?? request.conversation_id;
    const answer = conversationId === undefined ? draft : { ...draft, conversationId };
    return this.#speech.submit(answer, "response", request.message_id);
  }

  call(draft: Draft, options: CallOptions = {}): Promise<Envelope> {
    return this.#obtainAsking().call(draft, options);
  }

  join(room: string, options: { readonly create: boolean; readonly history?: number }): boolean {
    this.#payForPast(room, options.history);
    const { isNew, past } = this.#membership.join(room, options);
    if (past.length > 0)
      this.loop?.afterCommand(() => {
        this.#replay(past);
      });
    return isNew;
  }

  joinInTurn(
    room: string,
    options: { readonly create: boolean; readonly history?: number },
    joined: (isNew: boolean) => void,
  ): void | Promise<void> {
    this.#payForPast(room, options.history);
    // As many as one room keeps, twice at most, until the session is in the room.
    const frames = new Map<Past, Frame | PreparedFrame | undefined>();
    const reading = new PastReading(
      () => this.#membership.past(room, options.history),
      (past) => frames.set(past, this.#owner.hearing.replayed(past, this)),
    );
    return this.long(() => {
      if (reading.advance() === "more") return "more";
      const { isNew, past } = this.#membership.join(room, options);
      joined(isNew);
      this.#replay(past, frames);
      return undefined;
    });
  }

  /** @throws Fault rate-limited */
  #payForPast(room: string, history: number | undefined): void {
    this.loop?.pay(listCost(itemsOfBytes(bytesOf(this.#membership.past(room, history)))) - 1);
  }

  #replay(past: readonly Past[], ready: ReadonlyMap<Past, Frame | PreparedFrame | undefined> = new Map([])): void {
    for (const one of past) {
      const frame = ready.has(one) ? ready.get(one) : this.#owner.hearing.replayed(one, this);
      if (frame !== undefined && !this.isOver) this.connection.send(frame, true);
    }
  }

  leave(room: string): boolean {
    return this.#membership.leave(room);
  }

  create(room: string, options: { readonly inviteOnly: boolean }): Promise<void> {
    return this.#membership.create(room, options);
  }

  invite(room: string, agent: string): Promise<void> {
    return this.#membership.invite(room, agent);
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
    this.connection.close(closing);
  }

  /** The router's side: takes one copy, or tells that it is not for this session. Never throws. */
  deliver(message: Message): boolean {
    return this.isOver ? false : this.#owner.hearing.deliver(message, this);
  }

  takesAnswer(envelope: Envelope): boolean {
    return this.#asking?.takes(envelope) === true;
  }

  alive(ms: number): Promise<boolean> {
    return this.connection.alive(ms);
  }

  displace(why?: string): void {
    this.#owner.witness("displaced", this);
    const message = why ?? "another session of the same agent has taken over; do not reconnect";
    const fault = new Fault("conflict", message, { detail: { displaced: true }, fatal: true });
    this.refuse(fault, undefined, { code: 4409, reason: why ?? "displaced by a newer session" });
  }

  /** Tells the peer that something is refused, in the dialect's words; `closing` goes before the dialect's own. */
  refuse(thrown: Fault, command: T["command"] | undefined, closing?: Closing): void {
    if (this.isOver) return;
    const { context, dialect } = this.#owner;
    const fault = this.#refusals.judge(thrown, context.clock.monotonic(), context.clock.catchingUp());
    context.ledger.count(`refused-${fault.code}`);
    if (fault.cause !== undefined || fault.code === "internal") this.failed("command failed", fault.cause ?? fault);
    try {
      const refusal = dialect.refuse(fault, command, this);
      if (refusal.reply !== undefined) this.send(refusal.reply);
      const end = closing ?? refusal.close ?? (fault.fatal ? { code: 1008, reason: fault.message } : undefined);
      if (end !== undefined) this.close(end);
    } catch (failure) {
      this.failed("cannot tell a fault", failure);
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

  /** The session is over: it hears and says nothing more. A second call does nothing. */
  end(): void {
    if (this.isOver) return;
    this.#stage = "ended";
    const { context, dialect } = this.#owner;
    const { agent } = this;
    this.#timers.end();
    this.#asking?.end();
    if (agent !== undefined) context.names.leave(agent, this);
    this.#membership.end();
    try {
      dialect.leave?.(this);
    } catch (thrown) {
      this.failed("cannot end a session cleanly", thrown);
    }
    if (agent !== undefined) context.log("info", "session ended", { dialect: dialect.name, agent });
    this.loop?.end();
  }

  failed(event: string, thrown: unknown): void {
    const { context, dialect } = this.#owner;
    context.ledger.count("dialect-failed");
    const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    context.log("error", event, { dialect: dialect.name, agent: this.agent, error });
  }

  /** A session that its dialect cannot greet ends: it would speak for a name without knowing it. */
  #greet(): void {
    try {
      this.#owner.dialect.greet?.(this);
    } catch (thrown) {
      this.refuse(asFault(thrown), undefined, { code: 1011, reason: "the broker failed; its log says why" });
    }
  }

  #obtainAsking(): Asking {
    const { context } = this.#owner;
    return (this.#asking ??= new Asking(context, this.id, {
      speaker: () => this.speaker(),
      publish: (draft) => this.publish(draft),
      notice: (notice) => {
        this.tell(notice);
      },
    }));
  }

  tell(notice: FaultNotice): void {
    this.#owner.hearing.tell(notice, this);
  }

  speaker(hasHappened = false): Principal {
    const { principal } = this;
    if (principal === undefined) throw new Fault("unauthenticated", "log in first");
    if (this.isOver && !hasHappened) throw new Fault("going-away", "the session has ended");
    return principal;
  }
}
