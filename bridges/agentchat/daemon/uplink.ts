import { Backoff } from "../client-backoff.js";
import { errorCode, type ClientHears, type DaemonClient } from "./daemon-client.js";
import { Gate, pause } from "./gate.js";
import type { DaemonLog } from "./log.js";
import type { Outgoing } from "./outbox-line.js";

/** What became of a message. */
export type Delivery =
  | { readonly kind: "sent" }
  /** The server will never take it. */
  | { readonly kind: "refused"; readonly code: string }
  /** Whether it was taken is unknown, or it was not for now: the same message again, with the same id. */
  | { readonly kind: "later"; readonly code: string; readonly afterMs: number };

/** What a connection to the server is made of. */
export interface UplinkOptions {
  readonly makeClient: (hears: ClientHears) => DaemonClient;
  readonly channels: readonly string[];
  readonly log: DaemonLog;
  readonly hear: (event: Readonly<Record<string, unknown>>) => void;
  /** The server, or the identity file, will not have us back: trying again cannot help. */
  readonly giveUp: (error: Error) => void;
}

/** Closed by the server because another session has proved our key. */
const displaced = 4409;
/** Closed by the server because a message was too long (RFC 6455 §7.4.1). */
const tooLong = 1009;
const hopeless = /^(SESSION_DISPLACED|VERIFICATION_FAILED|INVALID_NAME|IDENTITY_[A-Z]+)$/;
/** Errors that say nothing against the message itself. Whatever else a server answers, it will answer again. */
const passing = /^(RATE_LIMITED|CLOSED|TIMEOUT|INTERNAL|AUTH_REQUIRED|SESSION_DISPLACED|E(?:CONN|PIPE|HOST|NET|TIMEDOUT|NOTFOUND|AI)[A-Z_]*|Error|TypeError)$/;
const joinTries = 10;
const retryMs = 1_000;

/** The daemon's line to its server: comes back whenever it is lost, into its channels, and says of each message whether the server has taken it. */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #backoff = new Backoff(Math.random);
  readonly #ready = new Gate();
  readonly #closing = new AbortController();
  #phase: "idle" | "connecting" | "ready" | "waiting" | "closed" = "idle";
  #client: DaemonClient | undefined;
  #readyAt = 0;
  #retry: NodeJS.Timeout | undefined;
  /** The message under way, and what came against it. */
  #underWay: { readonly id: string; against?: Error } | undefined;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  /** Its `@agent-id`; undefined while there is no connection. */
  get agentId(): string | undefined {
    return this.#phase === "ready" ? this.#client?.agentId : undefined;
  }

  /** Tries to connect once, then goes on trying by itself. Never rejects: see `giveUp`. */
  async open(): Promise<void> {
    if (this.#phase === "closed") return;
    this.#phase = "connecting";
    let client: DaemonClient | undefined;
    try {
      const made = this.#make();
      this.#client = client = made;
      await client.connect();
      await this.#joinAll(client);
      if (this.#client !== client) throw new Error("the connection was lost at once");
    } catch (thrown) {
      await this.#drop(client);
      this.#failed(thrown);
      return;
    }
    this.#phase = "ready";
    this.#readyAt = Date.now();
    this.#options.log.info({ agent: client.agentId }, "connected");
    this.#ready.open();
  }

  /** Waits for a connection, at most `ms`. @returns whether there is one */
  connected(signal: AbortSignal, ms: number): Promise<boolean> {
    return this.#ready.passed(signal, ms);
  }

  /** Sends a message and waits until the server has dealt with it. One at a time. */
  async deliver({ to, content, inReplyTo }: Outgoing, id: string): Promise<Delivery> {
    const client = this.#client;
    if (this.#phase !== "ready" || client === undefined) return { kind: "later", code: "CLOSED", afterMs: 0 };
    const underWay: { readonly id: string; against?: Error } = { id };
    this.#underWay = underWay;
    try {
      await client.send(to, content, { msgId: id, ...(inReplyTo !== undefined && { inReplyTo }) });
      await client.ping();
    } catch (thrown) {
      underWay.against ??= thrown instanceof Error ? thrown : new Error(String(thrown));
    } finally {
      this.#underWay = undefined;
    }
    return underWay.against === undefined ? { kind: "sent" } : deliveryOf(underWay.against);
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#phase = "closed";
    this.#closing.abort();
    this.#ready.shut();
    clearTimeout(this.#retry);
    await this.#drop(this.#client);
  }

  #make(): DaemonClient {
    const { makeClient, hear } = this.#options;
    const client: DaemonClient = makeClient({
      event: hear,
      refused: (error) => {
        this.#refused(error);
      },
      closed: ({ code }) => {
        if (this.#client === client) this.#lost(code);
      },
    });
    return client;
  }

  async #joinAll(client: DaemonClient): Promise<void> {
    for (const channel of this.#options.channels) await this.#join(client, channel);
  }

  async #join(client: DaemonClient, channel: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await client.join(channel);
        return;
      } catch (thrown) {
        const code = errorCode(thrown);
        if (code !== "RATE_LIMITED" && passing.test(code)) throw thrown;
        if (code !== "RATE_LIMITED" || tries === joinTries) {
          this.#options.log.warn({ channel, code }, "channel could not be joined; it is asked for again after the next reconnect");
          return;
        }
        await pause(this.#closing.signal, retryAfter(thrown));
      }
    }
  }

  #refused(error: Error): void {
    const ref = "ref" in error ? error.ref : undefined;
    const underWay = this.#underWay;
    // Servers of other makers give no ref: what answers no call is about the one message under way, unless it says that something could not be read, by whichever side.
    if (underWay !== undefined && ((ref === undefined && errorCode(error) !== "INVALID_MSG") || ref === underWay.id || ref === "MSG")) underWay.against ??= error;
    else this.#options.log.warn({ code: errorCode(error), ...(typeof ref === "string" && { ref }) }, "refused by the server");
  }

  #lost(code: number): void {
    const client = this.#client;
    this.#client = undefined;
    this.#ready.shut();
    if (code === tooLong && this.#underWay !== undefined) this.#underWay.against ??= Object.assign(new Error("the server takes no message of this length"), { code: "TOO_LONG" });
    if (this.#phase !== "ready") return; // closed on purpose, or open() notices
    this.#options.log.warn({ code }, "connection lost");
    this.#backoff.lost(Date.now() - this.#readyAt);
    void this.#drop(client);
    this.#failed(Object.assign(new Error(`the connection was closed: ${code}`), { code: code === displaced ? "SESSION_DISPLACED" : "CLOSED" }));
  }

  #failed(thrown: unknown): void {
    if (this.#phase === "closed") return;
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const code = errorCode(error);
    if (hopeless.test(code)) {
      this.#phase = "closed";
      this.#options.log.warn({ code }, "the daemon gives up: trying again cannot help");
      this.#options.giveUp(error);
      return;
    }
    this.#phase = "waiting";
    const inMs = Math.round(this.#backoff.next());
    this.#options.log.info({ code, inMs }, "connects again");
    this.#retry = setTimeout(() => {
      void this.open();
    }, inMs);
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

function deliveryOf(against: Error): Delivery {
  const code = errorCode(against);
  return passing.test(code) ? { kind: "later", code, afterMs: retryAfter(against) } : { kind: "refused", code };
}

/** Milliseconds until it may be tried again. */
function retryAfter(thrown: unknown): number {
  return thrown instanceof Error && "retryAfterMs" in thrown && typeof thrown.retryAfterMs === "number" ? Math.min(thrown.retryAfterMs, 60_000) : retryMs;
}
