import { Backoff } from "../../shared/backoff.js";
import { steadyMs } from "../reconnect.js";
import { DeliveryCheck, say, refOf, SentLine } from "./delivery.js";
import { Comeback } from "./comeback.js";
import { Channels, type NotJoined } from "./channels.js";
import type { ClientHears, DaemonClient } from "./daemon-client.js";
import { errorCode, whyNot, deliveryOf, isHopeless, type Delivery } from "./errors.js";
import { ResettableEvent, SerialQueue } from "./waiting.js";
import { inboxError } from "./inbox-error.js";
import type { DaemonLog } from "./log.js";
import type { Outgoing } from "./outbox-line.js";

/** What an {@link Uplink} connects, and whom it tells. */
export interface UplinkOptions {
  readonly makeClient: (hears: ClientHears) => DaemonClient | Promise<DaemonClient>;
  /** Where the daemon is from the beginning. */
  readonly channels: readonly string[];
  readonly log: DaemonLog;
  readonly hear: (event: Readonly<Record<string, unknown>>) => void;
  /** {@link Uplink.state} has changed. */
  readonly changed: () => void;
  /** The server refuses this agent, or its identity file cannot be used: trying again cannot help. */
  readonly giveUp: (error: Error) => void;
}

/** How the connection is. */
export interface UplinkState {
  readonly connected: boolean;
  readonly agentId?: string;
  /** Why there is no connection. */
  readonly lastError?: string;
  readonly joined: readonly string[];
  readonly notJoined: readonly NotJoined[];
}

/** Closed by the server because another session has proved our key. */
const displaced = 4409;
const displacedMessage =
  "another session of the same identity has taken over; one identity is one session: " +
  "give each program and each machine one of its own";
const displacedCode = "SESSION_DISPLACED";
/** Closed by the server because a message was too long (RFC 6455 §7.4.1). */
const tooLong = 1009;
/** How often a channel that did not exist, or was closed to this agent, is tried again, milliseconds. */
const askMs = 30_000;
/** The sender of invitations (AgentChat §4.3). */
const server = "@server";

/**
 * The daemon's connection to its server: it is made again whenever it is lost, joins its channels again, and tells for
 * each line of the outbox whether the server has taken it.
 */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #channels: Channels;
  readonly #backoff = new Backoff(steadyMs);
  readonly #comeback = new Comeback();
  readonly #ready = new ResettableEvent();
  /** One call at a time: if a server does not say what it refuses, it is what was said last. */
  readonly #calls = new SerialQueue();
  #phase: "idle" | "connecting" | "ready" | "waiting" | "closed" = "idle";
  #client: DaemonClient | undefined;
  /** Aborted when the present connection, or the attempt to make one, has ended. */
  #ended = new AbortController();
  #check = new DeliveryCheck();
  #retry: NodeJS.Timeout | undefined;
  #asking: NodeJS.Timeout | undefined;
  #sentLine: SentLine | undefined;
  #lastError: string | undefined;
  /** How the connection that is being made was lost. */
  #lostBy: Error | undefined;
  /** Channels that wait to be tried again. */
  #asks = 0;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#channels = new Channels(options.channels, options.log, (code, message) => {
      options.hear(inboxError(code, message));
    });
  }

  /** Its `@agent-id`; undefined while there is no connection. */
  get agentId(): string | undefined {
    return this.#phase === "ready" ? this.#client?.agentId : undefined;
  }

  get state(): UplinkState {
    const { agentId } = this;
    const { joined, notJoined } = this.#channels;
    return {
      connected: this.#phase === "ready",
      joined,
      notJoined,
      ...(agentId !== undefined && { agentId }),
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
    };
  }

  /** Channels joined by lines of the outbox: the process after this one should join them, too, by {@link alsoJoin}. */
  get addedChannels(): readonly string[] {
    return this.#channels.added;
  }

  /** Adds channels to those that it was made with; to be called before {@link open}. */
  alsoJoin(channels: readonly string[]): void {
    this.#channels.addAll(channels);
  }

  /** Tries to connect once, then goes on trying by itself. Never rejects: see `giveUp`. */
  async open(): Promise<void> {
    if (this.#phase === "closed") return;
    this.#phase = "connecting";
    const signal = this.#begin();
    let client: DaemonClient | undefined;
    try {
      this.#client = client = await this.#make();
      signal.throwIfAborted(); // closed meanwhile
      await client.connect();
      await this.#channels.joinAll(client, signal);
      signal.throwIfAborted();
    } catch (thrown) {
      this.#channels.lost();
      await this.#drop(client);
      this.#failed(isHopeless(thrown) ? thrown : (this.#lostBy ?? thrown)); // many a server refuses, then hangs up
      return;
    }
    this.#phase = "ready";
    this.#backoff.ready();
    this.#comeback.ready();
    this.#lastError = undefined;
    this.#options.log.info({ agent: client.agentId }, "connected");
    this.#asking = setInterval(() => {
      if (this.#asks === 0) this.#askFor(this.#channels.missing());
    }, askMs);
    this.#options.changed();
    this.#ready.set();
  }

  /** Waits for a connection, at most `ms`. @returns whether there is one */
  connected(signal: AbortSignal, ms: number): Promise<boolean> {
    return this.#ready.wait(signal, ms);
  }

  /**
   * Says a line of the outbox and waits until the server has dealt with it.
   * @param id of a message, the same each time
   */
  deliver(line: Outgoing, id: string): Promise<Delivery> {
    return this.#calls.run(() => this.#deliver(line, id));
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#phase = "closed";
    this.#ended.abort();
    this.#ready.reset();
    clearTimeout(this.#retry);
    clearInterval(this.#asking);
    this.#channels.lost();
    await this.#drop(this.#client);
  }

  async #deliver(line: Outgoing, id: string): Promise<Delivery> {
    const client = this.#client;
    if (this.#phase !== "ready" || client === undefined)
      return { kind: "later", code: "CLOSED", message: "not connected", afterMs: 0 };
    const sentLine = new SentLine(line.type, id);
    this.#sentLine = sentLine;
    const { signal } = this.#ended;
    try {
      if (line.type === "MSG" && line.to.startsWith("#")) await this.#channels.enterFor(client, line.to);
      await say(client, line, id, () => this.#check.wait(client, sentLine, signal));
    } catch (thrown) {
      sentLine.fail(thrown instanceof Error ? thrown : new Error(String(thrown)));
    } finally {
      this.#sentLine = undefined;
    }
    // The late answer to this PING would be taken for the answer to the next one, and so on.
    if (this.#client === client && isByPing(line) && errorCode(sentLine.failure) === "TIMEOUT")
      this.#lost(Object.assign(new Error("no answer to a PING"), { code: "TIMEOUT" }));
    const addressee = "agent" in line ? line.agent : "to" in line ? line.to : undefined;
    const { failure } = sentLine;
    const delivery: Delivery = failure === undefined ? { kind: "sent" } : deliveryOf(failure, addressee);
    if (delivery.kind !== "later") {
      this.#channels.note(line, delivery.kind === "sent");
      if ("channel" in line || line.type === "MSG") this.#options.changed();
    }
    return delivery;
  }

  #begin(): AbortSignal {
    this.#lostBy = undefined;
    this.#ended = new AbortController();
    this.#check = new DeliveryCheck();
    return this.#ended.signal;
  }

  async #make(): Promise<DaemonClient> {
    const { makeClient } = this.#options;
    const client: DaemonClient = await makeClient({
      event: (event) => {
        this.#hear(event);
      },
      refused: (error) => {
        this.#refused(error);
      },
      closed: (end) => {
        if (this.#client === client) this.#closed(end);
      },
    });
    return client;
  }

  #hear(event: Readonly<Record<string, unknown>>): void {
    // That the channels are joined again is no news for the reader of the inbox.
    if (event["type"] === "JOINED" && this.#phase !== "ready") return;
    this.#options.hear(event);
    if (event["type"] === "MSG" && event["from"] === server)
      this.#askFor(this.#channels.missing(String(event["content"])));
  }

  #askFor(channels: readonly string[]): void {
    const client = this.#client;
    for (const channel of channels) {
      this.#asks += 1;
      void this.#calls.run(async () => {
        this.#asks -= 1;
        if (client === undefined || this.#client !== client) return;
        try {
          await this.#channels.ask(client, channel);
        } catch (thrown) {
          this.#options.log.info({ channel, code: errorCode(thrown) }, "channel could not be asked for");
        }
        this.#options.changed();
      });
    }
  }

  #refused(error: Error): void {
    if (this.#sentLine?.refuse(error) === true) return;
    const ref = refOf(error);
    const code = errorCode(error);
    this.#options.log.warn({ code, ...(ref !== undefined && { ref }) }, "refused by the server");
    if (ref !== undefined) this.#options.hear({ ...inboxError(code, error.message), ref });
  }

  #closed({ code, reason = "" }: { readonly code: number; readonly reason?: string }): void {
    if (code === tooLong)
      this.#sentLine?.fail(
        Object.assign(new Error("the server takes no message of this length"), { code: "TOO_LONG" }),
      );
    this.#lost(
      Object.assign(new Error(`the connection was closed: ${code} ${reason}`.trim()), {
        code: code === displaced ? displacedCode : "CLOSED",
      }),
    );
  }

  #lost(by: Error): void {
    const client = this.#client;
    this.#client = undefined;
    this.#lostBy = by;
    this.#ended.abort();
    this.#ready.reset();
    clearInterval(this.#asking);
    if (this.#phase !== "ready") return; // closed on purpose, or open() notices
    this.#options.log.warn({ code: errorCode(by), cause: by.message }, "connection lost");
    this.#backoff.lost();
    this.#channels.lost();
    void this.#drop(client);
    this.#failed(by);
  }

  #failed(thrown: unknown): void {
    if (this.#phase === "closed") return;
    const code = errorCode(thrown);
    const isDisplaced = code === displacedCode;
    const cause = isDisplaced ? displacedMessage : whyNot(thrown);
    this.#lastError = cause;
    if (isHopeless(thrown)) {
      this.#phase = "closed";
      this.#options.log.warn({ code, cause }, "the daemon gives up: trying again cannot help");
      this.#options.hear(inboxError(code, `${cause}; the daemon has ended`));
      this.#options.changed();
      this.#options.giveUp(thrown instanceof Error ? thrown : Object.assign(new Error(cause), { code }));
      return;
    }
    this.#phase = "waiting";
    const inMs = isDisplaced ? this.#comeback.next() : Math.round(this.#backoff.next());
    this.#options.log.info({ code, cause, inMs }, "connects again");
    if (isDisplaced) this.#options.hear(inboxError(code, `${cause}; the daemon comes back in ${inMs / 1_000} s`));
    this.#retry = setTimeout(() => {
      void this.open();
    }, inMs);
    this.#options.changed();
  }

  async #drop(client: DaemonClient | undefined): Promise<void> {
    if (this.#client === client) this.#client = undefined;
    try {
      await client?.disconnect();
    } catch (thrown) {
      this.#options.log.warn({ code: errorCode(thrown) }, "connection could not be closed in order");
    }
  }
}

/** True for lines that are known to be taken by the answer to a PING. */
function isByPing({ type }: Outgoing): boolean {
  return type === "MSG" || type === "INVITE";
}
