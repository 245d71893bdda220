import { randomUUID } from "node:crypto";
import {
  asFault,
  brokerTopic,
  Fault,
  type Durability,
  type Envelope,
  type ListedAgent,
  type ListedRoom,
  type Log,
  type MessageType,
  type ReceiptWord,
} from "../../../src/core/index.js";
import { logOf } from "./agent-log.js";
import { checkOptions, linkOf } from "./connecting.js";
import { mustBeAlone } from "./exclusive.js";
import { unanswerable, type RequestHandler } from "./handlers.js";
import { handshakeRefusal } from "./handshake-refusal.js";
import { Hearing, type NoticeHandler } from "./hearing.js";
import type { MessageListener, Link } from "./link.js";
import type { Delivery, MailboxStatus, PeekedPage } from "./mail-answers.js";
import type { Mail, MailOptions } from "./mail.js";
import { AgentMailbox, type PeekOptions } from "./mailbox.js";
import type { MailboxOption } from "./mailbox-options.js";
import {
  agentDefaults,
  type AgentOptions,
  type ConnectOptions,
  type Request,
  type Said,
  type SendOptions,
} from "./options.js";
import { listedAgents, listedMembers, listedPlace, listedRooms } from "./incoming.js";
import { checkTopic, payloadOf } from "./outgoing.js";
import { Replays } from "./replays.js";
import { createAsked, durableAsked, type CreateOptions, type HistoryOptions, type RoomPast } from "./room-past.js";
import { PendingRequests, refusedName, RoundTrip, unreadFault, type WaitOptions } from "./requests.js";
import type { ReceiptOptions, Sent } from "./sent.js";

/**
 * A local agent: asks, answers, informs. A request is answered by what its handler returns; responses and informs
 * cannot be answered (ZeroMQ §2).
 * @example
 * const ada = await Agent.connect({ name: "ada" });
 * ada.onRequest((request) => `you said: ${request.content.message}`);
 */
export class Agent implements AsyncIterable<Envelope> {
  readonly name: string;
  readonly #options: Required<Pick<ConnectOptions, keyof typeof agentDefaults & keyof ConnectOptions>> & AgentOptions;
  readonly #pending: PendingRequests;
  #link: Link | undefined;
  /** Something was published, and no later answer has proved that the broker has read it. */
  #unproved = false;
  readonly #replays: Replays;
  readonly #roundTrip: RoundTrip;
  readonly #hearing: Hearing;
  readonly #mailbox: AgentMailbox;
  readonly #tell: Log;
  /** Which of the programs under its name it is. */
  readonly #instance = randomUUID();
  #phase: "open" | "closed" = "open";
  #closed: Promise<void> | undefined;

  private constructor(name: string, options: AgentOptions) {
    this.name = name;
    this.#options = { ...agentDefaults, ...options };
    this.#pending = new PendingRequests(name, this.#options.pendingMax);
    this.#replays = new Replays(name);
    this.#roundTrip = new RoundTrip(this.#pending, this.#instance, (to, content, messageId, isWanted) =>
      this.#publish(to, "request", content, { messageId }, {}, isWanted),
    );
    this.#tell = logOf(name, options.log);
    const respond: Agent["respond"] = (request, content, options) => this.respond(request, content, options);
    this.#mailbox = new AgentMailbox({
      name,
      ask: (kind, data, asked) => this.#ask(kind, data, asked),
      hearing: () => this.#hearing,
      respond,
      tell: this.#tell,
      options: { ...this.#options, exclusive: options.exclusive !== false },
    });
    this.#hearing = new Hearing(name, this.#options, {
      pending: this.#pending,
      replays: this.#replays,
      roundTrip: this.#roundTrip,
      ofMailbox: (envelope) => this.#mailbox.take(envelope),
      respond,
      tell: this.#tell,
    });
  }

  /** Messages that were lost here: too many were waiting, or they were requests that came after their `expires_at`. */
  get dropped(): number {
    return this.#hearing.dropped;
  }

  /**
   * Connects over ZeroMQ. Resolves when a round trip through the broker has come back on the agent's own topic: from
   * then on nothing is lost because a socket is not ready yet.
   * @throws Fault malformed (the name, an address), unavailable (no broker), forbidden or unauthenticated (the name has an owner),
   * conflict (another program is connected under the name, and `exclusive` is not false, or has it in another dialect)
   */
  static async connect(options: ConnectOptions): Promise<Agent> {
    checkOptions(options);
    const agent = new Agent(options.name, options);
    const { link, endpoints } = await linkOf(options, {
      instance: agent.#instance,
      heard: (topic, payload, trust) => {
        agent.#hearing.hear(topic, payload, trust);
      },
      connected: () => {
        agent.#tell("info", "broker connected", {});
        agent.#mailbox.reconnected();
      },
    });
    agent.#link = link;
    try {
      link.open();
      const { readyTimeoutMs } = agent.#options;
      const pong = await agent.#roundTrip.first(readyTimeoutMs, endpoints, (isWanted) =>
        handshakeRefusal(endpoints.in, options, isWanted),
      );
      if (options.exclusive !== false) await mustBeAlone(agent.name, pong, () => agent.#roundTrip.once(readyTimeoutMs));
      agent.#unproved = false;
      if (options.mailbox !== undefined && options.mailbox !== false) await agent.openMailbox(options.mailbox);
    } catch (thrown) {
      await link.close(0);
      // The broker takes what we say, but lets us hear nothing: the name belongs to another agent.
      throw link.isConnected && asFault(thrown).code === "unavailable" ? refusedName(options) : thrown;
    }
    return agent;
  }

  /** An agent on a link that is open already; what `broker.agent` uses. */
  static over(name: string, open: (heard: MessageListener) => Link, options: AgentOptions = {}): Agent {
    const agent = new Agent(name, options);
    agent.#link = open((topic, payload, trust) => {
      agent.#hearing.hear(topic, payload, trust);
    });
    return agent;
  }

  /**
   * Asks and waits for the response.
   * @throws Fault timeout, not-found, full, malformed, conflict (the same `messageId` twice), and every other fault
   * that the broker or the asked agent answers with
   */
  async request(to: string, content: Said, options: Partial<WaitOptions> & SendOptions = {}): Promise<Envelope> {
    try {
      return await this.#request(to, content, options);
    } catch (thrown) {
      // The fault was made where the answer was read; from here its stack leads to who asked.
      if (thrown instanceof Fault) Error.captureStackTrace(thrown);
      throw thrown;
    }
  }

  #request(to: string, content: Said, options: Partial<WaitOptions> & SendOptions): Promise<Envelope> {
    if (to === this.name)
      return Promise.reject(new Fault("malformed", `${to} is this agent itself: it would get no answer`));
    const timeoutMs = options.timeoutMs ?? this.#options.requestTimeoutMs;
    const messageId = options.messageId ?? randomUUID();
    const wait = { timeoutMs, signal: options.signal, overdue: () => this.#mailbox.overdue(to, messageId) };
    const more = { wait_ms: Math.min(Math.ceil(timeoutMs), Number.MAX_SAFE_INTEGER) };
    return this.#pending.ask(messageId, to, wait, (isWanted) =>
      this.#publish(to, "request", content, { ...options, messageId }, more, isWanted),
    );
  }

  /**
   * Says something that wants no answer. Resolves when the transport has taken it.
   * @throws Fault malformed, too-large, unavailable, slow-consumer
   */
  inform(to: string, content: Said, options: SendOptions = {}): Promise<void> {
    return this.#publish(to, "inform", content, options);
  }

  /**
   * Says something to an agent with a mailbox; promises tell what becomes of it: `stored`, it cannot be lost any more;
   * `settled`, its end. They fail (Fault) where that cannot be known: full, unavailable, not-found, timeout, going-away.
   */
  send<Word extends ReceiptWord = ReceiptWord>(
    to: string,
    content: Said,
    options: ReceiptOptions<Word> = {},
  ): Sent<Word> {
    const told = { timeoutMs: this.#options.requestTimeoutMs, ...options };
    return this.#mailbox.sent.send(to, told, (type, more) => this.#publish(to, type, content, more));
  }

  /** Answers a request that came by iteration. @throws Fault malformed for what is no request: it is never answered */
  respond(request: Request, content: Said, { messageId }: Pick<SendOptions, "messageId"> = {}): Promise<void> {
    const fault = unanswerable(request);
    if (fault !== undefined) return Promise.reject(fault);
    const { from, message_id: inReplyTo, conversation_id: conversationId } = request;
    const ids = {
      ...(messageId !== undefined && { messageId }),
      ...(conversationId !== undefined && { conversationId }),
    };
    return this.#publish(from, "response", content, { inReplyTo, ...ids });
  }

  /** Answers requests: what the handler returns is the response; what it throws is sent as a fault. */
  onRequest(handler: RequestHandler): this {
    return this.#handle({ onRequest: handler });
  }

  onInform(handler: NoticeHandler): this {
    return this.#handle({ onInform: handler });
  }

  /** Responses that no `request` of this agent waits for. */
  onResponse(handler: NoticeHandler): this {
    return this.#handle({ onResponse: handler });
  }

  /**
   * Becomes a member of a room, which is made if it is not there, and hears it.
   * @returns the names of its members
   * @throws Fault forbidden, full, malformed
   */
  async join(room: string): Promise<readonly string[]> {
    checkTopic(room);
    const isNew = this.#open().subscribe(room);
    try {
      return listedMembers(await this.#ask("room.join", { room }));
    } catch (thrown) {
      if (isNew) this.#link?.unsubscribe(room); // it was subscribed before: then it stays so
      throw thrown;
    }
  }

  /** @throws Fault malformed, not-found */
  async leave(room: string): Promise<void> {
    await this.#ask("room.leave", { room });
    this.#open().unsubscribe(room);
  }

  /**
   * Makes a room and joins it. An invite-only or durable one, which remembers what is said, needs a proved name.
   * @throws Fault conflict, forbidden, full, malformed
   */
  async create(room: string, options: CreateOptions = {}): Promise<void> {
    await this.#ask("room.create", { room, ...createAsked(options) });
    this.#open().subscribe(room); // not before: a subscription would make a public room
  }

  /**
   * Makes a room durable, changes how much it remembers, or ends that (false): what it remembers is gone then. For who
   * made it, under a proved name, and the operator.
   * @throws Fault conflict, forbidden, full, malformed, not-found, unavailable
   */
  async keep(room: string, durable: Durability | boolean): Promise<void> {
    await this.#ask("room.keep", { room, durable: durableAsked(durable) });
  }

  /** Lets an agent into an invite-only room; only members can. The agent is told. @throws Fault forbidden, not-found, full */
  async invite(room: string, agent: string): Promise<void> {
    await this.#ask("room.invite", { room, agent });
  }

  /** Names of those who are in a room. @throws Fault not-found, forbidden (an invite-only room of others) */
  async members(room: string): Promise<readonly string[]> {
    return listedMembers(await this.#ask("room.members", { room }));
  }

  /**
   * The last messages of a room, oldest first, this agent's own among them; each has `replay: true`. Of a durable room,
   * page by page, what follows a cursor: the next one comes with it.
   * @param wanted how many at most, 0 to 100 (a room that is not durable keeps 20, `historyPerRoomMax`), or from where
   * @throws Fault not-found, forbidden (an invite-only room of others; "last" for a name that is only claimed),
   * malformed, timeout, slow-consumer (some were dropped on their way)
   */
  async history(room: string, wanted?: number): Promise<readonly Envelope[]>;
  async history(room: string, wanted: HistoryOptions): Promise<RoomPast>;
  async history(room: string, wanted: number | HistoryOptions = 20): Promise<readonly Envelope[] | RoomPast> {
    const { messages, answer } = await this.#replays.ask(room, this.#options.requestTimeoutMs, (messageId) =>
      this.#ask("room.history", { room, ...(typeof wanted === "number" ? { count: wanted } : wanted) }, { messageId }),
    );
    return typeof wanted === "number" ? messages : { messages, ...listedPlace(answer) };
  }

  /** Rooms that this agent may know of. */
  async rooms(): Promise<readonly ListedRoom[]> {
    return listedRooms(await this.#ask("rooms.list"));
  }

  /** Agents that are online, in whatever dialect. */
  async agents(): Promise<readonly ListedAgent[]> {
    return listedAgents(await this.#ask("agents.list"));
  }

  /** Hears what is no room: `$events`, a data topic, or `""` (a tap; scope `observe` or `inspect`). @throws Fault malformed */
  subscribe(topic: string): void {
    checkTopic(topic);
    this.#open().subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#open().unsubscribe(topic);
  }

  /** Messages that no handler takes, oldest first. */
  [Symbol.asyncIterator](): AsyncIterator<Envelope, undefined> {
    return this.#hearing.unhandled[Symbol.asyncIterator]();
  }

  /** Opens this agent's mailbox, or changes it; it stays. @throws Fault malformed, forbidden, full, unavailable */
  openMailbox(mailbox: Exclude<MailboxOption, false> = true): Promise<MailboxStatus> {
    return this.#mailbox.open(mailbox);
  }

  /** Nothing more is kept. @throws Fault conflict (something waits, and `discard` is not said), forbidden, not-found */
  closeMailbox({ discard = false }: { readonly discard?: boolean } = {}): Promise<void> {
    return this.#mailbox.close(discard);
  }

  /** @throws Fault not-found */
  mailboxStatus(): Promise<MailboxStatus> {
    return this.#mailbox.status();
  }

  /** Looks at what waits, or is dead, and changes nothing. @throws Fault not-found, malformed */
  peek(options: PeekOptions = {}): Promise<PeekedPage> {
    return this.#mailbox.peek(options);
  }

  /** Where a message of this agent's stands, in whichever mailboxes it lies; empty if none has it. */
  messageState(messageId: string): Promise<readonly Delivery[]> {
    return this.#mailbox.state(messageId);
  }

  /** Messages of a mailbox in take mode, one by one; handlers get none from then on. @throws Fault malformed, conflict */
  mail(options: MailOptions = {}): AsyncGenerator<Mail, undefined> {
    return this.#mailbox.mail(options);
  }

  /**
   * Finishes what is being answered and sent, then leaves. A second call waits for the first.
   * @throws Fault unavailable if the broker did not confirm that it has read the last messages
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  #handle(handler: Partial<Pick<Hearing, "onRequest" | "onInform" | "onResponse">>): this {
    this.#hearing.handle(handler);
    this.#mailbox.changed();
    return this;
  }

  async #close(): Promise<void> {
    const end = performance.now() + agentDefaults.closeMs;
    await Promise.all([this.#hearing.handlers, this.#mailbox].map((part) => part.drain(agentDefaults.closeMs)));
    let unread: unknown;
    if (this.#unproved && this.#link?.isDirect !== true) {
      await this.#roundTrip
        .once(Math.max(1_000, end - performance.now()))
        .catch((thrown: unknown) => (unread = thrown));
    }
    this.#phase = "closed";
    const closed = new Fault("going-away", "this agent was closed");
    this.#mailbox.end(closed);
    this.#pending.close(closed);
    this.#replays.close(closed);
    // A broker that has not confirmed by now will not read what still waits.
    await this.#link?.close(unread === undefined ? 1_000 : 0);
    this.#hearing.unhandled.close();
    if (unread !== undefined) throw unreadFault(unread);
  }

  #ask(
    kind: string,
    data?: Readonly<Record<string, unknown>>,
    options: Partial<WaitOptions> & Pick<SendOptions, "messageId"> = {},
  ): Promise<Envelope> {
    return this.request(brokerTopic, { message: kind, kind, ...(data !== undefined && { data }) }, options);
  }

  async #publish(
    to: string,
    type: MessageType,
    said: Said,
    options: SendOptions,
    more: Partial<Envelope> = {},
    isWanted?: () => boolean,
  ): Promise<void> {
    const payload = payloadOf({ from: this.name, to, type, said, options, more }, this.#options);
    const link = this.#open();
    if (type !== "request") this.#unproved = true;
    await link.publish(to, payload, isWanted);
  }

  #open(): Link {
    if (this.#link === undefined || this.#phase === "closed") throw new Fault("going-away", "this agent is closed");
    return this.#link;
  }
}
