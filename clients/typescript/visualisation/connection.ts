import type { Clock } from "../../../src/core/clock.js";
import { Backoff } from "../shared/backoff.js";
import { viewerError, ViewerError } from "./error.js";
import { judge, type Closed } from "./loss.js";
import type { Platform, SocketLike } from "./platform.js";
import { Tokens, type Token } from "./tokens.js";

/** A connection held if it was up for so long: the next loss is tried again at once, milliseconds. */
const steadyMs = 1_000;
/** How long a farewell is waited for, milliseconds. */
const farewellMs = 1_000;

/** What a connection needs, and what it tells. */
export interface ConnectionPorts {
  readonly url: string;
  readonly token: Token;
  readonly platform: Platform;
  readonly clock: Clock;
  /** How long an attempt may take from the first byte to the answered handshake, milliseconds. */
  readonly connectTimeoutMs: number;
  /** The first messages. @param token it could not go along, and is said in the handshake */
  greeting(token: string | undefined): readonly string[];
  heartbeat(): string;
  refresh(token: string): string;
  heard(data: string | Uint8Array): void;
  /** A connection that was up is gone. */
  down(error: ViewerError, willRetry: boolean): void;
  failed(error: ViewerError): void;
}

interface Line {
  readonly socket: SocketLike;
  readonly token: string;
  readonly cancel: () => void;
}

/**
 * The connection of one viewer: says who looks, asks for signs of life, and is made again when it is lost: at once, then
 * after 1 s × 1.5 … 30 s, until `close` or until the broker says that it is of no use.
 */
export class Connection {
  readonly #ports: ConnectionPorts;
  readonly #backoff: Backoff;
  readonly #tokens: Tokens;
  #phase: "idle" | "connecting" | "ready" | "waiting" | "closed" = "idle";
  #line: Line | undefined;
  #cause: string | undefined;
  #refusal: ViewerError | undefined;
  #refusedInARow = 0;
  /** Which attempt it is: what an earlier one still brings is nobody's. */
  #turn = 0;
  #isSilent = false;
  #cancelBeat: () => void = () => undefined;
  #cancelRetry: () => void = () => undefined;
  /** Holds the process while it waits: the clock's timers do not. */
  #anchor: ReturnType<typeof setInterval> | undefined;
  // bound: calls of connect() that wait · evicts: with the outcome of the attempt · owner: Connection
  #outcome: { readonly resolve: () => void; readonly reject: (error: ViewerError) => void }[] = [];

  constructor(ports: ConnectionPorts) {
    this.#ports = ports;
    this.#backoff = new Backoff(steadyMs, Math.random, () => ports.clock.monotonic());
    this.#tokens = new Tokens(ports.token, ports.clock);
  }

  get phase(): "idle" | "connecting" | "ready" | "waiting" | "closed" {
    return this.#phase;
  }

  /**
   * Resolves when the handshake is answered. Rejects with the first failure; if another attempt may help, one is made all
   * the same.
   * @throws ViewerError
   */
  connect(): Promise<void> {
    if (this.#phase === "closed") return Promise.reject(viewerError("CLOSED", "it was closed; make a new one"));
    if (this.#phase === "ready") return Promise.resolve();
    const outcome = new Promise<void>((resolve, reject) => {
      this.#outcome.push({ resolve, reject });
    });
    if (this.#phase === "idle") this.#refusedInARow = 0;
    if (this.#phase !== "connecting") void this.#attempt();
    return outcome;
  }

  /** @throws ViewerError CONNECTION_FAILED there is no connection now */
  send(text: string): void {
    if (this.#phase === "ready" && this.#line !== undefined) this.#line.socket.send(text);
    else throw viewerError("CONNECTION_FAILED", "there is no connection now; try again when `open` was told");
  }

  /** The handshake was answered. */
  ready(heartbeatMs: number): void {
    const line = this.#line;
    if (this.#phase !== "connecting" || line === undefined) return;
    this.#phase = "ready";
    line.cancel();
    this.#refusedInARow = 0;
    this.#backoff.ready();
    this.#beat(heartbeatMs);
    this.#tokens.keep(
      line.token,
      (token) => {
        this.send(this.#ports.refresh(token));
      },
      (error) => {
        this.#ports.failed(error);
      },
    );
    for (const { resolve } of this.#outcome.splice(0)) resolve();
  }

  /** The broker has refused something of the connection itself; it closes it where it must. */
  refused(error: ViewerError): void {
    this.#refusal = error;
  }

  /** The other side says what cannot be: it is left, and tried again. */
  abandon(why: string): void {
    this.#lost({ code: 1002, reason: "" }, why);
  }

  /** It cannot work as it is wanted: it is not tried again. */
  giveUp(error: ViewerError): void {
    if (this.#phase !== "connecting") return;
    this.#stop();
    this.#phase = "idle";
    this.#ports.failed(error);
    this.#fail(error);
  }

  /** Ends it. What is on its way is written before. */
  async close(): Promise<void> {
    const line = this.#line;
    const { socket } = line ?? {};
    const wasReady = this.#phase === "ready";
    const error = viewerError("CLOSED", "it was closed");
    this.#phase = "closed";
    this.#line = undefined;
    this.#stop();
    line?.cancel();
    this.#fail(error);
    if (socket === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#ports.clock.after(farewellMs, () => {
        end(socket);
        resolve();
      });
      silence(socket);
      socket.onclose = () => {
        cancel();
        resolve();
      };
      socket.close(1000);
    });
    if (wasReady) this.#ports.down(error, false);
  }

  async #attempt(): Promise<void> {
    this.#stop();
    this.#phase = "connecting";
    this.#cause = undefined;
    this.#refusal = undefined;
    const turn = this.#turn;
    const { url, platform, clock, connectTimeoutMs } = this.#ports;
    try {
      const token = await this.#tokens.fetch();
      if (turn !== this.#turn) return;
      const { socket, tokenInHandshake } = platform.open(url, token);
      const cancel = clock.after(connectTimeoutMs, () => {
        this.#lost({ code: 1006, reason: "" }, `no answer within ${String(connectTimeoutMs)} ms`);
      });
      this.#line = { socket, token, cancel };
      this.#hear(socket, tokenInHandshake);
    } catch (thrown) {
      if (turn !== this.#turn) return;
      if (thrown instanceof ViewerError) this.#refusal = thrown;
      this.#lost({ code: 1006, reason: "" }, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  #hear(socket: SocketLike, token: string | undefined): void {
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      for (const text of this.#ports.greeting(token)) socket.send(text);
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      this.#isSilent = false;
      if (typeof data === "string") this.#ports.heard(data);
      else if (data instanceof ArrayBuffer) this.#ports.heard(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }: Closed) => {
      this.#lost({ code, reason }, this.#cause);
    };
    // A browser tells no reason here, and always closes afterwards; `ws` has an error.
    socket.onerror = ({ error }: { readonly error?: unknown }) => {
      if (!(error instanceof Error)) return;
      const remedy = this.#ports.platform.remedy(error);
      const message = error.message === "" ? error.name : error.message;
      this.#cause ??= remedy === undefined ? message : `${message}; ${remedy}`;
    };
  }

  /** A heartbeat every now and then, which is echoed: without a word since the last one, nobody is there any more. */
  #beat(intervalMs: number): void {
    this.#isSilent = false;
    const wait = (): void => {
      this.#cancelBeat = this.#ports.clock.after(intervalMs, () => {
        if (this.#isSilent) {
          this.#lost({ code: 1006, reason: "" }, "nothing was heard of the broker, not even the echo of a heartbeat");
          return;
        }
        this.#isSilent = true;
        wait();
        this.send(this.#ports.heartbeat());
      });
    };
    wait();
  }

  #lost(closed: Closed, cause: string | undefined): void {
    if (this.#phase !== "connecting" && this.#phase !== "ready") return;
    const wasUp = this.#phase === "ready";
    if (closed.code === 4401) this.#refusedInARow += 1;
    const { retryInMs, error } = judge({
      url: this.#ports.url,
      wasUp,
      closed,
      cause,
      refusal: this.#refusal,
      isRenewable: this.#tokens.isRenewable,
      refusedInARow: this.#refusedInARow,
    });
    this.#stop();
    if (wasUp) this.#backoff.lost();
    this.#phase = retryInMs === undefined ? "idle" : "waiting";
    if (retryInMs !== undefined) this.#retryIn(Math.max(this.#backoff.next(), retryInMs));
    if (wasUp) this.#ports.down(error, retryInMs !== undefined);
    if (!wasUp || retryInMs === undefined) this.#ports.failed(error);
    this.#fail(error);
  }

  #retryIn(ms: number): void {
    this.#anchor = setInterval(() => undefined, 2 ** 30);
    this.#cancelRetry = this.#ports.clock.after(ms, () => void this.#attempt());
  }

  #fail(error: ViewerError): void {
    for (const { reject } of this.#outcome.splice(0)) reject(error);
  }

  /** Nothing of the present attempt goes on. */
  #stop(): void {
    this.#turn += 1;
    this.#cancelBeat();
    this.#cancelRetry();
    this.#tokens.stop();
    clearInterval(this.#anchor);
    const line = this.#line;
    this.#line = undefined;
    if (line === undefined) return;
    line.cancel();
    silence(line.socket);
    end(line.socket);
  }
}

function silence(socket: SocketLike): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  // Stays: an error of `ws` that nobody hears would end the process.
  socket.onerror = () => undefined;
}

/** Ends a connection at once: whether the other side answers is not waited for. */
function end(socket: SocketLike): void {
  if (socket.terminate !== undefined) socket.terminate();
  else socket.close();
}
