import {
  asFault,
  Fault,
  type Message,
  type Envelope,
  type FaultNotice,
  type Outcome,
  type Principal,
  type Recipient,
  type Work,
} from "../../core/index.js";
import type { TurnIntent } from "../../conversation/index.js";
import type {
  AskOptions,
  CallOptions,
  Closing,
  Codec,
  Connection,
  DeskAnswer,
  DialectTypes,
  Draft,
  Frame,
  Joined,
  JoinOptions,
  Services,
  Session,
  TypedDraft,
} from "../../dialect/index.js";
import { Asking } from "./asking.js";
import { AtDesk } from "./at-desk.js";
import type { Hearer, RoomListener } from "./hearing.js";
import { Joining } from "./joining.js";
import { Login } from "./login.js";
import { Membership } from "./membership.js";
import type { NameHolder } from "./name-conflicts.js";
import { SessionRecipient } from "./recipient.js";
import { Refusals, type Reason } from "./refusals.js";
import type { SessionLoop } from "./session-loop.js";
import type { SessionOwner } from "./session-owner.js";
import { Speech, type Speaker } from "./speech.js";
import { Timers } from "./timers.js";
import { Viewing } from "./viewing.js";

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
  readonly takesSealed = true;
  /** Where its frames come in; set as soon as there is one. */
  loop: SessionLoop<T> | undefined;
  readonly login: Login<T>;
  readonly #owner: SessionOwner<T>;
  readonly #membership: Membership;
  readonly #joining: Joining<T>;
  readonly #speech: Speech;
  /** Made where the session looks and is nobody. */
  #viewing: Viewing | undefined;
  readonly #timers: Timers;
  /** Made for the first request or call: most sessions make none. */
  #asking: Asking | undefined;
  /** Made when it asks the broker something. */
  #atDesk: AtDesk<T> | undefined;
  /** Made when a mailbox first asks. */
  #recipient: Recipient | undefined;
  readonly #refusals: Refusals<T>;
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
    this.#timers = new Timers(connection, () => this.loop);
    this.#refusals = new Refusals(owner, this);
    this.#membership = new Membership(context, dialect.name, this);
    this.login = new Login(owner, this, this.#membership);
    this.#joining = new Joining(this, this.#membership, owner.hearing, context.limits);
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
    return this.#membership.principal ?? this.#viewing?.principal;
  }
  get rooms(): ReadonlySet<string> {
    return this.#membership.rooms;
  }
  get agent(): string | undefined {
    return this.#membership.principal?.agent ?? this.#viewing?.speaker?.agent;
  }

  get firstName(): string | undefined {
    return this.login.firstName;
  }

  get isRenamed(): boolean {
    return this.firstName !== undefined && this.agent !== this.firstName;
  }

  get dropped(): number {
    return this.connection.dropped;
  }
  get backlog(): number {
    return this.connection.buffered;
  }
  get isProving(): boolean {
    return this.#membership.isProving;
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
    return this.login.admit(principal, options.listed, () => {
      this.#greet();
    });
  }

  async view(principal: Principal, name?: string): Promise<void> {
    const viewing = new Viewing(this.#owner.context, this);
    this.login.view(viewing, principal, name, () => {
      this.#viewing = viewing;
    });
    return Promise.resolve();
  }

  raise(principal: Principal): Promise<void> {
    return this.login.raise(principal, this.#viewing);
  }

  rename(principal: Principal): Promise<void> {
    return this.login.rename(principal, () => {
      this.#asking?.renamed();
      this.#atDesk?.renamed();
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

  ask(
    kind: string,
    data: Readonly<Record<string, unknown>> | undefined,
    answered: (answer: DeskAnswer) => void,
    options: AskOptions = {},
  ): void | Promise<void> {
    const { context, hearing } = this.#owner;
    this.#atDesk ??= new AtDesk(context, this, this.#membership, hearing);
    return this.#atDesk.ask(kind, data, answered, options);
  }

  join(room: string, options: JoinOptions): boolean {
    return this.#joining.join(room, options);
  }

  joinInTurn(room: string, options: JoinOptions, joined: Joined): void | Promise<void> {
    return this.#joining.joinInTurn(room, options, joined);
  }

  leave(room: string): boolean {
    this.#joining.left(room);
    return this.#membership.leave(room);
  }

  create(room: string, options: { readonly inviteOnly: boolean }): Promise<void> {
    return this.#membership.create(room, options);
  }

  invite(room: string, agent: string): Promise<void> {
    return this.#membership.invite(room, agent);
  }

  whenKept(run: () => void): void | Promise<void> {
    const kept = this.#membership.kept();
    if (kept === undefined) run();
    else return kept.then(run);
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
    if (this.isOver || this.#joining.covers(message)) return false;
    const { lost } = message;
    const isHeard = this.#owner.hearing.deliver(message, this);
    // What it has lost it can only have from the room's past.
    if (message.lost !== lost) this.#membership.liveSince.end(message.topic);
    return isHeard;
  }

  get recipient(): Recipient {
    return (this.#recipient ??= new SessionRecipient(this, this.#owner.hearing));
  }

  takesAnswer(envelope: Envelope): boolean {
    return this.#asking?.takes(envelope) === true;
  }

  isCalling(messageId: string): boolean {
    return this.#asking?.isCalling(messageId) === true;
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

  /** Tells the peer that something is refused, in the dialect's words; see {@link Refusals.tell}. */
  refuse(thrown: Fault, command: T["command"] | undefined, closing?: Reason): void {
    if (!this.isOver) this.#refusals.tell(thrown, command, closing);
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
    const agent = this.principal?.agent;
    this.#timers.end();
    this.login.cancelWait?.();
    this.#asking?.end();
    this.#atDesk?.end();
    if (agent !== undefined) context.names.leave(agent, this);
    this.#membership.end();
    this.#viewing?.end();
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
    context.log("error", event, { dialect: dialect.name, agent: this.principal?.agent, error });
  }

  /** The peer has read what it was sent. */
  drained(): void {
    this.#joining.drained();
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
    const principal = this.#membership.principal ?? this.#viewing?.speaker;
    if (principal === undefined)
      throw this.#viewing === undefined
        ? new Fault("unauthenticated", "log in first")
        : new Fault("forbidden", "this session looks at agents and says nothing");
    if (this.isOver && !hasHappened) throw new Fault("going-away", "the session has ended");
    return principal;
  }
}
