import {
  eventsTopic,
  Fault,
  type BacklogTotal,
  type Clock,
  type Exchange,
  type Ledger,
  type Lifecycle,
  type Limits,
  type Log,
  type Principal,
  type Router,
  Slices,
  type Subscriber,
} from "../../core/index.js";
import type { Conversations, Requests } from "../../conversation/index.js";
import { DroppedEvents, type Answerer } from "../../directory/index.js";
import type { TokenEnd, LoginListener } from "../../identity/index.js";
import type { AnyDialect, Connection, Hello, Receiver, Services } from "../../dialect/index.js";
import { chooseByHello, Undecided, type InService } from "./choice.js";
import { NameConflicts } from "./name-conflicts.js";
import type { EngineContext } from "./context.js";
import { openBridge, type OpenSession } from "./engine.js";
import { RoomEvents, type RoomListener } from "./hearing.js";
import { servicesOf } from "./services.js";
import { BridgeSession } from "./session.js";

/** Losses are told this often at most. */
const roundMs = 1_000;

/** What the dialects in service share. */
export interface BridgesOptions {
  readonly dialects: readonly AnyDialect[];
  readonly exchange: Exchange;
  readonly router: Router;
  readonly ledger: Ledger;
  /** The bytes that wait of all connections. */
  readonly total: Pick<BacklogTotal, "take" | "release" | "leave">;
  readonly services: Omit<Services, "once">;
  readonly requests: Requests;
  readonly conversations: Conversations;
  /** Answers what sessions ask the broker. */
  readonly desk: Answerer;
  readonly clock: Clock;
  /** The core's limits, and in the same object those of the dialects. */
  readonly limits: Limits;
  /** The settings of each dialect, by its name. */
  readonly settings: Readonly<Record<string, object>>;
  readonly newId: () => string;
  readonly log: Log;
  /** Shared data topics that are nobody's name; sessions may hear them. */
  readonly dataTopics?: readonly string[];
  /** Hears of logins. */
  readonly witness?: LoginListener;
}

/** How many sessions there are, by dialect. */
export interface BridgesStatus {
  readonly sessions: Readonly<Record<string, number>>;
  /** Those of them that have logged in. */
  readonly admitted: Readonly<Record<string, number>>;
}

/** All dialects in service: gives each new connection to the one that it speaks. */
export class Bridges implements Lifecycle {
  /** Which session speaks for which name, whatever its dialect. */
  readonly names: NameConflicts;
  readonly #context: Omit<EngineContext, "services">;
  readonly #inService: readonly InService[];
  readonly #leaving = new Fault("going-away", "the broker is stopping; connect again in a few seconds", {
    fatal: true,
  });
  #phase: "new" | "open" | "draining" | "stopped" = "new";
  // bound: wsHalfOpenMax · evicts: a connection leaves with its first frame, after wsLoginMs, or when it is gone ·
  // owner: Bridges
  readonly #undecided = new Set<Undecided>();
  readonly #droppedEvents: DroppedEvents;
  #stopEvents: (() => void) | undefined;
  #cancelRound: (() => void) | undefined;

  constructor(options: BridgesOptions) {
    const { limits, dialects, exchange, clock } = options;
    const { directory, identity } = options.services;
    this.names = new NameConflicts(directory, identity, limits.conflictPingMs);
    this.#context = {
      ...options,
      names: this.names,
      dataTopics: new Set(options.dataTopics),
      goOn: { logins: new Slices(clock), commands: new Slices(clock) },
    };
    this.#droppedEvents = new DroppedEvents(exchange, clock);
    this.#inService = dialects.map((dialect) => ({
      dialect,
      bridge: openBridge(
        dialect,
        { ...this.#context, services: servicesOf(dialect.name, options.services) },
        options.witness,
      ),
    }));
  }

  start(): Promise<void> {
    const { router } = this.#context;
    this.#stopEvents = router.subscribe(eventsTopic, new RoomEvents(router, isSession));
    for (const { bridge } of this.#inService) bridge.start();
    this.#roundLater();
    this.#phase = "open";
    return Promise.resolve();
  }

  /** Whoever hears the new connection. Called in the turn of its upgrade. */
  accept(connection: Connection, hello: Hello): Receiver {
    const { limits } = this.#context;
    const chosen = chooseByHello(this.#inService, hello);
    if (this.#phase !== "open") {
      const bridge = chosen ?? this.#inService.find(({ dialect }) => dialect.fallback)?.bridge;
      if (bridge !== undefined) return bridge.open(connection, hello, this.#leaving);
      connection.close({ code: 1001, reason: this.#leaving.message });
      return { frame: () => undefined, closed: () => undefined };
    }
    if (chosen !== undefined) return chosen.open(connection, hello);
    const settled = (one: Undecided): void => void this.#undecided.delete(one);
    const failed = (dialect: string, thrown: unknown): void => {
      this.#context.ledger.count("dialect-failed");
      this.#context.log("error", "cannot recognise a first frame", { dialect, error: String(thrown) });
    };
    const waitMs = limits.wsLoginMs;
    const undecided = new Undecided(this.#inService, connection, hello, { waitMs, settled, failed });
    this.#undecided.add(undecided);
    return undecided;
  }

  status(): BridgesStatus {
    return {
      sessions: Object.fromEntries(this.#inService.map(({ bridge }) => [bridge.name, bridge.size])),
      admitted: Object.fromEntries(this.#inService.map(({ bridge }) => [bridge.name, bridge.admitted])),
    };
  }

  /** All sessions, with the dialect of each. */
  *list(): Iterable<OpenSession & { readonly dialect: string }> {
    for (const { bridge } of this.#inService)
      for (const session of bridge.list()) yield { ...session, dialect: bridge.name };
  }

  /** Ends a session with this fault. @returns false if there is none of this id */
  endSession(id: string, fault: Fault): boolean {
    return this.#inService.some(({ bridge }) => bridge.endSession(id, fault));
  }

  /** Cuts the sessions whose token has ended. */
  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void {
    for (const { bridge } of this.#inService) bridge.endTokens(endOf);
  }

  /** Ends the sessions of the speakers that `isMeant`, with this fault. @returns how many */
  endSpeakers(isMeant: (speaker: Principal) => boolean, fault: Fault): number {
    return this.#inService.reduce((count, { bridge }) => count + bridge.endSpeakers(isMeant, fault), 0);
  }

  /**
   * Tells every session that the broker leaves, and waits until what is queued for them is written and their sockets
   * are closed.
   */
  async drain(deadline: AbortSignal): Promise<void> {
    if (this.#phase === "open") this.#phase = "draining";
    for (const undecided of [...this.#undecided]) undecided.refuse(this.#leaving);
    await Promise.all(this.#inService.map(({ bridge }) => bridge.drain(this.#leaving, deadline)));
  }

  stop(): Promise<void> {
    this.#phase = "stopped";
    for (const { bridge } of this.#inService) bridge.stop();
    this.#stopEvents?.();
    this.#stopEvents = undefined;
    this.#cancelRound?.();
    return Promise.resolve();
  }

  #roundLater(): void {
    this.#cancelRound = this.#context.clock.after(roundMs, () => {
      for (const { bridge } of this.#inService)
        for (const session of bridge.losing) this.#droppedEvents.report(session);
      this.#roundLater();
    });
  }
}

function isSession(subscriber: Subscriber): subscriber is Subscriber & RoomListener {
  return subscriber instanceof BridgeSession;
}
