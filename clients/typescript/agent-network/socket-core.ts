import type { Clock } from "../../../src/core/clock.js";
import { Application } from "./application.js";
import { OpenCalls } from "./calls.js";
import { Connection } from "./connection.js";
import { pinsMax } from "./conversations/peers.js";
import { fromBase64 } from "./crypto/base64.js";
import { Degradation, type Trouble } from "./delivery/degradation.js";
import type { DeliveryReport } from "./delivery/reports.js";
import { Desk } from "./desk.js";
import { keyHasChanged, networkError, NetworkError } from "./error.js";
import type { Face } from "./face.js";
import { parseFrame, system, writeFrame, type NetworkFrame } from "./frames.js";
import type { AuthToken } from "./login-token.js";
import { MessageLog } from "./message-log.js";
import { entryOf, type Message } from "./message.js";
import { Metrics } from "./metrics.js";
import { defaults, type FullOptions, type SocketOptions } from "./options.js";
import { openParts, type Parts } from "./parts.js";
import type { Platform } from "./platform.js";
import { Proposals } from "./proposals.js";
import { openRecords } from "./records.js";
import { SecurityEvents } from "./security-events.js";
import { readSystem, type Refusal } from "./system-frames.js";
import { Talking } from "./talking.js";
import { ClientClock } from "../shared/client-clock.js";
import type { Closed, WebSocketConstructor } from "./web-socket.js";

/** What a client is made of, and how its parts work together; its face is what the application sees. */
export class SocketCore {
  readonly talking: Talking;
  readonly desk: Desk;
  readonly proposals: Proposals;
  readonly events: SecurityEvents;
  readonly metrics = new Metrics();
  readonly log: MessageLog;
  connection: Connection | undefined;
  readonly #face: Face;
  readonly #application: Application;
  readonly #login: { readonly url: string; readonly authToken: AuthToken };
  readonly #options: FullOptions;
  readonly #platform: Platform;
  readonly #clock: Clock;
  readonly #calls: OpenCalls;
  readonly #degradation: Degradation;
  // bound: messages that are being handed over · evicts: with the message · owner: SocketCore
  readonly #untold = new WeakMap<Message, NetworkError>();
  #parts: Parts | undefined;
  #opening: Promise<Parts> | undefined;
  #closing: Promise<void> | undefined;
  #attemptAt = 0;
  /** `closing`: handlers that run may still say something. */
  #phase: "open" | "closing" | "closed" = "open";

  constructor(
    face: Face,
    login: { readonly url: string; readonly authToken: AuthToken },
    options: SocketOptions,
    platform: Platform,
  ) {
    this.#face = face;
    this.#application = new Application(face);
    this.#login = login;
    this.#options = { ...defaults, ...options };
    this.#platform = platform;
    const clock = options.clock ?? new ClientClock();
    this.#clock = clock;
    this.log = new MessageLog(() => clock.now());
    this.#calls = new OpenCalls(clock);
    this.events = new SecurityEvents((event) => {
      if (event.kind === "key-changed") this.#calls.failSealed(event.peer, keyHasChanged(event.message));
      this.#application.safely(() => {
        face.handleEncryptionError(event);
      });
    });
    this.proposals = new Proposals(clock, (proposal) => {
      this.#application.safely(() => {
        face.onProposal(proposal);
      });
    });
    this.#degradation = new Degradation(clock, (report) => {
      this.#application.safely(() => {
        face.onDegraded(report);
      });
    });
    const { answerTimeoutMs, conversationId } = this.#options;
    const common = { agentId: face.agentId, calls: this.#calls, answerTimeoutMs, now: () => clock.now() };
    this.talking = new Talking({
      ...common,
      clock,
      conversationId,
      proposals: this.proposals,
      open: () => this.open(),
      keep: async (message) => {
        const { outbox, conversations } = await this.open();
        await outbox.add(message);
        const { messageId, recipientId, metadata } = message;
        const refused = metadata.encrypted === false ? undefined : conversations.refusal(recipientId);
        if (refused !== undefined) this.#calls.fail(messageId, keyHasChanged(refused.message));
        this.#record({
          ...message,
          senderId: face.agentId,
          sealed: message.metadata.encrypted !== false,
          verified: true,
        });
      },
    });
    this.desk = new Desk({
      ...common,
      send: (text) => this.connection?.send(text) ?? false,
      failed: (error) => {
        this.failed(error);
      },
    });
  }

  /** Reads the keys and what is kept, once. A failure is tried again at the next call. */
  open(): Promise<Parts> {
    const isTooLate = this.#phase === "closed" || (this.#phase === "closing" && this.#opening === undefined);
    if (isTooLate) return Promise.reject(wasClosed());
    this.#opening ??= this.#openParts().catch((thrown: unknown) => {
      this.#opening = undefined;
      throw thrown;
    });
    return this.#opening;
  }

  /** Resolves at CONNECTED. @throws NetworkError */
  async connect(): Promise<void> {
    await this.open();
    const WebSocket = this.#options.WebSocket ?? (await this.#platform.webSocket());
    if (this.#phase !== "open") throw wasClosed();
    this.connection ??= this.#makeConnection(WebSocket);
    await this.connection.connect();
  }

  /** Says goodbye and wipes keys. What is kept stays kept. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#phase = "closing";
    const parts = await this.#opening?.catch(() => undefined);
    await parts?.drain();
    this.#phase = "closed";
    await this.talking.settled();
    await this.connection?.close();
    this.#calls.failAll(wasClosed());
    this.proposals.close();
    this.#degradation.close();
    await parts?.close();
  }

  /** What came on the line. */
  text(data: unknown): void {
    if (typeof data !== "string") return;
    const parsed = parseFrame(data);
    if ("problem" in parsed) {
      this.events.tell({
        kind: "malformed",
        peer: system,
        message: `the broker has sent ${parsed.problem}; it was dropped`,
      });
      return;
    }
    const { frame } = parsed;
    this.log.add("RECEIVED", frame, data.length);
    if (frame.senderId === system) this.#system(frame);
    else this.#parts?.incoming.take(frame, data.length);
  }

  /** A frame of an agent, as if it had come on the line. */
  take(frame: NetworkFrame): void {
    if (frame.senderId !== system) this.#parts?.incoming.take(frame, writeFrame(frame).length);
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#clock.now();
  }

  /** Sends a heartbeat, if there is a line. */
  beat(): void {
    this.connection?.send(writeFrame(this.desk.frame("HEARTBEAT", { timestamp: this.#clock.now() })));
  }

  /** The error of an ERROR that nothing else tells. */
  untold(message: Message): NetworkError | undefined {
    return this.#untold.get(message);
  }

  /** Something failed that nobody waits for. */
  failed(error: Error): void {
    this.#application.failed(error);
  }

  async #openParts(): Promise<Parts> {
    const { agentId } = this.#face;
    const damaged = (problem: Error): void => {
      this.failed(problem);
    };
    const parts = await openParts(() => openRecords(agentId, this.#options, this.#platform, damaged), {
      agentId,
      clock: this.#clock,
      seedMode: this.#options.seedMode,
      events: this.events,
      calls: this.#calls,
      write: (frame) => {
        const text = writeFrame(frame);
        const isSent = this.connection?.send(text) ?? false;
        if (isSent) this.log.add("SENT", frame, text.length);
        return isSent;
      },
      reported: (report) => {
        this.#reported(report);
      },
      handshaken: (frame, isNew) => {
        if (isNew) this.#met(frame.senderId);
        this.#application.handle({ ...frame, sealed: false, verified: true });
      },
      offerWanted: () => {
        this.#trouble("sealing");
      },
      note: (message) => {
        this.proposals.heard(message);
      },
      hear: (message) => {
        this.metrics.heard();
        return this.#application.hear(message);
      },
      record: (message) => {
        this.#record(message);
      },
      failed: (what, thrown) => {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        this.failed(new NetworkError("MESSAGE_ERROR", `${what}: ${error.message}`, { cause: error }));
      },
    });
    this.#parts = parts;
    const { signing, agreement } = parts.conversations.identity;
    this.#face.keyPair = { publicKey: agreement.publicKey, signingKey: signing.publicKey };
    for (const { peer } of parts.conversations.peers()) this.#know(peer);
    return parts;
  }

  #makeConnection(WebSocket: WebSocketConstructor): Connection {
    const { heartbeatMs, connectTimeoutMs } = this.#options;
    const { agentId } = this.#face;
    return new Connection({
      ...this.#login,
      agentId,
      WebSocket,
      clock: this.#clock,
      connectTimeoutMs,
      heartbeatMs,
      stretch: () => this.#degradation.factor,
      begun: () => {
        this.#attemptAt = this.#clock.monotonic();
      },
      say: (messageType, content) => writeFrame(this.desk.frame(messageType, content)),
      text: (text) => {
        this.#application.safely(() => {
          this.#face.handleIncomingMessage(text);
        });
      },
      up: ({ messagesPerSecond, messageBurst }) => {
        this.metrics.connected(this.#clock.monotonic() - this.#attemptAt);
        this.#parts?.outbox.rate({
          ...(messagesPerSecond !== undefined && { messagesPerSecond }),
          ...(messageBurst !== undefined && { messageBurst }),
        });
        this.#parts?.outbox.lineUp();
        this.desk.lineUp();
        this.#application.safely(() => {
          this.#face.onOpen();
        });
      },
      down: (closed, willRetry) => {
        this.#down(closed, willRetry);
      },
      failed: (error) => {
        if (error.code === "AUTHENTICATION_FAILED") this.#trouble("refused-login");
        this.failed(error);
      },
      silent: () => {
        this.#trouble("no-echo");
      },
    });
  }

  #down(closed: Closed, willRetry: boolean): void {
    this.#parts?.outbox.lineDown();
    if (willRetry) this.#trouble("line-lost");
    this.#calls.failAll(
      networkError("CONNECTION_ERROR", "the connection was lost before the broker had answered"),
      system,
    );
    this.#application.safely(() => {
      this.#face.handleDisconnection(closed);
    });
  }

  #system(frame: NetworkFrame): void {
    const message: Message = { ...frame, sealed: false, verified: false };
    const told = readSystem(frame);
    this.connection?.hear(told);
    if (this.connection?.phase !== "ready") return; // before the login nobody else is spoken to
    const outbox = this.#parts?.outbox;
    if (told.type === "ACK") outbox?.acked(told.messageId);
    else if (told.type === "PRESENCE") outbox?.present(told.agentId);
    else if (told.type === "RESPONSE") this.#calls.answer(message);
    else if (told.type === "ERROR") {
      const untold = this.#refused(told.refusal, told.originalMessageId);
      if (untold !== undefined) this.#untold.set(message, untold);
    }
    this.#application.tell(message);
  }

  /** @returns what nobody is told otherwise */
  #refused(
    { errorCode, message, details, recoverable, retryAfter }: Refusal,
    about: string | undefined,
  ): NetworkError | undefined {
    const error = new NetworkError(errorCode, message, details);
    if (about === undefined) return errorCode === "AUTHENTICATION_FAILED" ? undefined : error; // the connection tells it
    // What is kept is said again, or told as failed when it is given up; so are offers of handshakes.
    const isKept = this.#face.pendingMessages.has(about);
    this.#parts?.outbox.refused(about, errorCode, details, recoverable, retryAfter);
    return isKept || recoverable || this.#calls.fail(about, error) ? undefined : error;
  }

  #record(message: Omit<Message, "timestamp">): void {
    const entry = entryOf(message, this.#face.agentId, this.#clock.now());
    this.#application.safely(() => {
      this.#face.onTranscript(entry);
    });
    if (!this.#options.transcript) return;
    this.#parts?.records.transcript?.add(entry).catch((thrown: unknown) => {
      this.failed(new NetworkError("MESSAGE_ERROR", `the transcript could not be kept: ${String(thrown)}`));
    });
  }

  #reported(report: DeliveryReport): void {
    const { messageId, state, reason, message = "" } = report;
    const isOver = state === "delivered" || state === "failed";
    if (isOver) this.#face.pendingMessages.delete(messageId);
    else this.#face.pendingMessages.set(messageId, report);
    this.metrics.report(report);
    if (state === "failed")
      this.#calls.fail(messageId, networkError("MESSAGE_ERROR", `it was not delivered: ${message}`, { reason }));
    this.#application.safely(() => {
      this.#face.onDelivery(report);
    });
  }

  #met(peer: string): void {
    const facts = this.#know(peer);
    if (facts !== undefined)
      this.#application.safely(() => {
        this.#face.onPeer(facts);
      });
  }

  #know(peer: string) {
    const facts = this.#parts?.conversations.peers().find((one) => one.peer === peer);
    const key = facts && fromBase64(facts.publicKey);
    if (key !== undefined) {
      const { knownAgents } = this.#face;
      knownAgents.set(peer, key);
      const [oldest] = knownAgents.keys();
      if (knownAgents.size > pinsMax && oldest !== undefined) knownAgents.delete(oldest);
    }
    return facts;
  }

  #trouble(kind: Trouble): void {
    if (this.#phase === "open") this.#degradation.trouble(kind);
  }
}

function wasClosed(): NetworkError {
  return networkError("CLOSED", "this client was closed; make a new one");
}
