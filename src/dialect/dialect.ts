import type { Envelope, Fault, Principal } from "../core/index.js";
import type { Closing, Frame, Hello } from "./connection.js";
import type { RenderMeta, Services, Session } from "./session.js";

/** When a command may be said, what it costs, and what it does. */
export interface Rule<C, Event, State> {
  /** The phases in which it may be said; `anyPhase` for all. */
  readonly phase: string | readonly string[];
  /** Tokens it takes from the session's rate; 0 when absent. */
  readonly cost?: number | ((command: C) => number);
  /** Reads, checks, acts; throws a Fault to refuse. Commands of one session run one at a time, in order. */
  run(session: Session<Event, State>, command: C): void | Promise<void>;
}

/** How a Fault is told: an event, an end of the connection, or both. */
export interface Refusal<Event> {
  readonly reply?: Event;
  readonly close?: Closing;
}

/** Frame ⇄ command / event of one session. Pure but for state of its own (fragments, compression). */
export interface Codec<C, Event> {
  /** Several commands may come in one frame. @throws Fault malformed, unsupported, too-large */
  decode(frame: Frame): readonly (C | Fault)[];
  encode(event: Event): Frame;
}

/** How core messages become a dialect's events. */
export interface Render<Event, State> {
  /** Sessions of equal variant get the same frame, encoded once; undefined = encoded for this session alone. */
  variant(session: Session<Event, State>): string | undefined;
  /** Undefined: this dialect has no words for it; the copy is dropped as `unrenderable`. */
  event(envelope: Envelope, meta: RenderMeta, session: Session<Event, State> | undefined): Event | undefined;
}

/** What a dialect gets once per broker. */
export interface DialectService<Event, State> {
  readonly services: Services;
  sessions(): Iterable<Session<Event, State>>;
  /** Sends one event to many sessions, encoded once per variant. */
  broadcast(event: Event, to: Iterable<Session<Event, State>>): void;
  subscribe(topic: string, heard: (envelope: Envelope) => void): () => void;
  after(ms: number, run: () => void): () => void;
}

/** A language: data and pure functions, no sockets. The engine runs it (ADR 0002). */
export interface Dialect<C extends { readonly type: string }, Event, State> {
  /** Its name in the directory, in logs and counters. */
  readonly name: string;
  /** Paths on the main port at which it answers. */
  readonly paths: readonly string[];
  readonly subprotocols: readonly string[];
  /** First frames by which it is known at `/`: `type` values. */
  readonly firstTypes: readonly string[];
  /** Answers connections at `/` whose first frame no dialect knows, by refusing them as `unauthenticated`. */
  readonly fallback?: boolean;
  readonly initialPhase: string;
  /** Time to log in, milliseconds, before `unauthenticated`; the broker's `wsLoginMs` when absent. */
  readonly loginMs?: number;
  open(hello: Hello): State;
  /** A login from the upgrade's headers. Frames queue meanwhile, bounded. @throws Fault unauthenticated */
  authenticate?(hello: Hello, session: Session<Event, State>): Promise<Principal | undefined>;
  codec(session: Session<Event, State>): Codec<C, Event>;
  /** Total: a command without a rule does not compile. */
  readonly commands: { readonly [T in C["type"]]: Rule<Extract<C, { readonly type: T }>, Event, State> };
  /** Takes `cost` from the session's rate. @throws Fault rate-limited */
  charge?(session: Session<Event, State>, cost: number): void;
  readonly render: Render<Event, State>;
  /** False: this session does not want to hear it. By default nobody hears its own room and `all` messages. */
  wants?(envelope: Envelope, session: Session<Event, State>, own: boolean): boolean;
  /** After `admit`. */
  greet?(session: Session<Event, State>): void;
  leave?(session: Session<Event, State>): void;
  /** The socket's backlog is small again. */
  drained?(session: Session<Event, State>): void;
  /** Total over FaultCode. */
  refuse(fault: Fault, command: C | undefined, session: Session<Event, State>): Refusal<Event>;
  /** Once per broker: timers, streams. The returned function ends them. */
  serve?(service: DialectService<Event, State>): () => void;
}

/** Stands for every phase in a rule. */
export const anyPhase = "any";
