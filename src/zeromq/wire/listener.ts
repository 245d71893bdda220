import type { Socket } from "node:net";
import {
  Fault,
  type BacklogTotal,
  type Clock,
  type Flusher,
  type Ledger,
  type Lifecycle,
  type Limits,
  type Router,
  ReadTurns,
  type Slices,
  type Trust,
} from "../../core/index.js";
import { Connection, type ConnectionParts } from "./connection.js";
import { Door } from "./door.js";
import { drainConnections } from "./drain.js";
import { Entrance, remedies, type Turned } from "./entrance.js";
import type { DoorKind } from "./handshake.js";
import type { ZmtpAuth } from "./greeting.js";
import type { Mechanism, ZmtpPolicy } from "./policy.js";
import { sharedReadBytes } from "./shared-read.js";
import { RouteCache } from "./route-cache.js";
import { RefusalWarnings } from "./refusal-warnings.js";
import { SubscriptionBudget } from "./subscription-budget.js";

/** Addresses, policy and limits of a listener. */
export interface ZmtpListenerOptions {
  readonly router: Router;
  readonly ledger: Ledger;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly flusher: Flusher;
  /** For the end of connections: thousands may end in one moment. Each waits once. */
  readonly endings: Slices;
  readonly total: BacklogTotal;
  readonly policy: ZmtpPolicy;
  /** Where agents' PUB sockets connect: `tcp://HOST:PORT` (port 0 or `*`: chosen by the system) or `ipc:///PATH`. */
  readonly inUrls: readonly string[];
  /** Where agents' SUB sockets connect. */
  readonly outUrls: readonly string[];
  readonly auth: ZmtpAuth;
  /**
   * True if agents may be waiting to come back: then their SUB sockets are given time before their PUB sockets are let
   * in. Asked once, at the start.
   */
  readonly isAwaited: () => boolean;
  /** Logs refusals, one per address and minute, and what should not happen. Never content or tokens. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** A connection as `status` shows it. */
export interface ZmtpConnectionStatus {
  readonly id: string;
  readonly door: DoorKind;
  readonly remote: string;
  readonly mechanism: Mechanism;
  readonly socketType: string;
  /** The name it proved or declared. */
  readonly declared: string | undefined;
  readonly subscriptions: number;
  /** Undefined: it has no name. */
  readonly trust: Trust | undefined;
  /** Wall clock, milliseconds. */
  readonly since: number;
  /** Bytes that wait. */
  readonly buffered: number;
  /** Messages for it that were dropped because it did not read them. */
  readonly dropped: number;
}

/** Deadlines are received at this often: a sweep costs less than a timer per connection. */
const sweepMs = 500;
/**
 * A refusal that passes is delayed for a time between this and `zmqHoldMs`, each a little longer than the last, so that
 * the clients do not come back together.
 */
const delayMinMs = 1_000;
const delayStepMs = 617;

/**
 * Speaks ZMTP 3.x over tcp and ipc, NULL and PLAIN on one port: an XSUB door for agents' PUB sockets and an XPUB door
 * for their SUB sockets. Stock clients cannot tell it from libzmq (RFC 23, 24, 37; ZeroMQ §3, §4, §12).
 */
export class ZmtpListener implements Lifecycle {
  inEndpoints: readonly string[] = [];
  outEndpoints: readonly string[] = [];
  readonly #options: ZmtpListenerOptions;
  readonly #parts: ConnectionParts;
  readonly #warnings: RefusalWarnings;
  readonly #entrance: Entrance;
  // bound: zmqConnectionsMax let in and zmqHalfOpenMax refused (Entrance) · evicts: a connection beyond them is closed at
  // once and counted · owner: ZmtpListener
  readonly #connections = new Set<Connection>();
  readonly #doors: Door[] = [];
  #phase: "new" | "started" | "draining" | "stopped" = "new";
  #nextId = 1;
  #delayedSoFar = 0;
  #heardAt = 0;
  #cancelSweep: () => void = () => undefined;
  #cancelDelay: () => void = () => undefined;

  constructor(options: ZmtpListenerOptions) {
    this.#options = options;
    const { auth, clock, endings, flusher, ledger, limits, policy, router, total } = options;
    this.#warnings = new RefusalWarnings(limits.zmqWarningsMax, clock, options.log);
    this.#entrance = new Entrance(limits, clock, {
      halfOpen: (connection) => {
        this.#delay(connection, "zmtp-full");
      },
      held: (connection) => {
        this.#turnAway(connection);
      },
    });
    this.#parts = {
      auth,
      clock,
      flusher,
      ledger,
      limits,
      policy,
      passing: router.passing,
      total,
      routes: new RouteCache(router),
      subscriptions: new SubscriptionBudget(limits),
      readBuffer: Buffer.allocUnsafeSlow(sharedReadBytes),
      readTurns: new ReadTurns(clock, () => flusher.isBehind),
      endings,
      warn: (door, address, name, reason, remedy) => {
        this.#warnings.warn(door, address, name, reason, remedy);
      },
      events: {
        warn: ({ door, remote }, name, reason, remedy) => {
          this.#warnings.warn(door, remote, name, reason, remedy);
        },
        failed: ({ door, id }, error) => {
          options.log("zeromq connection failed", { connection: id, door, error });
        },
        heard: () => {
          this.#heardAt = clock.monotonic();
        },
        moved: (connection, to) => {
          if (!this.#entrance.moved(connection, to)) this.#turnAway(connection);
        },
        closed: (connection) => {
          this.#connections.delete(connection);
        },
      },
    };
  }

  /**
   * Opens the subscriber door, then the publisher door: so a restart loses nothing in between (ZeroMQ §3.2).
   * @throws Fault
   */
  async start(): Promise<void> {
    if (this.#phase !== "new") throw new Fault("conflict", "this listener has been started before: make a new one");
    this.#phase = "started";
    const options = this.#options;
    const { clock, inUrls, limits, outUrls } = options;
    try {
      this.outEndpoints = await this.#open("out", outUrls);
      this.#sweepLater();
      if (outUrls.length > 0 && inUrls.length > 0 && options.isAwaited())
        await new Promise<void>((resolve) => {
          const cancel = clock.after(limits.publisherDoorDelayMs, resolve);
          this.#cancelDelay = () => {
            cancel();
            resolve();
          };
        });
      this.inEndpoints = await this.#open("in", inUrls);
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /**
   * Stops accepting, reads publishers until they are quiet, gives subscribers what is theirs, then sends FIN to all.
   */
  async drain(deadline: AbortSignal): Promise<void> {
    if (this.#phase !== "started") return;
    this.#phase = "draining";
    this.#closeDoors();
    const { clock, flusher, limits } = this.#options;
    await drainConnections({
      connections: this.#connections,
      clock,
      flusher,
      limits,
      // What waits for its turn is not heard yet.
      heardAt: () => (this.unheardSince === Infinity ? this.#heardAt : clock.monotonic()),
      deadline,
    });
  }

  /** Closes everything at once. */
  stop(): Promise<void> {
    if (this.#phase === "stopped") return Promise.resolve();
    this.#phase = "stopped";
    this.#cancelDelay();
    this.#cancelSweep();
    this.#closeDoors();
    for (const connection of [...this.#connections]) connection.destroy();
    return Promise.resolve();
  }

  /** Monotonic: when the oldest came of what was read and waits for its turn; Infinity if nothing waits. */
  get unheardSince(): number {
    return this.#parts.readTurns.unheardSince;
  }

  /** Connections after their handshake. */
  connections(): ZmtpConnectionStatus[] {
    const list: ZmtpConnectionStatus[] = [];
    for (const { connected, door, id, phase, remote, since } of this.#connections) {
      if (connected === undefined || (phase !== "open" && phase !== "leaving")) continue;
      const { declared, mechanism, principal, socketType } = connected.peer;
      list.push({
        id,
        door,
        remote,
        mechanism,
        socketType,
        declared: principal?.agent ?? declared,
        trust: principal?.trust ?? (declared === undefined ? undefined : "claimed"),
        subscriptions: connected.subscriptionCount,
        since,
        buffered: connected.buffered,
        dropped: connected.dropped,
      });
    }
    return list;
  }

  /** Closes a connection at once, counted as `reason`. @returns false if there is none of this id */
  cut(id: string, reason: string): boolean {
    for (const connection of this.#connections) {
      if (connection.id !== id || connection.connected === undefined) continue;
      connection.cut(reason);
      return true;
    }
    return false;
  }

  async #open(kind: DoorKind, urls: readonly string[]): Promise<readonly string[]> {
    const opened: string[] = [];
    for (const url of urls) {
      if (this.#phase !== "started") break;
      const door = await Door.open(
        url,
        (socket) => {
          this.#accept(kind, socket);
        },
        (error) => {
          this.#options.log("zeromq door failed", { door: url, error });
        },
      );
      this.#doors.push(door);
      opened.push(door.url);
    }
    return opened;
  }

  #accept(door: DoorKind, socket: Socket): void {
    const { ledger } = this.#options;
    if (this.#phase !== "started") {
      ledger.count("zmtp-turned-away");
      socket.on("error", () => {
        ledger.count("zmtp-socket-error");
      });
      socket.destroy();
      return;
    }
    const connection = new Connection(`zmq-${door}-${this.#nextId}`, door, socket, this.#parts);
    this.#nextId += 1;
    this.#connections.add(connection);
    const turned = this.#entrance.enter(connection);
    if (turned === undefined) connection.begin();
    else this.#delay(connection, turned);
  }

  /** Lets a connection wait in silence until it is closed, if there is a place to wait. */
  #delay(connection: Connection, reason: Turned): void {
    if (!this.#entrance.hold(connection)) {
      this.#turnAway(connection);
      return;
    }
    this.#delayedSoFar += 1;
    const spread = Math.max(this.#options.limits.zmqHoldMs - delayMinMs, 1);
    this.#warnings.warn(connection.door, connection.remote, undefined, reason, remedies[reason]);
    connection.closeLater(reason, delayMinMs + ((this.#delayedSoFar * delayStepMs) % spread));
  }

  #turnAway(connection: Connection): void {
    this.#options.ledger.count("zmtp-turned-away");
    connection.destroy();
  }

  #sweepLater(): void {
    const { clock } = this.#options;
    this.#cancelSweep = clock.after(sweepMs, () => {
      const now = clock.monotonic();
      for (const connection of this.#connections) connection.tick(now);
      this.#sweepLater();
    });
  }

  #closeDoors(): void {
    for (const door of this.#doors.splice(0)) door.close();
  }
}
