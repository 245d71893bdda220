import { randomUUID } from "node:crypto";
import { agentNameProblem, asFault, brokerTopic, Fault, writeEnvelope, type Content, type Envelope, type ListedAgent, type ListedRoom, type MessageType } from "../core/index.js";
import { findDoors } from "./doors.js";
import { Inbox } from "./inbox.js";
import type { Link } from "./link.js";
import { agentDefaults, type AgentOptions, type ConnectOptions, type Notice, type Request } from "./options.js";
import { listedAgents, listedRooms, readPayload } from "./reading.js";
import { Pending, type WaitOptions } from "./pending.js";

/** What is said: a text, or a text with more. */
export type Said = string | Content;

/** What one message may carry beside its content. */
export interface SendOptions {
  readonly messageId?: string;
  readonly inReplyTo?: string;
  readonly conversationId?: string;
  readonly priority?: Envelope["priority"];
}

type RequestHandler = (request: Request) => Said | undefined | Promise<Said | undefined>;
type NoticeHandler = (notice: Notice) => void | Promise<void>;

/**
 * A local agent: asks, answers, informs. A request is answered by what its handler returns; responses and informs cannot be answered (seed 004, message types).
 * @example
 * const ada = await Agent.connect({ name: "ada" });
 * ada.onRequest((request) => `you said: ${request.content.message}`);
 */
export class Agent implements AsyncIterable<Envelope> {
  readonly name: string;
  readonly #options: Required<Pick<ConnectOptions, keyof typeof agentDefaults & keyof ConnectOptions>> & AgentOptions;
  readonly #pending: Pending;
  readonly #inbox: Inbox;
  #link: Link | undefined;
  #onRequest: RequestHandler | undefined;
  #onInform: NoticeHandler | undefined;
  #onResponse: NoticeHandler | undefined;
  // bound: requests that are being answered, what the broker delivers · evicts: an answer leaves when it is sent · owner: Agent
  readonly #answering = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  private constructor(name: string, options: AgentOptions) {
    this.name = name;
    this.#options = { ...agentDefaults, ...options };
    this.#pending = new Pending(this.#options.pendingMax);
    this.#inbox = new Inbox(this.#options.inboxMax);
  }

  /**
   * Connects over ZeroMQ. Resolves when a round trip through the broker has come back on the agent's own topic: nothing sent or awaited from here on is lost to a slow start.
   * @throws Fault malformed (name), unavailable (no broker), forbidden or unauthenticated (a name that has an owner)
   */
  static async connect(options: ConnectOptions): Promise<Agent> {
    const problem = agentNameProblem(options.name);
    if (problem !== undefined) throw new Fault("malformed", `the name ${options.name} ${problem}; choose another`);
    const { ZmqLink } = await import("./link-zeromq.js");
    const agent = new Agent(options.name, options);
    const link = new ZmqLink({
      ...findDoors(options),
      name: options.name,
      ...(options.token !== undefined && { token: options.token }),
      publishTimeoutMs: options.publishTimeoutMs ?? agentDefaults.publishTimeoutMs,
      heard: (_topic, payload) => {
        agent.#hear(payload);
      },
      connected: (isConnected) => {
        agent.#options.log?.("info", isConnected ? "broker connected" : "broker lost", { agent: agent.name });
      },
    });
    agent.#link = link;
    link.subscribe(options.name);
    link.open();
    try {
      await agent.#meet(options.readyTimeoutMs ?? agentDefaults.readyTimeoutMs);
    } catch (thrown) {
      await agent.close();
      throw thrown;
    }
    return agent;
  }

  /** An agent on a link that is open already; what `broker.agent` uses. */
  static over(name: string, open: (heard: (topic: string, payload: Buffer) => void) => Link, options: AgentOptions = {}): Agent {
    const agent = new Agent(name, options);
    agent.#link = open((_topic, payload) => {
      agent.#hear(payload);
    });
    return agent;
  }

  /**
   * Asks and waits for the response.
   * @throws Fault timeout, not-found, full, and whatever else the broker says about it
   */
  async request(to: string, content: Said, options: Partial<WaitOptions> & SendOptions = {}): Promise<Envelope> {
    const timeoutMs = options.timeoutMs ?? this.#options.requestTimeoutMs;
    const messageId = options.messageId ?? randomUUID();
    const answer = this.#pending.wait(messageId, to, { timeoutMs, signal: options.signal });
    const expires_at = new Date(Date.now() + timeoutMs).toISOString();
    this.#publish(to, "request", content, { ...options, messageId }, { expires_at }).catch((thrown: unknown) => {
      this.#pending.fail(messageId, asFault(thrown));
    });
    return answer;
  }

  /** Says something that wants no answer. Resolves when the transport has taken it. @throws Fault unavailable, slow-consumer */
  inform(to: string, content: Said, options: SendOptions = {}): Promise<void> {
    return this.#publish(to, "inform", content, options);
  }

  /** Answers a request that was taken from the inbox. There is no way to answer anything else. */
  respond(request: Request, content: Said): Promise<void> {
    return this.#publish(request.from, "response", content, { inReplyTo: request.message_id });
  }

  /** Answers requests: what the handler returns is the response; what it throws is told as a fault. */
  onRequest(handler: RequestHandler): this {
    this.#onRequest = handler;
    return this;
  }

  onInform(handler: NoticeHandler): this {
    this.#onInform = handler;
    return this;
  }

  /** Responses that no `request` of this agent waits for. */
  onResponse(handler: NoticeHandler): this {
    this.#onResponse = handler;
    return this;
  }

  /** Becomes a member of a room and hears it. @throws Fault forbidden, full, malformed */
  async join(room: string): Promise<void> {
    if (this.#link?.house !== undefined) return this.#link.house.join(room);
    this.#open().subscribe(room);
    try {
      await this.#ask("room.join", { room });
    } catch (thrown) {
      this.#link?.unsubscribe(room);
      throw thrown;
    }
  }

  async leave(room: string): Promise<void> {
    if (this.#link?.house !== undefined) return this.#link.house.leave(room);
    await this.#ask("room.leave", { room });
    this.#open().unsubscribe(room);
  }

  /** Rooms that this agent may know of. */
  async rooms(): Promise<readonly ListedRoom[]> {
    if (this.#link?.house !== undefined) return this.#link.house.rooms();
    return listedRooms(await this.#ask("rooms.list"));
  }

  /** Agents that are online, in whatever dialect. */
  async agents(): Promise<readonly ListedAgent[]> {
    if (this.#link?.house !== undefined) return this.#link.house.agents();
    return listedAgents(await this.#ask("agents.list"));
  }

  /** Hears a topic that is no room: `$events`, a data topic, with scope `observe` everything (`""`). */
  subscribe(topic: string): void {
    this.#open().subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#open().unsubscribe(topic);
  }

  /** Messages that no handler takes, oldest first. */
  [Symbol.asyncIterator](): AsyncIterator<Envelope, undefined> {
    return this.#inbox[Symbol.asyncIterator]();
  }

  /** Finishes what is being answered and sent, then leaves. A second call waits for the first. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      Promise.allSettled(this.#answering),
      new Promise((resolve) => {
        timer = setTimeout(resolve, agentDefaults.closeMs);
      }),
    ]);
    clearTimeout(timer);
    this.#pending.close(new Fault("going-away", "this agent was closed"));
    await this.#link?.close();
    this.#inbox.close();
  }

  /** Repeats a ping under one id until its answer comes back: both sockets work, the broker knows the name. */
  async #meet(readyTimeoutMs: number): Promise<void> {
    const messageId = randomUUID();
    const answer = this.#pending.wait(messageId, "the broker", { timeoutMs: readyTimeoutMs });
    let failed: unknown;
    const ask = (): void => {
      this.#publish(brokerTopic, "request", { message: "ping", kind: "ping" }, { messageId }).catch((thrown: unknown) => (failed = thrown));
    };
    ask();
    const again = setInterval(ask, agentDefaults.pingMs);
    try {
      await answer;
    } catch (thrown) {
      throw failed instanceof Fault ? failed : notReady(asFault(thrown));
    } finally {
      clearInterval(again);
    }
  }

  #ask(kind: string, data?: Readonly<Record<string, unknown>>): Promise<Envelope> {
    return this.request(brokerTopic, { message: kind, kind, ...(data !== undefined && { data }) });
  }

  async #publish(to: string, type: MessageType, said: Said, options: SendOptions, more: Partial<Envelope> = {}): Promise<void> {
    const { displayName } = this.#options;
    const envelope: Envelope = {
      message_id: options.messageId ?? randomUUID(),
      timestamp: new Date().toISOString(),
      from: this.name,
      to,
      type,
      priority: options.priority ?? "NORMAL",
      content: typeof said === "string" ? { message: said } : said,
      ...(options.inReplyTo !== undefined && { in_reply_to: options.inReplyTo }),
      ...(options.conversationId !== undefined && { conversation_id: options.conversationId }),
      ...(displayName !== undefined && { from_name: displayName }),
      ...more,
    };
    await this.#open().publish(to, writeEnvelope(envelope));
  }

  #hear(payload: Buffer): void {
    const reading = readPayload(payload, this.name);
    if ("problem" in reading) {
      this.#options.log?.("warn", "a message could not be read", { agent: this.name, problem: reading.problem });
      return;
    }
    const { envelope } = reading;
    if (this.#pending.take(envelope)) return;
    if (envelope.from === this.name && this.#options.hearOwn !== true) return;
    if (envelope.type === "request") {
      this.#request({ ...envelope, type: "request" });
      return;
    }
    this.#options.log?.("info", `${envelope.type} received`, { agent: this.name, from: envelope.from, id: envelope.message_id, re: envelope.in_reply_to });
    const handler = envelope.type === "response" ? this.#onResponse : this.#onInform;
    if (handler === undefined) this.#keep(envelope);
    else this.#run(async () => handler({ ...envelope, type: envelope.type === "response" ? "response" : "inform" }));
  }

  #request(request: Request): void {
    const handler = this.#onRequest;
    if (handler === undefined) {
      this.#keep(request);
      return;
    }
    this.#run(async () => {
      let answer: Said;
      try {
        answer = (await handler(request)) ?? "";
      } catch (thrown) {
        const fault = asFault(thrown);
        this.#options.log?.("error", "a request handler failed", { agent: this.name, id: request.message_id, cause: String(thrown) });
        answer = { message: thrown instanceof Fault ? fault.message : "the agent failed to answer", kind: "fault", data: { code: fault.code } };
      }
      await this.respond(request, answer);
    });
  }

  #run(work: () => Promise<void>): void {
    const done = work()
      .catch((thrown: unknown) => {
        this.#options.log?.("error", "a handler failed", { agent: this.name, cause: String(thrown) });
      })
      .finally(() => this.#answering.delete(done));
    this.#answering.add(done);
  }

  #keep(envelope: Envelope): void {
    if (!this.#inbox.put(envelope)) this.#options.log?.("warn", "inbox full, message dropped", { agent: this.name, id: envelope.message_id, dropped: this.#inbox.dropped });
  }

  #open(): Link {
    if (this.#link === undefined || (this.#closed !== undefined && this.#answering.size === 0)) throw new Fault("going-away", "this agent is closed");
    return this.#link;
  }
}

function notReady(fault: Fault): Fault {
  if (fault.code !== "timeout") return fault;
  return new Fault("unavailable", "the broker did not answer in time: is it running (broker status), and is the name free or the token right (its log says why it refused)?");
}
