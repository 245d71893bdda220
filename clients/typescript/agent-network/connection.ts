import type { Clock } from "../../../src/core/clock.js";
import { Backoff } from "../shared/backoff.js";
import { networkError, NetworkError } from "./error.js";
import { Heartbeats } from "./heartbeats.js";
import { judge } from "./line-loss.js";
import { Login, type AuthToken } from "./login-token.js";
import type { Connected, Refusal, SystemFrame } from "./system-frames.js";
import { endLine, hearLine, type Closed, type WebSocketConstructor, type WebSocketLike } from "./web-socket.js";

/** A connection held if it was up for so long: the next loss is tried again at once, milliseconds. */
const steadyMs = 1_000;
/** How long the farewell is waited for, milliseconds. */
const farewellMs = 1_000;
/** An attempt that takes too long is given this much more time when it is made again, up to `attemptMaxMs`. */
const patienceGrowth = 1.5;
const attemptMaxMs = 60_000;

/** What a connection needs, and what it tells. */
export interface ConnectionPorts {
  readonly url: string;
  readonly agentId: string;
  readonly authToken: AuthToken;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  /** How long an attempt may take from the first byte to CONNECTED, milliseconds. */
  readonly connectTimeoutMs: number;
  /** Instead of what CONNECTED says. */
  readonly heartbeatMs?: number | undefined;
  /** How many times as far apart heartbeats are for now. */
  stretch(): number;
  /** A frame to `system` as JSON. */
  say(messageType: "HEARTBEAT" | "DISCONNECT", content: Readonly<Record<string, unknown>>): string;
  text(text: string): void;
  up(connected: Connected): void;
  /** A line that was up is gone. `willRetry`: it is made again. */
  down(closed: Closed, willRetry: boolean): void;
  failed(error: NetworkError): void;
  /** An attempt begins. */
  begun(): void;
  /** Heartbeats were not answered. */
  silent(): void;
}

/** One WebSocket, from its making to its end. */
interface Line {
  readonly socket: WebSocketLike;
  readonly release: () => void;
  readonly cancel: () => void;
}

/**
 * The connection of one agent (Agent Network §2): logs in, asks for signs of life, and is made again when it is lost: at
 * once, then after 1 s × 1.5 … 30 s, until `close` or until the broker says that it is of no use.
 */
export class Connection {
  readonly #ports: ConnectionPorts;
  readonly #backoff: Backoff;
  readonly #login: Login;
  readonly #heartbeats: Heartbeats;
  #phase: "idle" | "connecting" | "ready" | "waiting" | "closed" = "idle";
  #line: Line | undefined;
  #cause: string | undefined;
  #refusal: Refusal | undefined;
  #refusedInARow = 0;
  #attempts = 0;
  /** Which attempt it is: what an earlier one still brings is nobody's. */
  #turn = 0;
  #cancelRetry: () => void = () => undefined;
  /** Holds the process while it waits: the clock's timers do not. */
  #anchor: ReturnType<typeof setInterval> | undefined;
  // bound: calls of connect() that wait · evicts: with the outcome of the attempt · owner: Connection
  #outcome: { readonly resolve: () => void; readonly reject: (error: NetworkError) => void }[] = [];

  constructor(ports: ConnectionPorts) {
    this.#ports = ports;
    const { clock, agentId, authToken } = ports;
    this.#backoff = new Backoff(steadyMs, Math.random, () => clock.monotonic());
    this.#login = new Login({
      clock,
      agentId,
      authToken,
      failed: (error) => {
        ports.failed(error);
      },
    });
    this.#heartbeats = new Heartbeats({
      clock,
      stretch: () => ports.stretch(),
      beat: () => this.send(ports.say("HEARTBEAT", { timestamp: clock.now() })),
      lost: () => {
        ports.silent();
        this.#lost({ code: 1006, reason: "" }, "three heartbeats in a row were not answered");
      },
    });
  }

  /** The WebSocket of now. */
  get socket(): WebSocketLike | undefined {
    return this.#line?.socket;
  }

  /** Attempts since the connection was last up. */
  get attempts(): number {
    return this.#attempts;
  }

  get phase(): "idle" | "connecting" | "ready" | "waiting" | "closed" {
    return this.#phase;
  }

  /**
   * Resolves at CONNECTED. Rejects with the first failure; if that is none of the login, it is tried again all the same.
   * @throws NetworkError
   */
  connect(): Promise<void> {
    if (this.#phase === "closed") return Promise.reject(networkError("CLOSED", "it was closed; make a new one"));
    if (this.#phase === "ready") return Promise.resolve();
    const outcome = new Promise<void>((resolve, reject) => {
      this.#outcome.push({ resolve, reject });
    });
    if (this.#phase === "idle") this.#refusedInARow = 0;
    if (this.#phase !== "connecting") void this.#attempt();
    return outcome;
  }

  /** @returns false where there is no line now */
  send(text: string): boolean {
    if (this.#phase !== "ready" || this.#line === undefined) return false;
    this.#line.socket.send(text);
    return true;
  }

  /** What the broker says about the connection itself. */
  hear(frame: SystemFrame): void {
    if (frame.type === "CONNECTED") this.#connected(frame.connected);
    else if (frame.type === "HEARTBEAT") this.#heartbeats.echoed();
    else if (frame.type === "ERROR" && (this.#phase === "connecting" || isOfLogin(frame))) {
      this.#refusal = frame.refusal;
      const { errorCode, message, details } = frame.refusal;
      if (this.#phase === "ready") this.#ports.failed(new NetworkError(errorCode, message, details));
    }
  }

  /** Says goodbye and ends. What is on its way is written before. */
  async close(): Promise<void> {
    const line = this.#line;
    const wasReady = this.#phase === "ready";
    this.#fail(networkError("CLOSED", "it was closed"));
    if (wasReady) this.send(this.#ports.say("DISCONNECT", {}));
    this.#phase = "closed";
    this.#stop();
    if (line === undefined) return;
    await new Promise<void>((resolve) => {
      const over = (): void => {
        cancel();
        release();
        endLine(line.socket);
        resolve();
      };
      const cancel = this.#ports.clock.after(farewellMs, over);
      const ignore = (): undefined => undefined;
      line.release();
      const release = hearLine(line.socket, {
        opened: ignore,
        text: ignore,
        noText: ignore,
        failed: ignore,
        closed: over,
      });
      if (wasReady) return;
      line.socket.close(1000);
      over();
    });
    if (wasReady) this.#ports.down({ code: 1000, reason: "" }, false);
  }

  async #attempt(): Promise<void> {
    this.#stop();
    this.#phase = "connecting";
    this.#ports.begun();
    this.#attempts += 1;
    this.#cause = undefined;
    this.#refusal = undefined;
    const turn = this.#turn;
    const { clock, connectTimeoutMs, url, WebSocket: Socket } = this.#ports;
    const patience = Math.min(connectTimeoutMs * patienceGrowth ** (this.#attempts - 1), attemptMaxMs);
    let hasToken = false;
    const cancel = clock.after(patience, () => {
      const tooLong = `longer than ${Math.round(patience)} ms`;
      if (!hasToken)
        this.#noToken(networkError("AUTHENTICATION_ERROR", `the function that is authToken took ${tooLong}`));
      this.#lost({ code: 1006, reason: "" }, `it took ${tooLong}`);
    });
    this.#cancelRetry = cancel;
    try {
      const auth = await this.#login.frame();
      if (turn !== this.#turn) return;
      hasToken = true;
      const socket = new Socket(url);
      this.#line = { socket, cancel, release: this.#hear(socket, auth) };
    } catch (thrown) {
      if (turn !== this.#turn) return;
      if (thrown instanceof NetworkError) this.#noToken(thrown);
      this.#lost({ code: 1006, reason: "" }, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  /** It is the application's: the broker was not even asked. */
  #noToken({ code, message, details }: NetworkError): void {
    this.#refusal = { errorCode: code, message, details, recoverable: true };
  }

  #hear(socket: WebSocketLike, auth: string): () => void {
    return hearLine(socket, {
      opened: () => {
        socket.send(auth);
      },
      text: (text) => {
        this.#ports.text(text);
      },
      noText: () => {
        this.#cause = "the other side speaks in bytes; is this address an Agent Network's?";
      },
      failed: (message) => {
        this.#cause ??= message;
      },
      closed: (event) => {
        this.#lost(event, this.#cause);
      },
    });
  }

  #connected(connected: Connected): void {
    if (this.#phase !== "connecting" || this.#line === undefined) return;
    this.#phase = "ready";
    this.#line.cancel();
    this.#refusedInARow = 0;
    this.#attempts = 0;
    this.#backoff.ready();
    this.#heartbeats.start(this.#ports.heartbeatMs ?? connected.heartbeatInterval);
    this.#login.keep((text) => this.send(text));
    this.#ports.up(connected);
    for (const { resolve } of this.#outcome.splice(0)) resolve();
  }

  #lost(closed: Closed, cause: string | undefined): void {
    if (this.#phase !== "connecting" && this.#phase !== "ready") return;
    const wasUp = this.#phase === "ready";
    if (closed.code === 4401) this.#refusedInARow += 1;
    const verdict = judge({
      url: this.#ports.url,
      wasUp,
      closed,
      cause,
      refusal: this.#refusal,
      isRenewable: this.#login.isRenewable,
      refusedInARow: this.#refusedInARow,
    });
    const line = this.#line;
    this.#stop();
    if (line !== undefined) endLine(line.socket);
    if (wasUp) this.#backoff.lost();
    const willRetry = verdict.next === "retry";
    this.#phase = willRetry ? "waiting" : "idle";
    if (willRetry) this.#retryIn(Math.max(this.#backoff.next(), verdict.atLeastMs));
    if (wasUp) this.#ports.down(closed, willRetry);
    if (!wasUp || !willRetry) this.#ports.failed(verdict.error);
    this.#fail(verdict.error);
  }

  #retryIn(ms: number): void {
    this.#anchor = setInterval(() => undefined, 2 ** 30);
    this.#cancelRetry = this.#ports.clock.after(ms, () => void this.#attempt());
  }

  #fail(error: NetworkError): void {
    for (const { reject } of this.#outcome.splice(0)) reject(error);
  }

  /** Nothing of the present attempt goes on. */
  #stop(): void {
    this.#turn += 1;
    this.#heartbeats.stop();
    this.#login.stop();
    this.#cancelRetry();
    clearInterval(this.#anchor);
    this.#line?.cancel();
    this.#line?.release();
    this.#line = undefined;
  }
}

/** True for a refusal of the session itself, not of a message. */
function isOfLogin({
  refusal,
  originalMessageId,
}: {
  refusal: Refusal;
  originalMessageId: string | undefined;
}): boolean {
  return refusal.errorCode === "AUTHENTICATION_FAILED" && originalMessageId === undefined;
}
