import { ClientClock } from "../shared/client-clock.js";
import { Agents } from "./agents.js";
import { Calls } from "./calls.js";
import { ViewerChannel, type ChannelOptions } from "./channel.js";
import { Connection } from "./connection.js";
import { errorOf, viewerError, type ViewerError } from "./error.js";
import type { CommandResult, Registered, StreamName, ViewerEvent } from "./events.js";
import { isFields, textIn, type Fields } from "./fields.js";
import { Greeting, type Session } from "./greeting.js";
import { Incoming } from "./incoming.js";
import { Listeners, type EventStream, type Listener } from "./listeners.js";
import {
  checkCommand,
  checkOptions,
  defaults,
  type CommandOptions,
  type FullOptions,
  type ViewerOptions,
} from "./options.js";
import type { Platform } from "./platform.js";

/** How long an agent has to do what it is told where nothing is said, milliseconds. */
const commandMs = 30_000;
/** What each message has (Visualisation §2.1). */
const ofEach: ReadonlySet<string> = new Set(["id", "type", "timestamp", "metadata"]);

/**
 * Looks at what agents do, and commands them: one connection to one endpoint (Visualisation §1.1), which is made again
 * when it is lost, with its streams and channels.
 */
export class ViewerCore {
  /** The handshake was answered: at the first time, and after each loss. */
  onOpen: ((session: Session) => void) | undefined;
  /** A connection that was open is gone. */
  onClosed: ((error: ViewerError, willRetry: boolean) => void) | undefined;
  /** What goes wrong and is no answer to anything: the broker is away, a token cannot be had, a channel is lost. */
  onFailed: ((error: ViewerError) => void) | undefined;
  readonly #options: FullOptions;
  readonly #connection: Connection;
  readonly #calls: Calls;
  readonly #agents = new Agents();
  readonly #listeners = new Listeners();
  readonly #greeting: Greeting;
  readonly #newIncoming: () => Incoming;
  // bound: channels of the application; a broker grants 64 · evicts: when each is closed or refused · owner: ViewerCore
  readonly #channels = new Map<string, ViewerChannel>();
  #incoming: Incoming;
  #session: Session | undefined;
  #ids = 0;

  /** @throws ViewerError BAD_OPTION */
  constructor(url: string, options: ViewerOptions, platform: Platform) {
    checkOptions(url, options);
    this.#options = { ...defaults, ...options };
    const clock = options.clock ?? new ClientClock();
    this.#calls = new Calls(clock);
    this.#greeting = new Greeting(this.#options, platform.algorithms, () => this.#id());
    this.#newIncoming = () =>
      new Incoming({
        platform,
        agents: this.#agents,
        now: () => clock.now(),
        message: (message) => {
          this.#hear(message, undefined);
        },
        broken: (why) => {
          this.#connection.abandon(why);
        },
      });
    this.#incoming = this.#newIncoming();
    this.#connection = new Connection({
      url,
      token: options.token,
      platform,
      clock,
      connectTimeoutMs: this.#options.connectTimeoutMs,
      greeting: (token) => {
        this.#renew();
        return this.#greeting.messages(token, clock.now()).map((message) => JSON.stringify(message));
      },
      heartbeat: () => JSON.stringify(this.#message("heartbeat", {})),
      refresh: (token) => JSON.stringify(this.#message("auth.refresh", { token })),
      heard: (data) => {
        this.#incoming.hear(data);
      },
      down: (error, willRetry) => {
        this.#down(error, willRetry);
      },
      failed: (error) => {
        this.onFailed?.(error);
      },
    });
  }

  /** What the broker has granted; undefined while there is no connection. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** The agents that the broker has announced on this connection. */
  get agents(): readonly Registered[] {
    return [...this.#agents];
  }

  /**
   * Connects. Rejects with the first failure, and goes on trying unless the broker says that it is of no use.
   * @throws ViewerError
   */
  connect(): Promise<void> {
    return this.#connection.connect();
  }

  /** Ends the connection, and all that waits for it. */
  async close(): Promise<void> {
    await this.#connection.close();
    this.#listeners.end();
    for (const channel of this.#channels.values()) channel.ended();
  }

  /** @param type of events, or `*`: all @returns stops it */
  on<Type extends StreamName | "channel.dropped" | "*">(type: Type, listener: Listener<Type>): () => void {
    return this.#listeners.on(type, listener);
  }

  /** Events as they come, for `for await`; of some types, or all. It goes on over losses of the connection. */
  events<Type extends StreamName>(...types: readonly Type[]): EventStream<Type> {
    return this.#listeners.events(types);
  }

  /** Chooses what comes unasked, from now on. @returns what comes now @throws ViewerError */
  async select(streams: readonly StreamName[], positionRate?: number): Promise<readonly StreamName[]> {
    const chosen = { streams, ...(positionRate !== undefined && { positionRate }) };
    const selected = await this.#ask("streams.select", chosen);
    this.#greeting.select(streams, positionRate);
    return (selected["streams"] ?? streams) as readonly StreamName[];
  }

  /** Opens a channel (Visualisation §4.1). @throws ViewerError INVALID_MESSAGE */
  async channel(channelId: string, options: ChannelOptions = {}): Promise<ViewerChannel> {
    if (this.#channels.has(channelId)) throw viewerError("BAD_OPTION", `the channel ${channelId} is open already`);
    const channel = new ViewerChannel(channelId, options, { close: (one) => this.#closeChannel(one) });
    this.#channels.set(channelId, channel);
    try {
      await this.#openChannel(channel);
      return channel;
    } catch (thrown) {
      this.#channels.delete(channelId);
      throw thrown;
    }
  }

  /**
   * Tells an agent of any dialect to do something.
   * @returns what it answers; `status` `failed` where it says that it could not
   * @throws ViewerError AGENT_NOT_FOUND, COMMAND_FAILED (no answer in time, a refusal), AUTH_FAILED, INVALID_MESSAGE
   */
  async execute(
    targetAgent: string,
    command: string,
    parameters: Fields = {},
    options: CommandOptions = {},
  ): Promise<CommandResult> {
    checkCommand("execute", options);
    const { timeoutMs, webhook } = options;
    const payload = {
      targetAgent,
      command,
      parameters,
      ...(timeoutMs !== undefined && { timeout: timeoutMs }),
      ...(webhook !== undefined && { callback: { type: "webhook", url: webhook } }),
    };
    const waitMs = (timeoutMs ?? commandMs) + this.#options.answerTimeoutMs;
    const result = await this.#ask("control.execute", payload, waitMs, options);
    return result as unknown as CommandResult; // as the broker says it
  }

  /** Asks the broker itself (Visualisation §5.2). @returns the answer's `data` @throws ViewerError as `execute` */
  async ask(kind: string, data: Fields = {}, options: CommandOptions = {}): Promise<unknown> {
    const { result } = await this.execute("$broker", kind, data, options);
    return result.data;
  }

  /** Says how a multi-agent is set up (Visualisation §5.5). @throws ViewerError AUTH_FAILED, INVALID_MESSAGE */
  configure(multiAgentId: string, configuration: Fields, options: CommandOptions = {}): Promise<Fields> {
    checkCommand("configure", options);
    const payload = { "multi-agentId": multiAgentId, configuration };
    return this.#ask("control.multi-agent.configure", payload, this.#options.answerTimeoutMs, options);
  }

  /** Says something and waits for its answer. @returns its payload */
  async #ask(
    type: string,
    payload: Fields,
    timeoutMs = this.#options.answerTimeoutMs,
    options: CommandOptions = {},
  ): Promise<Fields> {
    const message = this.#message(type, payload, options);
    const { channel } = options;
    // First what may throw: nobody would wait for what was never sent.
    this.#connection.send(JSON.stringify(channel === undefined ? message : channel.wrap(message)));
    return this.#calls.wait(String(message["id"]), timeoutMs, type);
  }

  #message(type: string, payload: Fields, { id = this.#id(), priority, ttlMs }: CommandOptions = {}): Fields {
    const metadata = { ...(priority !== undefined && { priority }), ...(ttlMs !== undefined && { ttl: ttlMs }) };
    const timestamp = new Date(this.#options.clock?.now() ?? Date.now()).toISOString();
    return { id, type, timestamp, payload, ...(Object.keys(metadata).length > 0 && { metadata }) };
  }

  #id(): string {
    this.#ids += 1;
    return `v-${String(this.#ids)}`;
  }

  #renew(): void {
    this.#incoming.end();
    this.#incoming = this.#newIncoming();
    this.#agents.clear();
  }

  #hear(message: Fields, channelId: string | undefined): void {
    const { type, message: inner, channel, sequence } = message;
    if (typeof channel === "string" && isFields(inner)) {
      this.#channels.get(channel)?.hears(sequence);
      this.#hear(inner, channel);
      return;
    }
    if (typeof type !== "string") return;
    // The connection's own messages have their fields at the top (Visualisation §2.1).
    const payload = isFields(message["payload"]) ? message["payload"] : topOf(message);
    const correlationId =
      textIn(message["metadata"], "correlationId") ??
      textIn(payload, "requestId") ??
      textIn(payload["details"], "requestId");
    if (type === "error") this.#refused(errorOf(payload), correlationId);
    else if (type === "handshake_ack") this.#open(payload);
    else if (type === "compression.selected") this.#incoming.algorithm = this.#greeting.compressed(payload);
    else if (type === "version.selected") this.#greeting.versionSelected(payload);
    else {
      this.#agents.hear(type, payload);
      this.#calls.answer(correlationId, payload);
      this.#tell({ ...message, type, payload, timestamp: String(message["timestamp"]) }, channelId);
    }
  }

  #tell(event: ViewerEvent, channel: string | undefined): void {
    const told = channel === undefined ? event : { ...event, channel };
    if (channel !== undefined) this.#channels.get(channel)?.tell(told);
    this.#listeners.tell(told);
  }

  #open(ack: Fields): void {
    const session = this.#greeting.session(ack);
    this.#session = session;
    this.#connection.ready(this.#options.heartbeatMs ?? session.heartbeatInterval);
    for (const channel of this.#channels.values())
      this.#openChannel(channel).catch((thrown: unknown) => {
        const error = thrown as ViewerError; // #ask throws no other
        this.onFailed?.(
          viewerError("INVALID_MESSAGE", `the channel ${channel.id} is not open any more: ${error.message}`),
        );
      });
    this.onOpen?.(session);
  }

  #refused(error: ViewerError, correlationId: string | undefined): void {
    if (this.#calls.refuse(correlationId, error)) return;
    if (this.#connection.phase === "connecting") {
      // A wrong token is told and closed for; anything else would be refused again.
      if (error.code === "AUTH_FAILED" || !this.#greeting.has(correlationId)) this.#connection.refused(error);
      else this.#connection.giveUp(error);
      return;
    }
    if (error.code === "AUTH_FAILED" && correlationId === undefined) this.#connection.refused(error);
    this.onFailed?.(error);
  }

  #down(error: ViewerError, willRetry: boolean): void {
    this.#session = undefined;
    this.#incoming.end();
    this.#calls.fail(
      viewerError("CONNECTION_FAILED", `${error.message}; whether what was asked has been done is not known`),
    );
    this.onClosed?.(error, willRetry);
  }

  async #openChannel(channel: ViewerChannel): Promise<void> {
    channel.begins();
    channel.opened(await this.#ask("channel.create", { channelId: channel.id, ...channel.options }));
  }

  async #closeChannel(channel: ViewerChannel): Promise<void> {
    if (this.#channels.get(channel.id) !== channel) return;
    this.#channels.delete(channel.id);
    channel.ended();
    await this.#ask("channel.close", { channelId: channel.id });
  }
}

/** The fields that a message has at its top, beside those that each has. */
function topOf(message: Fields): Fields {
  return Object.fromEntries(Object.entries(message).filter(([name]) => !ofEach.has(name)));
}
