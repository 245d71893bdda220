import { EventEmitter } from "node:events";
import { Backoff } from "../shared/backoff.js";
import { comeBack, rejoin, steadyMs } from "./reconnect.js";
import { Connection, displaced, type ConnectionEnd } from "./connection.js";
import { AgentChatError, UnhandledErrors } from "./error.js";
import type { ServerEvent } from "./events.js";
import {
  answerTo,
  askFrame,
  atSign,
  checkFrame,
  joinedTo,
  joinFrame,
  messageFrame,
  outcomeOf,
  proposalFrame,
  signedAsElsewhere,
  stepFrame,
  type Answer,
  type CallKind,
  type CommandFrame,
  type NegotiationFrame,
} from "./command-frames.js";
import { wholeAddress } from "./address.js";
import { HeardBefore } from "./heard-before.js";
import { checkOptions } from "./known-options.js";
import { checkSaidOptions, type JoinOptions, type MessageOptions, type ProposalTerms } from "./said-options.js";
import type { AgentChatClientEvents, AgentChatClientOptions, ChannelBeginning, Roster } from "./options.js";
import { tellEvent } from "./telling.js";
import { beginningOf, JoinedRooms, type ReadOn } from "../shared/joined-rooms.js";
import { askTimeoutMs, type AskOptions, type QuestionData } from "../shared/questions.js";
import { readIdentity, type Identity } from "./identity-file.js";
import type { NegotiationEvent } from "../../../bridges/agentchat/events.js";

export { AgentChatError } from "./error.js";
export type { AgentChatClientEvents, AgentChatClientOptions, ChannelBeginning, Roster } from "./options.js";
export type { Answer } from "./command-frames.js";
export type { MessageOptions, ProposalTerms } from "./said-options.js";
export type { AskOptions, QuestionData } from "../shared/questions.js";
export type { ReadOn, RoomCursor } from "../shared/joined-rooms.js";
export type { MsgEvent, NegotiationEvent } from "../../../bridges/agentchat/events.js";

/** The code of the event `close` when the server would refuse us again (RFC 6455 §7.4.1, policy). */
const refusedForGood = 1008;
const answerTimeoutMsDefault = 10_000;
/** Refusals of LEAVE which say that the client is not in the channel. */
const notInside: readonly string[] = ["INVALID_MSG", "CHANNEL_NOT_FOUND", "NOT_INVITED"];

/**
 * An AgentChat client (AgentChat §8): introduces itself, proves its key where the server asks for it, reconnects after
 * a loss and joins its channels again, and does not reconnect once it is displaced.
 * @example
 * const client = new AgentChatClient({ server: "ws://localhost:6667", name: "my-agent" });
 * await client.connect();
 * await client.join("#general");
 * client.on("message", (msg) => console.log(`${msg.from} in ${msg.to}: ${msg.content}`));
 * await client.send("#general", "Hello agents!");
 */
export class AgentChatClient extends EventEmitter<AgentChatClientEvents> {
  readonly #options: AgentChatClientOptions;
  readonly #backoff = new Backoff(steadyMs);
  readonly #channels = new JoinedRooms();
  readonly #unheard = new UnhandledErrors();
  readonly #heard = new HeardBefore();
  #phase: "idle" | "connecting" | "ready" | "waiting" = "idle";
  #leaving = new AbortController();
  #connection: Connection | undefined;
  #identity: Identity | undefined;
  #agentId: string | undefined;

  /** @throws AgentChatError INVALID_MSG if `options.server` is missing, or an option is none that there is */
  constructor(options: AgentChatClientOptions) {
    super();
    checkOptions(options);
    this.#options = options;
  }

  /** The `@agent-id` of this client, once it is connected. Without an identity it changes with each reconnect. */
  get agentId(): string | undefined {
    return this.#agentId;
  }

  /** True while something can be said. */
  get connected(): boolean {
    return this.#phase === "ready";
  }

  /** The channels that it joined and has not left, or was in while it was away; also while the connection is lost. */
  get channels(): ReadonlySet<string> {
    return this.#channels.names;
  }

  /**
   * Connects; done when the server has welcomed the client, and has taken the proof of its key if it asked for one.
   * @throws AgentChatError CLOSED, TIMEOUT, IDENTITY_…, or the server's refusal
   */
  async connect(): Promise<void> {
    if (this.#phase !== "idle")
      throw new AgentChatError("CLOSED", "this client is connected already; call disconnect() first");
    this.#phase = "connecting";
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    try {
      this.#identity = this.#options.identity === undefined ? undefined : await readIdentity(this.#options.identity);
      await this.#open(signal);
    } catch (thrown) {
      if (!signal.aborted) this.#phase = "idle";
      throw thrown;
    }
    this.emit("open");
  }

  /**
   * Joins a channel, now and after every reconnect; `replay` asks for its last messages. `after` asks for all that
   * follows a place in a durable channel; a reconnect then goes on where it was, and tells the event `gap` if something
   * is lost.
   * @returns the agents that are there
   * @throws AgentChatError CHANNEL_NOT_FOUND, NOT_INVITED, …
   */
  async join(channel: string, options?: { readonly replay?: number }): Promise<readonly string[]>;
  async join(channel: string, options: ReadOn): Promise<ChannelBeginning>;
  async join(channel: string, options: JoinOptions = {}): Promise<readonly string[] | ChannelBeginning> {
    const frame = joinFrame(channel, options);
    const { replay = 0, after } = options;
    if (replay > 0 || after !== undefined) this.#heard.want(channel);
    const connection = this.#ready();
    const joined = await this.#channels.join(channel, options, () => connection.call(frame, joinedTo(channel)));
    const { agents } = joined;
    return after === undefined ? agents : { agents, ...beginningOf(joined) };
  }

  /**
   * Leaves a channel. If that fails (RATE_LIMITED, TIMEOUT, CLOSED), it is still joined again after a reconnect.
   * @throws AgentChatError
   */
  async leave(channel: string): Promise<void> {
    try {
      await this.#call({ type: "LEAVE", channel }, (event) =>
        event.type === "LEFT" && event.channel === channel && event.agent === this.#agentId ? true : undefined,
      );
      this.#channels.delete(channel); // again: a join that was answered just before may have added it meanwhile
    } catch (thrown) {
      if (thrown instanceof AgentChatError && notInside.includes(thrown.code)) this.#channels.delete(channel);
      throw thrown;
    }
  }

  /**
   * Says something in a `#channel` or to an `@agent-id`; signed if the client has an identity. Done when it is written
   * to the socket. A refusal comes as the event `error`; a ping() after it is answered once the server has dealt with
   * it.
   * @returns the `msg_id`, which is the `ref` of a refusal
   * @throws AgentChatError INVALID_MSG, CLOSED
   */
  async send(target: string, content: string, options: MessageOptions = {}): Promise<string> {
    const frame = messageFrame(this.#identity, target, content, options);
    await this.#ready().send(frame);
    return frame.msg_id;
  }

  /** Says something to one agent. @returns the `msg_id` @throws AgentChatError as send */
  async dm(agent: string, content: string, options: MessageOptions = {}): Promise<string> {
    return this.send(atSign(agent), content, options);
  }

  /**
   * Says something as send() does, and is done when the server has taken it: it has come back, or the server has
   * answered a PING behind it and refused nothing that can be this message. A refusal is not told as the event `error`.
   * @returns the `msg_id`
   * @throws AgentChatError INVALID_MSG, the refusal; CLOSED and TIMEOUT: it is not known whether it was taken
   */
  async deliver(target: string, content: string, options: MessageOptions = {}): Promise<string> {
    const frame = messageFrame(this.#identity, target, content, options);
    await this.#ready().deliver(frame);
    return frame.msg_id;
  }

  /** Channels that this client may know of. @throws AgentChatError */
  async listChannels(): Promise<readonly { readonly name: string; readonly agents: number }[]> {
    return this.#call({ type: "LIST_CHANNELS" }, (event) => (event.type === "CHANNELS" ? event.list : undefined));
  }

  /** Who is in a channel. @throws AgentChatError CHANNEL_NOT_FOUND */
  async listAgents(channel: string): Promise<readonly string[]> {
    return (await this.roster(channel)).agents;
  }

  /** Who is in a channel, and what they are called. @throws AgentChatError CHANNEL_NOT_FOUND */
  async roster(channel: string): Promise<Roster> {
    return this.#call({ type: "LIST_AGENTS", channel }, (event) =>
      event.type === "AGENTS" && event.channel === channel
        ? { agents: event.list, names: event.names ?? {} }
        : undefined,
    );
  }

  /** Makes a channel and joins it. @throws AgentChatError CHANNEL_EXISTS, INVALID_NAME */
  async createChannel(channel: string, inviteOnly = false): Promise<void> {
    await this.#call({ type: "CREATE_CHANNEL", channel, invite_only: inviteOnly }, joinedTo(channel));
    this.#channels.add(channel);
  }

  /** Invites an agent into a channel. @throws AgentChatError CHANNEL_NOT_FOUND, NOT_INVITED, AGENT_NOT_FOUND */
  async invite(channel: string, agent: string): Promise<void> {
    const connection = this.#ready();
    const invitation: CommandFrame<"INVITE"> = { type: "INVITE", channel, agent: atSign(agent) };
    checkFrame(invitation); // if it is wrong, the PING must not be sent either
    // A server does not answer an invitation that it takes: it has taken it once it answers the PING behind it in any
    // way.
    const invited = connection.call(invitation, (event) => (event.type === "PONG" ? true : undefined));
    const [taken] = await Promise.allSettled([
      invited,
      connection.call({ type: "PING" }, (event) => (event.type === "PONG" ? true : undefined)),
    ]);
    if (taken.status === "rejected") throw taken.reason as AgentChatError; // calls fail with nothing else
  }

  /** Asks the server for an answer, to see that it is there. @throws AgentChatError */
  async ping(): Promise<void> {
    await this.#call({ type: "PING" }, (event) => (event.type === "PONG" ? true : undefined));
  }

  /**
   * Asks the broker something (AgentChat §13): `agents.list`, `room.history` …, with the fields that
   * `schemas/broker-requests.json` has for the kind in `content.data`. It may be answered late, and holds up nothing.
   * @throws AgentChatError INVALID_MSG (also for a kind that the server does not have), RATE_LIMITED, NOT_INVITED, …
   */
  async ask(kind: string, data?: QuestionData, options: AskOptions = {}): Promise<Answer> {
    checkSaidOptions("ASK", options);
    const frame = askFrame(kind, data);
    const timeoutMs = askTimeoutMs(data, options, this.#options.answerTimeoutMs ?? answerTimeoutMsDefault);
    return this.#ready().call(frame, (event) => answerTo(frame, event), timeoutMs);
  }

  /**
   * Proposes work to an agent. This and the steps below need an identity.
   * @throws AgentChatError SIGNATURE_REQUIRED, INVALID_PROPOSAL, AGENT_NOT_FOUND
   */
  async propose(to: string, terms: ProposalTerms): Promise<NegotiationEvent> {
    return this.#negotiate(proposalFrame(this.#identity, atSign(to), terms));
  }

  /**
   * @throws AgentChatError PROPOSAL_NOT_FOUND, PROPOSAL_EXPIRED, INVALID_PROPOSAL, NOT_PROPOSAL_PARTY,
   * SIGNATURE_REQUIRED
   */
  async accept(id: string, paymentCode?: string): Promise<NegotiationEvent> {
    return this.#negotiate(stepFrame(this.#identity, "ACCEPT", id, paymentCode));
  }

  /** @throws AgentChatError as accept */
  async reject(id: string, reason?: string): Promise<NegotiationEvent> {
    return this.#negotiate(stepFrame(this.#identity, "REJECT", id, reason));
  }

  /** @throws AgentChatError as accept */
  async complete(id: string, proof?: string): Promise<NegotiationEvent> {
    return this.#negotiate(stepFrame(this.#identity, "COMPLETE", id, proof));
  }

  /** @throws AgentChatError as accept */
  async dispute(id: string, reason: string): Promise<NegotiationEvent> {
    return this.#negotiate(stepFrame(this.#identity, "DISPUTE", id, reason));
  }

  /** Disconnects, until connect() is called again; what was said is written first. */
  async disconnect(): Promise<void> {
    this.#phase = "idle";
    this.#channels.clear();
    this.#leaving.abort();
    await this.#connection?.close();
  }

  #call<T>(frame: CommandFrame<CallKind>, answer: (event: ServerEvent) => T | undefined): Promise<T> {
    return this.#ready().call(frame, answer);
  }

  async #negotiate(frame: NegotiationFrame): Promise<NegotiationEvent> {
    try {
      return await this.#take(frame);
    } catch (thrown) {
      const other = signedAsElsewhere(this.#identity, frame);
      if (!(thrown instanceof AgentChatError) || thrown.code !== "VERIFICATION_FAILED" || other === undefined)
        throw thrown;
      return this.#take(other);
    }
  }

  #take(frame: NegotiationFrame): Promise<NegotiationEvent> {
    return this.#call(frame, (event) => outcomeOf(frame, this.#agentId ?? "", event));
  }

  #ready(): Connection {
    if (this.#phase !== "ready" || this.#connection === undefined)
      throw new AgentChatError("CLOSED", "not connected; connect() first, or wait for the event open");
    return this.#connection;
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    const {
      server,
      name = this.#identity?.name ?? `agent-${process.pid}`,
      echo,
      mailbox,
      answerTimeoutMs = answerTimeoutMsDefault,
    } = this.#options;
    this.#heard.begin();
    this.#channels.begin();
    const connection = await Connection.open(
      { server: wholeAddress(server), name, identity: this.#identity, echo, mailbox, answerTimeoutMs },
      {
        onEvent: (event) => {
          this.#tell(event);
        },
        onError: (error) => {
          this.#fail(error);
        },
      },
      signal,
    );
    if (signal.aborted) {
      await connection.close();
      throw new AgentChatError("CLOSED", "disconnected before the server had answered; connect() again");
    }
    this.#connection = connection;
    this.#phase = "ready";
    this.#backoff.ready();
    void connection.ended.then((end) => {
      this.#lost(connection, end, signal);
    });
    return connection;
  }

  #lost(connection: Connection, end: ConnectionEnd, signal: AbortSignal): void {
    if (this.#connection === connection) this.#connection = undefined;
    const again = !signal.aborted && end.code !== displaced && (this.#options.reconnect ?? true);
    if (!signal.aborted) this.#phase = again ? "waiting" : "idle";
    this.#backoff.lost();
    this.emit("close", end);
    if (again) void this.#comeBack(`the connection was closed: ${end.code} ${end.reason}`.trim(), signal);
  }

  async #comeBack(reason: string, signal: AbortSignal): Promise<void> {
    let connection: Connection | undefined;
    try {
      const onWait = (wait: { readonly inMs: number; readonly reason: string }): void => {
        if (!signal.aborted) this.emit("reconnecting", wait);
      };
      connection = await comeBack(() => this.#open(signal), { backoff: this.#backoff, signal, reason, onWait });
    } catch (thrown) {
      if (signal.aborted || !(thrown instanceof AgentChatError)) throw thrown;
      this.#phase = "idle";
      this.#fail(thrown);
      this.emit("close", {
        code: thrown.code === "SESSION_DISPLACED" ? displaced : refusedForGood,
        reason: thrown.message,
      });
      return;
    }
    if (connection === undefined) return;
    const again = connection;
    await rejoin(again, this.#channels, {
      signal,
      join: async (channel) => {
        const frame = joinFrame(channel, this.#channels.behind(channel));
        const { gap } = await again.call(frame, joinedTo(channel));
        if (gap === true) this.emit("gap", { channel });
      },
      onError: (error) => {
        this.#fail(error);
      },
    });
    if (!connection.isOver() && !signal.aborted) this.emit("open");
  }

  #tell(event: ServerEvent): void {
    if (event.type === "MSG") this.#channels.heard(event.to, event);
    else if (event.type === "JOINED") this.#channels.answered(event.channel, event);
    if (event.type === "MSG" && this.#heard.isRepeated(event)) return;
    if (event.type === "WELCOME") this.#agentId = atSign(event.agent_id);
    if (event.type === "VERIFY_SUCCESS") this.#channels.enter(event.channels ?? []);
    if (event.type === "LEFT" && event.agent === this.#agentId) this.#channels.delete(event.channel);
    tellEvent(this, event);
  }

  /** Emits an error; without a listener an EventEmitter would throw it. */
  #fail(error: AgentChatError): void {
    if (this.listenerCount("error") > 0) this.emit("error", error);
    else this.#unheard.warn(error);
  }
}
