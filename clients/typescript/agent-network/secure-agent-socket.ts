import { conversationOf } from "./composing.js";
import {
  readContent,
  type ContentOf,
  type KnownType,
  type ProposalDetails,
  type QueryParameters,
  type QueryType,
  type RejectionReason,
} from "./contents.js";
import type { PeerFacts } from "./conversations/conversations.js";
import { fingerprint } from "./crypto/fingerprint.js";
import type { DegradedReport } from "./delivery/degradation.js";
import type { DeliveryReport } from "./delivery/reports.js";
import { keptError, networkError } from "./error.js";
import type { Face, MessageHandler, PublicKeys } from "./face.js";
import { readFrame, type Fields, type NetworkFrame } from "./frames.js";
import type { AuthToken } from "./login-token.js";
import type { LoggedFrame } from "./message-log.js";
import type { Message } from "./message.js";
import type { MetricsReport } from "./metrics.js";
import { checkLogin, checkSocketOptions, type CallOptions, type SendOptions, type SocketOptions } from "./options.js";
import type { Platform } from "./platform.js";
import type { Proposal } from "./proposals.js";
import type { TranscriptEntry, TranscriptRange } from "./store/transcript.js";
import type { SecurityEvent, SecurityKind } from "./security-events.js";
import { SocketCore } from "./socket-core.js";
import type { DeskAnswer } from "./system-frames.js";
import type { Answer, Decision, Said } from "./talking.js";
import type { Closed, WebSocketLike } from "./web-socket.js";

/**
 * An agent of the Agent Network, with the names that the document gives it: connects, seals what it says, opens what it
 * hears, keeps what is not delivered yet (Agent Network §10–14). Each platform gives it its WebSocket and its store.
 */
export class AgentSocket implements Face {
  readonly serverUrl: string;
  readonly authToken: AuthToken;
  readonly agentId: string;
  /** The public halves of this agent's keys; null until `connect` or `generateKeyPair`. */
  keyPair: PublicKeys | null = null;
  /** Long-term X25519 public keys, by agent. */
  // bound: peers that are pinned (Agent Network §14.2) · evicts: with its pin · owner: AgentSocket
  readonly knownAgents = new Map<string, Uint8Array>();
  /** Who hears what: by `messageType`, that of a sealed message as it was before it was sealed. */
  // bound: what the application sets · evicts: the application · owner: AgentSocket
  readonly messageHandlers = new Map<string, MessageHandler>();
  /** What was said and is not delivered, by `messageId`: how far it is. */
  // bound: what the outbox keeps · evicts: with its receipt or its failure · owner: AgentSocket
  readonly pendingMessages = new Map<string, DeliveryReport>();

  /** Logged in; also after each reconnect. */
  onOpen: () => void = () => undefined;
  /** The connection was up and is gone. */
  onClose: (event: Closed) => void = () => undefined;
  /** Something failed that nobody waits for; the message names the remedy. */
  onError: (error: Error) => void = () => undefined;
  /** Each message that can be read, after its handler: opened, plain, or the broker's. */
  onMessage: (message: Message) => unknown = () => undefined;
  /** What was said and heard, for the user's eyes (the document: Transparent Operation). */
  onTranscript: (entry: TranscriptEntry) => void = () => undefined;
  /** Something was refused, or is missing (Agent Network §14.4). */
  onSecurityEvent: (event: SecurityEvent) => void = () => undefined;
  /** How far a message of ours is. */
  onDelivery: (report: DeliveryReport) => void = () => undefined;
  /** A conversation with this peer has a new key. */
  onPeer: (peer: PeerFacts) => void = () => undefined;
  /** The line goes on being bad, or is good again. */
  onDegraded: (report: DegradedReport) => void = () => undefined;
  /** A proposal of either side has changed its status. */
  onProposal: (proposal: Proposal) => void = () => undefined;

  readonly #core: SocketCore;
  #roundTripMs: number | undefined;

  /**
   * @param authToken a token, or a function that brings one: called at each connect, and before the token ends
   * @throws NetworkError INVALID_MESSAGE_FORMAT for an option that is none, or of no use
   */
  constructor(serverUrl: string, authToken: AuthToken, agentId: string, options: SocketOptions, platform: Platform) {
    checkLogin(serverUrl, authToken, agentId);
    checkSocketOptions(options);
    this.serverUrl = serverUrl;
    this.authToken = authToken;
    this.agentId = agentId;
    this.#core = new SocketCore(this, { url: serverUrl, authToken }, options, platform);
    this.registerDefaultHandlers();
  }

  /** The WebSocket of now. */
  get socket(): WebSocketLike | null {
    return this.#core.connection?.socket ?? null;
  }

  /** How long the last heartbeat took to the broker and back, milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Attempts to connect since the connection was last up. */
  get reconnectAttempts(): number {
    return this.#core.connection?.attempts ?? 0;
  }

  /** True while it connects again by itself. */
  get reconnecting(): boolean {
    const phase = this.#core.connection?.phase;
    return phase === "waiting" || (phase === "connecting" && this.reconnectAttempts > 1);
  }

  /**
   * Connects and logs in; resolves at CONNECTED. A loss is made good by itself. If the first attempt fails, it rejects,
   * and goes on trying until `close`, but where the login is refused for good.
   * @throws NetworkError
   */
  connect(): Promise<void> {
    return this.#core.connect();
  }

  /** Says DISCONNECT and wipes all keys from memory. What is kept stays kept: it is said when the agent is back. */
  close(): Promise<void> {
    return this.#core.close();
  }

  /** Sets what happens with a type; what is to be known of its content is looked at before. */
  handle<T extends KnownType>(type: T, handler: (content: ContentOf<T>, message: Message) => unknown): void {
    this.messageHandlers.set(type, (message) => {
      const read = readContent(type, message.content);
      if ("content" in read) return handler(read.content, message);
      this.#core.failed(networkError("INVALID_MESSAGE_FORMAT", `${message.senderId} has said a ${read.problem}`));
      return undefined;
    });
  }

  /**
   * Says something, sealed: it is kept, on disk where there is one, when this resolves, and said as soon as it can be.
   * @throws NetworkError INVALID_MESSAGE_FORMAT; NotTaken where too much waits
   */
  send(to: string, messageType: string, content: Fields, options?: SendOptions): Promise<Said> {
    return this.#core.talking.send(to, messageType, content, options);
  }

  /** Asks an agent; the data of its answer. @throws NetworkError with the code of its error, or TIMEOUT_ERROR */
  query<T extends QueryType | (string & {})>(
    to: string,
    queryType: T,
    parameters: T extends QueryType ? QueryParameters<T> : Fields,
    options?: CallOptions,
  ): Promise<unknown> {
    return this.#core.talking.query(to, queryType, parameters, options);
  }

  /** Answers a QUERY by data, or by an error. */
  respond(query: Message, answer: Answer, options?: SendOptions): Promise<Said> {
    return this.#core.talking.respond(query, answer, options);
  }

  /** Proposes a meeting; resolves when it is decided. With a known `proposalId` it replaces that proposal. */
  propose(
    to: string,
    details: ProposalDetails,
    options?: CallOptions & { readonly proposalId?: string },
  ): Promise<Decision> {
    return this.#core.talking.propose(to, details, options);
  }

  /** Accepts a PROPOSAL. @throws NetworkError where it has expired */
  confirm(proposal: Message, more?: { readonly calendarEventId?: string }, options?: SendOptions): Promise<Said> {
    return this.#core.talking.confirm(proposal, more, options);
  }

  /** Declines a PROPOSAL. @param details why, in words; needed with OTHER */
  reject(proposal: Message, reason: RejectionReason, details?: string, options?: SendOptions): Promise<Said> {
    return this.#core.talking.reject(proposal, reason, details, options);
  }

  /** Says a text, and whatever else is to be said with it. */
  inform(to: string, text: string, more?: Fields, options?: SendOptions): Promise<Said> {
    return this.#core.talking.inform(to, text, more, options);
  }

  /**
   * Asks the broker (Agent Network §5): `agents.list`, `ROOM_JOIN` with `{room}` … Rooms are joined again after a loss.
   * @throws NetworkError
   */
  ask(kind: string, parameters?: Fields, options: { readonly timeoutMs?: number } = {}): Promise<DeskAnswer> {
    return this.#core.desk.ask(kind, parameters, options.timeoutMs);
  }

  /** This agent's fingerprint, for people to compare (Agent Network §10.1). */
  async fingerprint(): Promise<string> {
    return fingerprint((await this.#core.open()).conversations.identity.signing.publicKey);
  }

  /** The fingerprint that is pinned for an agent; undefined for one that was never met. */
  async fingerprintOf(agent: string): Promise<string | undefined> {
    return (await this.peers()).find(({ peer }) => peer === agent)?.fingerprint;
  }

  /** Accepts a key that has changed, or keeps the pinned one: by its fingerprint (Agent Network §10.4). @throws NetworkError */
  async acceptKey(agent: string, shownFingerprint: string): Promise<void> {
    const { conversations, outbox } = await this.#core.open();
    await conversations.acceptKey(agent, shownFingerprint).catch((thrown: unknown) => {
      throw keptError(thrown);
    });
    outbox.keyAccepted(agent);
  }

  /** Forgets an agent and its key: whoever comes by this name next is met for the first time. */
  async forget(agent: string): Promise<void> {
    await (await this.#core.open()).conversations.forget(agent);
    this.knownAgents.delete(agent);
  }

  /** Makes the long-term key anew, and a new handshake in each conversation (Agent Network §10.8). */
  async rotate(): Promise<void> {
    const { conversations } = await this.#core.open();
    await conversations.renewAll();
    const { agreement, signing } = conversations.identity;
    this.keyPair = { publicKey: agreement.publicKey, signingKey: signing.publicKey };
  }

  /** Keys are encrypted by the new passphrase from now on, and renewed (Agent Network §10.8). @throws NetworkError */
  async changePassphrase(old: string, next: string): Promise<void> {
    await (await this.#core.open()).records.changePassphrase(old, next);
    await this.rotate();
  }

  /** All agents that were met. */
  async peers(): Promise<readonly PeerFacts[]> {
    return (await this.#core.open()).conversations.peers();
  }

  /** What was said and heard, the newest first (Agent Network §14.3). */
  async transcript(range: TranscriptRange = {}): Promise<readonly TranscriptEntry[]> {
    return (await (await this.#core.open()).records.transcript?.read(range)) ?? [];
  }

  /** What this client has done so far. */
  metrics(): MetricsReport & { readonly security: Readonly<Record<SecurityKind, number>> } {
    return { ...this.#core.metrics.read(), security: this.#core.events.counts() };
  }

  /** The last frames: who, what and when, never what they say. */
  messageLog(): readonly LoggedFrame[] {
    return this.#core.log.read();
  }

  /** Proposals of either side that are remembered, oldest first. */
  proposals(): readonly Proposal[] {
    return this.#core.proposals.all();
  }

  /** Called by the constructor. What is set here, or later, hears beside what the client does itself. */
  registerDefaultHandlers(): void {
    this.messageHandlers.set("ERROR", (message) => {
      this.handleErrorMessage(message);
    });
    this.messageHandlers.set("HEARTBEAT", (message) => {
      this.handleHeartbeat(message);
    });
  }

  /** What came on the line; called for each. */
  handleIncomingMessage(data: unknown): void {
    this.#core.text(data);
  }

  /** True for what has the eight fields of a frame (Agent Network §1.1). */
  validateMessageStructure(message: unknown): message is NetworkFrame {
    return "frame" in readFrame(message);
  }

  /** Takes a HANDSHAKE as if it had come on the line. */
  handleHandshake(message: NetworkFrame): void {
    this.#core.take(message);
  }

  /** Takes an ENCRYPTED frame as if it had come on the line. */
  handleEncryptedMessage(message: NetworkFrame): void {
    this.#core.take(message);
  }

  /**
   * Opens an ENCRYPTED frame outside of the usual way: it is not handed over and has no receipt. What waited for it is.
   * @throws NetworkError ENCRYPTION_ERROR where it was refused; `onSecurityEvent` says why
   */
  async decryptMessage(message: NetworkFrame): Promise<NetworkFrame> {
    const { conversations, incoming } = await this.#core.open();
    const opened = await conversations.open(message);
    const own = opened.find(({ frame }) => frame.messageId === message.messageId);
    incoming.takeOpened(opened.filter((one) => one !== own));
    if (own === undefined) throw networkError("ENCRYPTION_ERROR", "it was refused, or waits for one before it");
    return { ...message, content: { originalType: own.frame.messageType, data: own.frame.content } };
  }

  /** What an agent sent was refused: `onSecurityEvent` hears it. */
  handleEncryptionError(event: SecurityEvent): void {
    this.onSecurityEvent(event);
  }

  /** The broker's ERROR: `onError` hears it, unless `onDelivery` or a call that waits has told it. */
  handleErrorMessage(message: Message): void {
    const error = this.#core.untold(message);
    if (error !== undefined) this.onError(error);
  }

  /** The echo of a heartbeat: it says how long the way to the broker and back is. */
  handleHeartbeat({ content }: Message): void {
    const { timestamp } = content;
    if (typeof timestamp === "number") this.#roundTripMs = Math.max(0, this.#core.now() - timestamp);
  }

  /** Sends a heartbeat now; the others come by themselves. */
  startHeartbeat(): void {
    this.#core.beat();
  }

  /** Offers a handshake, though there may be nothing to say yet. */
  async sendHandshake(agent: string): Promise<void> {
    (await this.#core.open()).outbox.offerWanted(agent, await conversationOf(this.agentId, agent));
  }

  /** The connection was up and is gone: `onClose` hears it. It is made again by itself. */
  handleDisconnection(event: Closed): void {
    this.onClose(event);
  }

  /** Connects now instead of after the wait. */
  scheduleReconnection(): void {
    this.connect().catch(() => undefined); // `onError` is told
  }

  /** Reads this agent's keys, or makes them. */
  async generateKeyPair(): Promise<PublicKeys> {
    await this.#core.open();
    if (this.keyPair === null) throw networkError("CLOSED", "this client was closed");
    return this.keyPair;
  }
}
