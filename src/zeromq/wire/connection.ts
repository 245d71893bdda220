import type { Socket } from "node:net";
import {
  asFault,
  breakInTurn,
  Fault,
  isLoopbackAddress,
  type FaultCode,
  type Reader,
  type ReadTurns,
  type Slices,
} from "../../core/index.js";
import { IllegalBytes } from "./codec.js";
import { encodeError, encodeReady } from "./commands.js";
import { plainAddress } from "./door.js";
import type { ZmtpAuth } from "./greeting.js";
import { Handshake, type DoorKind, type Introduction } from "./handshake.js";
import { closingFault } from "./losses.js";
import type { ConnectedPeer, PeerSocket, SharedParts } from "./peer.js";
import { ConnectedPublisher } from "./publisher-peer.js";
import { readShared } from "./shared-read.js";
import { ConnectedSubscriber } from "./subscriber-peer.js";

/**
 * Where a connection stands. `delayed`: refused for now; it hears nothing until it is closed, so that the client does
 * not come back at once. `refused`: told ERROR, and closing. `leaving`: our FIN has been sent.
 */
export type ConnectionPhase = "handshake" | "open" | "delayed" | "refused" | "leaving" | "closed";

/** What a connection tells its listener. */
export interface ConnectionEvents {
  /** A refusal that people should see. `name`: who the client says it is. */
  warn(connection: Connection, name: string | undefined, reason: string, remedy: string): void;
  /** Something that should not happen. */
  failed(connection: Connection, error: unknown): void;
  /** A publisher's bytes came. */
  heard(): void;
  /** It has entered another phase. It may be destroyed in this call. */
  moved(connection: Connection, to: ConnectionPhase): void;
  closed(connection: Connection): void;
}

/** What all connections of a listener share. */
export interface ConnectionParts extends SharedParts {
  readonly auth: ZmtpAuth;
  /** All sockets read into it. */
  readonly readBuffer: Buffer;
  readonly readTurns: ReadTurns;
  /** For the end of connections: thousands may end in one moment. */
  readonly endings: Slices;
  readonly events: ConnectionEvents;
}

/** Faults that pass: the client is to come back, but not at once. Every other refusal is for good (ZeroMQ §4.4). */
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

/**
 * One accepted socket: first a handshake, then a publisher or a subscriber. Once it is closed, nothing of it is kept.
 */
export class Connection implements PeerSocket {
  readonly id: string;
  readonly door: DoorKind;
  readonly remote: string;
  readonly isLocal: boolean;
  /** Wall clock when it was accepted, milliseconds. */
  readonly since: number;
  /** The peer, once the handshake is over. */
  connected: ConnectedPeer | undefined;
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #reader: Reader;
  readonly #handshake: Handshake;
  /** What the peer said behind its handshake, while our READY waits for the disk. */
  #early: Buffer | undefined;
  #phase: ConnectionPhase = "handshake";
  /** Monotonic: when the handshake, the delay or the refusal ends. */
  #endsAt: number;

  /** `accepted` is paused and has not been read from. */
  constructor(id: string, door: DoorKind, accepted: Socket, parts: ConnectionParts) {
    const reader: Reader = {
      isStranger: () => this.phase === "handshake",
      take: (chunk) => this.#read(chunk),
      pause: () => {
        socket.pause();
      },
      resume: () => {
        if (this.phase !== "delayed" && this.#early === undefined) socket.resume();
      },
    };
    const socket = readShared(accepted, parts.readBuffer, (chunk) => {
      parts.readTurns.read(reader, chunk, true);
    });
    this.#reader = reader;
    this.id = id;
    this.door = door;
    this.remote = socket.remoteAddress === undefined ? "ipc" : plainAddress(socket.remoteAddress);
    this.isLocal = this.remote === "ipc" || isLoopbackAddress(this.remote);
    this.#socket = socket;
    this.#parts = parts;
    const { auth, clock, limits, policy } = parts;
    this.since = clock.now();
    this.#endsAt = clock.monotonic() + limits.zmqHandshakeMs;
    this.#handshake = new Handshake({
      door,
      auth,
      maxBytes: limits.zmqHandshakeMaxBytes,
      authenticate: (user, password) => policy.authenticate(user, password, this.remote),
      send: (bytes) => socket.write(bytes),
    });
    socket.on("error", (error) => {
      parts.ledger.count("code" in error && error.code === "ECONNRESET" ? "zmtp-reset" : "zmtp-socket-error");
    });
    const later = (run: () => void): void => {
      parts.readTurns.after(reader, () => {
        parts.endings.do(run);
      });
    };
    breakInTurn(socket, later);
    socket.once("end", () => {
      later(() => {
        this.#ended();
      });
    });
    socket.once("close", () => {
      later(() => {
        this.#close();
      });
    });
  }

  get phase(): ConnectionPhase {
    return this.#phase;
  }

  /** Sends the beginning of our greeting. */
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
    const { events, ledger, limits } = this.#parts;
    ledger.count(reason);
    const fault = closingFault(reason, limits);
    const peer = this.connected?.peer;
    if (fault !== undefined) events.warn(this, peer?.principal?.agent ?? peer?.declared, reason, fault.message);
    this.destroy();
  }

  /** Says nothing and reads nothing until `forMs` have passed, then closes without an ERROR. */
  closeLater(reason: string, forMs: number): void {
    this.#parts.ledger.count(reason);
    this.#move("delayed");
    this.#endsAt = this.#parts.clock.monotonic() + forMs;
    this.#socket.pause();
  }

  /**
   * Sends FIN after everything that was written. Reads on until the peer closes: unread bytes of it would turn the end
   * into a reset.
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

  /** Called twice a second: does what is due. `now`: monotonic milliseconds. */
  tick(now: number): void {
    const { limits, readTurns } = this.#parts;
    const waits = readTurns.waits(this.#reader);
    if (this.phase === "open" || this.phase === "leaving") {
      if (waits) this.connected?.heard(now);
      this.connected?.tick(now);
    } else if (this.phase === "handshake") {
      // What it said in time may still wait for its turn, and its READY for our disk.
      const waitedMs = Math.min(readTurns.waitedMs(this.#reader), limits.zmqHandshakeMs);
      if (!waits && this.#early === undefined && now >= this.#endsAt + waitedMs) this.cut("zmtp-handshake-timeout");
    } else if (this.phase !== "closed" && now >= this.#endsAt) this.destroy();
  }

  #move(to: ConnectionPhase): void {
    this.#phase = to;
    this.#parts.events.moved(this, to);
  }

  /** @returns how many bytes of it were taken */
  #read(chunk: Buffer): number {
    try {
      if (this.#early !== undefined) {
        // What was read before the socket was paused.
        this.#early = Buffer.concat([this.#early, chunk]);
        return chunk.length;
      }
      if (this.phase === "open" || this.phase === "leaving") {
        if (this.door === "in") this.#parts.events.heard();
        return this.connected?.data(chunk) ?? chunk.length;
      }
      if (this.phase === "handshake") return chunk.length - this.#continueHandshake(chunk);
    } catch (thrown) {
      if (thrown instanceof IllegalBytes) this.#refuseBytes(thrown);
      else {
        this.#parts.events.failed(this, thrown);
        this.cut("zmtp-internal");
      }
    }
    return chunk.length;
  }

  /** Closes the connection for what it sent. A publisher's agent may have another connection, on which it is told. */
  #refuseBytes({ reason }: IllegalBytes): void {
    this.cut(reason);
    const { limits, policy } = this.#parts;
    const fault = closingFault(reason, limits);
    if (this.connected !== undefined && fault !== undefined) policy.refused(this.connected.peer, fault);
  }

  /** @returns how many bytes at the end of it come after the handshake */
  #continueHandshake(chunk: Buffer): number {
    const step = this.#handshake.push(chunk);
    if (step.kind === "close-later") {
      this.#parts.events.warn(this, undefined, step.reason, step.remedy);
      this.closeLater(step.reason, this.#parts.limits.zmqHoldMs);
    } else if (step.kind === "refuse") {
      this.#refuse(step.fault, step.name);
    } else if (step.kind === "introduced") {
      return this.#keep(step.introduction, step.rest);
    }
    return 0;
  }

  /**
   * A name that PLAIN proves for the first time is on disk before the peer is told, by our READY (protocols §1.18).
   * @returns how many bytes of the rest were not taken
   */
  #keep(introduction: Introduction, rest: Buffer): number {
    const { principal } = introduction;
    const kept = principal === undefined ? undefined : this.#parts.policy.keepProof(principal, this.remote);
    if (kept === undefined) {
      this.#introduce(introduction);
      return rest.length;
    }
    this.#early = Buffer.from(rest);
    this.#socket.pause();
    kept.then(
      () => {
        this.#kept(introduction);
      },
      (thrown: unknown) => {
        this.#early = undefined;
        if (this.phase === "handshake") this.#refuse(asFault(thrown), principal?.agent);
      },
    );
    return 0;
  }

  #kept(introduction: Introduction): void {
    const early = this.#early ?? Buffer.alloc(0);
    this.#early = undefined;
    if (this.phase !== "handshake") return;
    this.#introduce(introduction);
    const { readTurns } = this.#parts;
    readTurns.readAgain(this.#reader, early);
    if (!readTurns.waits(this.#reader)) this.#reader.resume();
  }

  #introduce(introduction: Introduction): void {
    const { policy } = this.#parts;
    const connected =
      this.door === "in"
        ? new ConnectedPublisher(this, introduction, this.#parts)
        : new ConnectedSubscriber(this, introduction, this.#parts);
    try {
      if (connected instanceof ConnectedSubscriber) policy.subscriberReady(connected);
      else policy.publisherReady(connected.peer);
    } catch (thrown) {
      const fault = asFault(thrown);
      if (!(thrown instanceof Fault)) this.#parts.events.failed(this, thrown);
      connected.abandon();
      this.#refuse(fault, introduction.principal?.agent ?? introduction.declared);
      return;
    }
    if (this.#socket.destroyed) {
      // The policy let it in and has closed it already.
      connected.gone();
      return;
    }
    this.connected = connected;
    this.#move("open");
    this.write(encodeReady(this.door === "in" ? "XSUB" : "XPUB"));
    connected.opened();
  }

  #refuse(fault: Fault, name: string | undefined): void {
    if (this.#socket.destroyed) return;
    const { clock, events, limits } = this.#parts;
    events.warn(this, name, `zmtp-refused-${fault.code}`, fault.message);
    if (temporary.has(fault.code)) {
      this.closeLater(
        `zmtp-refused-${fault.code}`,
        Math.min(Math.max(fault.retryAfterMs ?? 0, 1_000), limits.zmqHoldMs),
      );
      return;
    }
    this.#parts.ledger.count(`zmtp-refused-${fault.code}`);
    this.#endsAt = clock.monotonic() + errorReadMs;
    this.#socket.end(encodeError(fault.message));
    this.#move("refused");
  }

  /** The peer sends no more. A FIN of ours would be a system call more for each, in one turn for all that end at once. */
  #ended(): void {
    if (this.#socket.writableLength === 0) this.destroy();
    else this.#socket.end();
  }

  #close(): void {
    if (this.phase === "closed") return;
    this.#move("closed");
    this.connected?.gone();
    this.#parts.events.closed(this);
  }
}
