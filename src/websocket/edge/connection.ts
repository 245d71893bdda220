import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import {
  breakInTurn,
  markBytes,
  Proofs,
  SendQueue,
  type BacklogTotal,
  type Clock,
  type Flusher,
  type Ledger,
  type Limits,
  type Reader,
  type Slices,
  type Wire,
  type ReadTurns,
} from "../../core/index.js";
import type { Closing, Connection, Frame, PreparedFrame, Receiver } from "../../dialect/connection.js";
import { brokenFrameReason } from "./broken-frames.js";
import { writerOf } from "./direct-write.js";
import { endInTurn, readInTurn, type SocketReading } from "./socket-turns.js";
import { LifeSigns } from "./life-signs.js";
import { ReadingPause } from "./reading-pause.js";
import { closeReason, pingFrame, pongFrame, preparedOf, prepareFrame } from "./frame.js";

/** How long a peer may take to answer our close frame, milliseconds. */
const closeWaitMs = 2_000;

/** The socket, and what all connections of an edge share. */
export interface WsConnectionOptions {
  readonly id: string;
  readonly remote: string;
  readonly socket: Duplex;
  readonly ws: WebSocket;
  readonly limits: Pick<
    Limits,
    | "wsBacklogMaxBytes"
    | "wsFrameMaxBytes"
    | "wsPreLoginMaxBytes"
    | "wsPingMs"
    | "stuckMs"
    | "provingMs"
    | "drainFlushMs"
  >;
  readonly clock: Clock;
  readonly flusher: Flusher;
  /** For the end of connections: thousands may end in one moment. */
  readonly endings: Slices;
  readonly readTurns: ReadTurns;
  readonly total: BacklogTotal;
  readonly ledger: Ledger;
  /** Called once, when the peer has logged in. */
  readonly admitted: () => void;
  /** Something that should not happen: the connection ends. */
  readonly failed: (thrown: unknown) => void;
  /** Called once, when the socket is gone. */
  readonly gone: () => void;
}

/**
 * One WebSocket. All bytes go through its send queue, also the close frames that `ws` writes by itself: they wait
 * behind what is queued, so that none is written into the middle of a frame. While a peer does not read its answers, or
 * what it said before is still to be heard, we read nothing from it.
 */
export class WsConnection implements Connection, SocketReading, Wire {
  readonly id: string;
  readonly remote: string;
  readonly #options: WsConnectionOptions;
  readonly #sendQueue: SendQueue;
  #receiver: Receiver | undefined;
  #phase: "open" | "closing" | "gone" = "open";
  /** The backlog was large: the receiver is told when it is small again. */
  #high = false;
  readonly #pause: ReadingPause;
  #isAdmitted = false;
  /** Bytes that came before the login. */
  #before = 0;
  /** The close frame to send when everything queued has been written. */
  #goodbye: Closing | undefined;
  /** Tells `ws` that its close frame has been written. */
  #closeWritten: (() => void) | undefined;
  readonly #write: Wire["write"];
  #cancelClose: (() => void) | undefined;
  readonly #signs: LifeSigns;
  /** Made when a mailbox first asks. */
  #proofs: Proofs | undefined;
  readonly #reader: Reader;

  constructor(options: WsConnectionOptions) {
    const { id, remote, limits, clock, flusher, endings, readTurns, total, ledger, socket, ws } = options;
    this.id = id;
    this.remote = remote;
    this.#options = options;
    this.#pause = new ReadingPause({ ws, ledger });
    this.#signs = new LifeSigns((ms, run) => this.deadline(ms, run), limits.wsPingMs, clock.monotonic());
    this.#sendQueue = new SendQueue({
      wire: this,
      flusher,
      ledger,
      total,
      maxBytes: limits.wsBacklogMaxBytes,
      monotonic: () => clock.monotonic(),
      evict: () => {
        this.#cut("ws-evicted");
      },
    });
    this.#write = writerOf(socket);
    socket.write = (bytes: unknown, ...more: readonly unknown[]) => this.#takeTurn(bytes, more.find(isCallback));
    ws.on("message", (data, isBinary) => {
      this.#message(data, isBinary);
    });
    ws.on("ping", (payload) => {
      this.#signs.came();
      // A peer that pings and does not read gets only as many pongs as fit into its backlog; `stuckMs` ends it.
      if (this.#sendQueue.buffered < limits.wsBacklogMaxBytes) this.#sendQueue.control(pongFrame(payload));
    });
    ws.on("pong", (payload) => {
      this.#signs.came();
      if (this.#phase === "open") this.#proofs?.answer(payload);
    });
    ws.on("error", (error) => {
      ledger.count(brokenFrameReason(error));
      this.#phase = this.#phase === "open" ? "closing" : this.#phase;
      this.#awaitClose(closeWaitMs, "ws-close-unanswered");
    });
    ws.on("close", (code, reason) => {
      this.#ended({ code, reason: reason.toString() });
    });
    const reader = (this.#reader = readInTurn(socket, readTurns, this));
    const later = (run: () => void): void => {
      readTurns.after(reader, () => {
        endings.do(run);
      });
    };
    breakInTurn(socket, later); // of TLS: the edge knows the socket below it only
    for (const event of ["end", "close"] as const) endInTurn(socket, event, later);
  }

  isStranger(): boolean {
    return !this.#isAdmitted;
  }

  mayRead(): boolean {
    return this.#pause.isOver;
  }

  arrived(): void {
    this.#signs.came();
  }

  failed(thrown: unknown): void {
    this.#options.failed(thrown);
    this.#cut("ws-failed");
  }

  /** Sets the receiver. Frames that came before would be lost, so it is called in the turn of the upgrade. */
  attach(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  get buffered(): number {
    return this.#sendQueue.buffered;
  }

  get dropped(): number {
    return this.#sendQueue.dropped;
  }

  prepare(frame: Frame): PreparedFrame {
    return prepareFrame(frame);
  }

  admitted(): void {
    this.#isAdmitted = true;
    this.#before = 0;
    this.#options.admitted();
  }

  send(frame: Frame | PreparedFrame, copy: boolean): boolean {
    if (this.#phase !== "open") {
      if (copy) this.#options.ledger.drop("closed", 1, false);
      return false;
    }
    const { bytes } = preparedOf(frame);
    if (copy) {
      const taken = this.#sendQueue.append(bytes, 0, bytes.length, 1, false, true);
      this.#high ||= !taken || this.#sendQueue.buffered > this.#options.limits.wsBacklogMaxBytes / 2;
      return taken;
    }
    this.#sendQueue.control(bytes, true);
    if (this.#sendQueue.buffered > this.#options.limits.wsBacklogMaxBytes / 2) {
      this.#high = true;
      if (!this.#signs.isAsked) this.#pause.answersUnread();
    }
    return true;
  }

  offer(frame: Frame | PreparedFrame): ReturnType<Connection["offer"]> {
    if (this.#phase !== "open") return "closed";
    const prepared = preparedOf(frame);
    const size = prepared.bytes.length;
    if (size > this.#options.limits.wsBacklogMaxBytes) return "too-large";
    if (!this.#sendQueue.hasRoomFor(size)) return "full";
    this.send(prepared, true);
    return "taken";
  }

  prove(asker: object, proved: (tookMs: number) => void): void {
    if (this.#phase !== "open") return;
    this.#proofs ??= new Proofs({
      monotonic: () => this.#options.clock.monotonic(),
      newMark: () => randomBytes(markBytes),
      ping: (mark) => {
        this.#sendQueue.control(pingFrame(mark));
      },
      askersMax: 16, // its mailbox, its rooms, and mailboxes that it has opened and closed meanwhile
    });
    this.#proofs.ask(asker, proved);
  }

  close(closing: Closing): void {
    if (this.#phase !== "open") return;
    this.#phase = "closing";
    this.#goodbye = closing;
    this.#sendQueue.flush();
    this.resumeReading();
    this.#pause.answersRead();
    if (this.#sendQueue.buffered === 0) this.#sayGoodbye();
    else this.#awaitClose(this.#options.limits.drainFlushMs, "ws-close-backlog");
  }

  terminate(): void {
    if (this.#phase === "gone") return;
    this.#phase = "closing";
    // At once, without waiting for the socket to close: the memory of its backlog may be needed.
    this.#sendQueue.close();
    this.#options.ws.terminate();
  }

  deadline(ms: number, run: () => void): () => void {
    return this.#options.readTurns.deadline(this.#reader, ms, run);
  }

  pauseReading(): void {
    if (this.#phase === "open") this.#pause.hold();
  }

  resumeReading(): void {
    this.#pause.letGo();
  }

  alive(ms: number): Promise<boolean> {
    if (this.#phase !== "open") return Promise.resolve(false);
    if (this.#pause.isHeld) return Promise.resolve(true); // what it said of late is still being heard
    const sign = this.#signs.ask(ms, () => {
      this.#ping();
    });
    this.#pause.answersRead();
    return sign;
  }

  /**
   * Finds out whether the connection has died: pings it when it is time, and ends it when it was silent or stuck for
   * too long.
   */
  check(nowMs: number): void {
    if (this.#phase !== "open") return;
    const { provingMs, stuckMs } = this.#options.limits;
    const { buffered, progressAt } = this.#sendQueue;
    if (buffered > 0 && nowMs - progressAt > stuckMs) {
      this.#options.ledger.count("ws-stuck");
      if (this.#receiver?.stuck === undefined) this.terminate();
      else this.#receiver.stuck();
    } else if (!this.#options.readTurns.waits(this.#reader)) {
      // A client may answer no ping while messages wait to be read (protocols §9.1).
      const provedMs = this.#proofs?.isOpen === true ? provingMs : 0;
      const patienceMs = Math.max(provedMs, this.#receiver?.patienceMs ?? 0);
      const pulse = this.#signs.pulse(nowMs, this.mayRead() && buffered === 0, patienceMs);
      if (pulse === "silent") this.#isSilent();
      else if (pulse === "ping") this.#ping();
    }
  }

  /** The send queue writes here. */
  write(bytes: Buffer, done: (error?: Error | null) => void): void {
    if (!this.#options.socket.writable) {
      done(new Error("closed"));
      return;
    }
    this.#write(bytes, (error) => {
      done(error);
      if (this.#sendQueue.buffered === 0) this.#closeWritten?.();
      if (this.#goodbye !== undefined && this.#sendQueue.buffered === 0) this.#sayGoodbye();
      else if (this.#high && this.#sendQueue.buffered <= this.#options.limits.wsBacklogMaxBytes / 16) this.#drained();
    });
  }

  /** Takes what `ws` writes itself: the header of a close frame, then its payload with a callback. */
  #takeTurn(bytes: unknown, written: (() => void) | undefined): boolean {
    if (!Buffer.isBuffer(bytes)) throw new TypeError("ws writes buffers");
    this.#sendQueue.control(bytes);
    if (written === undefined) return true;
    this.#closeWritten = written;
    // The peer closes or broke the protocol: it is offline from now on, however long the socket takes to end.
    if (this.#phase === "open") {
      this.#phase = "closing";
      this.#tell({ code: bytes.length >= 2 ? bytes.readUInt16BE(0) : 1005, reason: bytes.toString("utf8", 2) });
    }
    this.#awaitClose(this.#options.limits.drainFlushMs, "ws-close-backlog");
    this.#sendQueue.flush();
    return true;
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#phase !== "open" || !Buffer.isBuffer(data)) return;
    this.#signs.came();
    const { limits, ledger } = this.#options;
    this.#before += this.#isAdmitted ? 0 : data.length;
    if (this.#before > limits.wsPreLoginMaxBytes) {
      ledger.count("ws-pre-login-full");
      this.close({ code: 1009, reason: "too much was said before the login" });
      return;
    }
    const frame = isBinary ? data : data.toString();
    if (data.length > limits.wsFrameMaxBytes) this.#receiver?.oversized?.(frame);
    else this.#receiver?.frame(frame);
  }

  #isSilent(): void {
    this.#options.ledger.count("ws-silent");
    if (this.#receiver?.silent?.() !== true) this.terminate();
  }

  #ping(): void {
    this.#sendQueue.control(pingFrame(this.#proofs?.openMark));
  }

  #drained(): void {
    this.#high = false;
    this.#pause.answersRead();
    if (this.#phase === "open") this.#receiver?.drained?.();
  }

  #cut(reason: string): void {
    this.#options.ledger.count(reason);
    this.terminate();
  }

  /** Sends the close frame, when everything queued has been written. */
  #sayGoodbye(): void {
    if (this.#goodbye === undefined || this.#phase !== "closing") return;
    const { code, reason } = this.#goodbye;
    this.#goodbye = undefined;
    this.#options.ws.close(code, closeReason(reason));
    this.#awaitClose(closeWaitMs, "ws-close-unanswered");
  }

  #awaitClose(ms: number, reason: string): void {
    this.#cancelClose?.();
    this.#cancelClose = this.deadline(ms, () => {
      this.#cut(reason);
    });
  }

  #ended(closing: Closing): void {
    if (this.#phase === "gone") return;
    this.#phase = "gone";
    this.#cancelClose?.();
    this.#sendQueue.close();
    this.#signs.end();
    this.#options.gone();
    this.#tell(closing);
  }

  /** Tells the receiver, once, that the connection is over. */
  #tell(closing: Closing): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.closed(closing);
  }
}

function isCallback(value: unknown): value is () => void {
  return typeof value === "function";
}
