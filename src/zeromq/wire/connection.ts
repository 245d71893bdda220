import type { Socket } from "node:net";
import {
  asFault,
  Fault,
  isLoopbackAddress,
  type Clock,
  type FaultCode,
  type Ledger,
  type Limits,
} from "../../core/index.js";
import { encodeError, encodeReady } from "./commands.js";
import { plainAddress } from "./door.js";
import { Handshake, type DoorKind, type Introduction } from "./handshake.js";
import { IllegalBytes } from "./codec.js";
import type { ZmtpAuth } from "./greeting.js";
import { PeerFacts, type Line, type Side } from "./peer.js";
import { PublisherSide, type PublisherContext } from "./publisher-peer.js";
import { readShared } from "./shared-read.js";
import { SubscriberSide, type SubscriberContext } from "./subscriber-peer.js";

/**
 * Where a connection stands. `held`: refused for now, silent until closed, so that the client does not come back at
 * once; `refused`:
 * told ERROR and closing; `leaving`: our FIN has been sent.
 */
export type ConnectionPhase = "handshake" | "open" | "held" | "refused" | "leaving" | "closed";

/** What a connection needs from the listener. */
export interface ConnectionContext extends PublisherContext, SubscriberContext {
  readonly auth: ZmtpAuth;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly limits: Limits;
  /** All sockets read into it. */
  readonly readBuffer: Buffer;
  /** A refusal that people should see; the listener keeps it to one per address and minute. */
  readonly warn: (connection: Connection, name: string | undefined, reason: string, remedy: string) => void;
  /** Something that should not happen. */
  readonly failed: (connection: Connection, error: unknown) => void;
  /** A publisher's bytes came; for the drain. */
  readonly heard: () => void;
  /** The phase changed; `from` is undefined at the beginning. */
  readonly moved: (from: ConnectionPhase | undefined, to: ConnectionPhase) => void;
  readonly closed: (connection: Connection) => void;
}

/** Faults that pass: the client is to come back, but not at once. Every other refusal is for good. */
const temporary: ReadonlySet<FaultCode> = new Set<FaultCode>([
  "full",
  "rate-limited",
  "timeout",
  "going-away",
  "unavailable",
  "internal",
  "slow-consumer",
]);
/** After ERROR the client has this long to read it. */
const errorReadMs = 1_000;

/** One accepted socket: handshake, then a publisher or a subscriber. Nothing of it is left once it is closed. */
export class Connection implements Line {
  readonly id: string;
  readonly door: DoorKind;
  readonly remote: string;
  readonly isLocal: boolean;
  side: Side | undefined;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #handshake: Handshake;
  #phase: ConnectionPhase = "handshake";
  /** Monotonic: when the handshake, the holding or the refusal ends. */
  #endsAt: number;

  /** `accepted` is paused and has not been read from. */
  constructor(id: string, door: DoorKind, accepted: Socket, context: ConnectionContext) {
    const socket = readShared(accepted, context.readBuffer, (chunk) => {
      this.#read(chunk);
    });
    this.id = id;
    this.door = door;
    this.remote = socket.remoteAddress === undefined ? "ipc" : plainAddress(socket.remoteAddress);
    this.isLocal = this.remote === "ipc" || isLoopbackAddress(this.remote);
    this.#socket = socket;
    this.#context = context;
    const { auth, clock, limits, policy } = context;
    this.#endsAt = clock.monotonic() + limits.zmqHandshakeMs;
    this.#handshake = new Handshake({
      door,
      auth,
      maxBytes: limits.zmqHandshakeMaxBytes,
      authenticate: (user, password) => policy.authenticate(user, password, this.remote),
      send: (bytes) => socket.write(bytes),
    });
    context.moved(undefined, "handshake");
    socket.on("error", (error) => {
      context.ledger.count("code" in error && error.code === "ECONNRESET" ? "zmtp-reset" : "zmtp-socket-error");
    });
    socket.once("close", () => {
      this.#close();
    });
  }

  get phase(): ConnectionPhase {
    return this.#phase;
  }

  /** Greets. */
  begin(): void {
    this.#handshake.begin();
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Buffer, done?: (error?: Error | null) => void): void {
    if (this.#socket.writable) this.#socket.write(bytes, done);
    else done?.(new Error("the connection is ending"));
  }

  cut(reason: string): void {
    if (this.phase === "closed") return;
    this.#context.ledger.count(reason);
    this.destroy();
  }

  /** Silence until `forMs` have passed, then a plain close. */
  hold(reason: string, forMs: number): void {
    this.#context.ledger.count(reason);
    this.#move("held");
    this.#endsAt = this.#context.clock.monotonic() + forMs;
    this.#socket.pause();
  }

  /**
   * Everything written has left: FIN. Reads on until the peer closes, so that nothing it sent turns the end into a
   * reset.
   */
  leave(): void {
    if (this.phase !== "open") return;
    this.#move("leaving");
    this.#socket.end();
  }

  /** Closes the socket at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#close();
  }

  /** Something is due, perhaps; monotonic milliseconds. */
  tick(now: number): void {
    if (this.phase === "open" || this.phase === "leaving") {
      this.side?.tick(now);
    } else if (this.phase !== "closed" && now >= this.#endsAt) {
      if (this.phase === "handshake") this.cut("zmtp-handshake-timeout");
      else this.destroy();
    }
  }

  #move(to: ConnectionPhase): void {
    this.#context.moved(this.#phase, to);
    this.#phase = to;
  }

  #read(chunk: Buffer): void {
    try {
      if (this.phase === "open" || this.phase === "leaving") {
        if (this.door === "in") this.#context.heard();
        this.side?.data(chunk);
      } else if (this.phase === "handshake") {
        this.#shake(chunk);
      }
    } catch (thrown) {
      if (thrown instanceof IllegalBytes) {
        this.cut(thrown.reason);
        return;
      }
      this.#context.failed(this, thrown);
      this.cut("zmtp-internal");
    }
  }

  #shake(chunk: Buffer): void {
    const step = this.#handshake.push(chunk);
    if (step.kind === "hold") {
      this.#context.warn(this, undefined, step.reason, step.remedy);
      this.hold(step.reason, this.#context.limits.zmqHoldMs);
    } else if (step.kind === "refuse") {
      this.#refuse(step.fault, step.name);
    } else if (step.kind === "introduced") {
      this.#introduce(step.introduction, step.rest);
    }
  }

  #introduce(introduction: Introduction, rest: Buffer): void {
    const { policy } = this.#context;
    const side =
      this.door === "in"
        ? new PublisherSide(this, new PeerFacts(this, introduction), this.#context)
        : new SubscriberSide(this, introduction, this.#context);
    try {
      if (side instanceof SubscriberSide) policy.subscriberReady(side);
      else policy.publisherReady(side.peer);
    } catch (thrown) {
      const fault = asFault(thrown);
      if (!(thrown instanceof Fault)) this.#context.failed(this, thrown);
      side.abandon();
      this.#refuse(fault, introduction.principal?.agent ?? introduction.declared);
      return;
    }
    if (this.#socket.destroyed) {
      // The policy let it in and closed it at once.
      side.gone();
      return;
    }
    this.side = side;
    this.#move("open");
    this.write(encodeReady(this.door === "in" ? "XSUB" : "XPUB"));
    side.opened();
    if (rest.length > 0) side.data(rest);
  }

  #refuse(fault: Fault, name: string | undefined): void {
    if (this.#socket.destroyed) return;
    const { clock, limits, warn } = this.#context;
    warn(this, name, `zmtp-refused-${fault.code}`, fault.message);
    if (temporary.has(fault.code)) {
      this.hold(`zmtp-refused-${fault.code}`, Math.min(Math.max(fault.retryAfterMs ?? 0, 1_000), limits.zmqHoldMs));
      return;
    }
    this.#context.ledger.count(`zmtp-refused-${fault.code}`);
    this.#move("refused");
    this.#endsAt = clock.monotonic() + errorReadMs;
    this.#socket.end(encodeError(fault.message));
  }

  #close(): void {
    if (this.phase === "closed") return;
    this.#move("closed");
    this.side?.gone();
    this.#context.closed(this);
  }
}
