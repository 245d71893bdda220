import type { z } from "zod";
import type { Envelope, Fault, Principal } from "../core/index.js";
import type { Rate } from "../identity/limiter.js";
import type { Closing, Frame, Hello } from "./connection.js";
import { dialectProblem } from "./entry-points.js";
import type { Phrasebook, Vocabulary } from "./phrasebook.js";
import type { DialectTypes, RenderMeta, Services, Session } from "./session.js";

/** Stands for every phase in a rule. */
export const anyPhase = "any";

/** When a command may be said, what it costs, and what it does. */
export interface Rule<T extends DialectTypes, C = T["command"]> {
  /** The phases in which it may be said; {@link anyPhase} for all. */
  readonly phase: T["phase"] | readonly T["phase"][] | typeof anyPhase;
  /**
   * Tokens that the command takes from `Dialect.rate` before it runs; 0 when absent. What is answered by a list costs
   * by the length of the list.
   * @throws Fault where the length cannot be told
   */
  readonly cost?: number | ((command: C, session: Session<T>) => number);
  /** Reads, checks, acts; throws a Fault to refuse. Commands of one session run one at a time, in order. */
  run(session: Session<T>, command: C): void | Promise<void>;
}

/** A rule for each command. A command without a rule does not compile. */
export type Rules<T extends DialectTypes> = {
  readonly [K in T["command"]["type"]]: Rule<T, Extract<T["command"], { readonly type: K }>>;
};

/** A token bucket that pays for a command. */
export interface Bucket {
  /** The agent over all its connections and dialects, this connection, or this connection's network. */
  readonly owner: "agent" | "connection" | "network";
  /** Tells several buckets of one owner apart; absent: the one that pays for everything else. */
  readonly name?: string;
  /** A rate of 0 tokens per second is off: everything passes. */
  readonly rate: Rate;
}

/** How often a session may say something. The engine keeps the buckets. */
export interface SpeakingRate<T extends DialectTypes> {
  /** The buckets that all pay for this command. */
  buckets(session: Session<T>, command: T["command"]): readonly Bucket[];
  /** What a client reads when a bucket is empty. */
  readonly refusal: string;
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
export interface Render<T extends DialectTypes> {
  /**
   * Sessions of equal variant get the same frame, encoded once; undefined = encoded for this session alone. `envelope`:
   * the message; absent for what the dialect itself tells many (`DialectService.broadcast`).
   */
  variant(session: Session<T>, envelope?: Envelope): string | undefined;
  /** Undefined: this dialect has no words for it; the copy is dropped as `unrenderable`. */
  event(envelope: Envelope, meta: RenderMeta, session: Session<T> | undefined): T["event"] | undefined;
  /** What becomes of frames that sessions of the dialect hand on to each other (`Draft.raw`); absent: they stay as they are. */
  readonly raw?: RawRender<T>;
}

/** How a dialect's own frames reach its other sessions, where not all of them are encoded alike. */
export interface RawRender<T extends DialectTypes> {
  /** Sessions of equal encoding get the same frame, made once. */
  encoding(session: Session<T>): string;
  /**
   * A frame as it came, in the encoding of this session.
   * @throws Fault unsupported: it holds what that encoding cannot say
   */
  frame(frame: Frame, session: Session<T>): Frame;
}

/** What a dialect gets once per broker. */
export interface DialectService<T extends DialectTypes> {
  readonly services: Services;
  sessions(): Iterable<Session<T>>;
  /** Sends one event to many sessions, encoded once per variant. */
  broadcast(event: T["event"], to: Iterable<Session<T>>): void;
  /** Sends a frame that the dialect has written itself to many sessions; those that are behind are left out, and counted. */
  broadcastFrame(frame: Frame, to: Iterable<Session<T>>): void;
  /** True for a session that does not keep up, so that streams leave it out; `Dialect.drained` tells when it does again. */
  isBehind(session: Session<T>): boolean;
  subscribe(topic: string, heard: (envelope: Envelope) => void): () => void;
  after(ms: number, run: () => void): () => void;
}

/** Where a dialect answers. */
export interface EntryPoints {
  /** Its name in the directory, in logs, in counters and in the configuration. */
  readonly name: string;
  /** Paths on the main port. */
  readonly paths: readonly string[];
  /** Values of `Sec-WebSocket-Protocol`. */
  readonly subprotocols: readonly string[];
  /** What an ordinary HTTP request at one of its paths is told, by path: how to come by WebSocket instead. */
  readonly httpNotes?: Readonly<Record<string, string>>;
}

/** A language: data and pure functions, no sockets. The engine runs it (ADR 0002). */
export interface Dialect<T extends DialectTypes> extends EntryPoints {
  /** Its name for people. */
  readonly title: string;
  /** True for the first frame of a client of this dialect, by which it is known at `/` and without a subprotocol. */
  recognise?(frame: Frame): boolean;
  /** Answers connections at `/` whose first frame no dialect knows, by refusing them as `unauthenticated`. */
  readonly fallback?: boolean;
  /**
   * Its agents seal what they say to each other (`Draft.sealed`): who was last here in it counts as sealed while away
   * (`directory.contacts.isSealedAway`).
   */
  readonly seals?: boolean;
  readonly initialPhase: T["phase"];
  /** Time to log in, milliseconds, before `unauthenticated`; the broker's `wsLoginMs` when absent. */
  readonly loginMs?: number;
  /**
   * How long a peer may give no sign of life, be it a frame or a pong, and how its connection ends then. It is told no
   * sooner than that, and a broker's ping later at most; the line is cut after the broker's own time when absent.
   */
  readonly silence?: { ms(limits: T["limits"]): number; readonly closing: Closing };
  /** Its limits, with defaults and descriptions; their names are unique in the whole broker (`limits.NAME`). */
  readonly limits?: OptionsSchema<T["limits"]>;
  /** Its settings, with defaults and descriptions; in the configuration they stand under the dialect's name. */
  readonly settings?: OptionsSchema<T["settings"]>;
  open(hello: Hello): T["state"];
  /** The server speaks first: called once, before anything is heard and before any login. */
  begin?(session: Session<T>): void;
  /** A login from the upgrade's headers. Frames queue meanwhile, bounded. @throws Fault unauthenticated */
  authenticate?(hello: Hello, session: Session<T>): Promise<Principal | undefined>;
  codec(session: Session<T>): Codec<T["command"], T["event"]>;
  readonly commands: Rules<T>;
  /** Pays for commands that have a cost. */
  readonly rate?: SpeakingRate<T>;
  readonly render: Render<T>;
  /** False: this session does not want to hear it. By default nobody hears its own room and `all` messages. */
  wants?(envelope: Envelope, session: Session<T>, own: boolean): boolean;
  /** After `admit`. */
  greet?(session: Session<T>): void;
  leave?(session: Session<T>): void;
  /** The socket's backlog is small again. */
  drained?(session: Session<T>): void;
  /** Total over FaultCode. */
  refuse(fault: Fault, command: T["command"] | undefined, session: Session<T>): Refusal<T["event"]>;
  /** Once per broker: timers, streams. The returned function ends them. */
  serve?(service: DialectService<T>): () => void;
  /** How a client speaks it: `broker doctor`, `broker bench` and the conformance suite talk to the broker by it. */
  readonly phrasebook?: Phrasebook;
  /**
   * Everything that can be said and heard, as schemas: the JSON Schema files and the AsyncAPI document are made of it.
   */
  readonly vocabulary?: Vocabulary;
}

/** The zod schema of a dialect's limits or settings: an object whose keys all have a default. */
export type OptionsSchema<O extends object> = z.ZodObject<{ readonly [K in keyof O]: z.ZodType<O[K]> }>;

/** What somebody does with a dialect, whatever its types are. */
export type DialectUse<R> = <T extends DialectTypes>(dialect: Dialect<T>) => R;

/** A dialect whose types are its own business, as lists of dialects hold it. {@link defineDialect} makes it. */
export interface AnyDialect extends EntryPoints {
  readonly title: string;
  readonly fallback: boolean;
  readonly seals?: boolean | undefined;
  readonly limits: z.ZodObject | undefined;
  readonly settings: z.ZodObject | undefined;
  readonly phrasebook: Phrasebook | undefined;
  readonly vocabulary: Vocabulary | undefined;
  /** The file that it was loaded from, and a digest of what was in it; absent where a program gives it. */
  readonly source?: string;
  recognises(frame: Frame): boolean;
  /** Calls `use` with the dialect and its types. */
  with<R>(use: DialectUse<R>): R;
}

/** Makes a dialect ready for a list of dialects; the compiler checks here that nothing of it is missing. */
export function defineDialect<T extends DialectTypes>(dialect: Dialect<T>): AnyDialect {
  const { name, title, paths, subprotocols, httpNotes, fallback = false, seals = false } = dialect;
  const { limits, settings, phrasebook, vocabulary } = dialect;
  return {
    name,
    title,
    paths,
    subprotocols,
    ...(httpNotes !== undefined && { httpNotes }),
    fallback,
    seals,
    limits,
    settings,
    phrasebook,
    vocabulary,
    recognises: (frame) => dialect.recognise?.(frame) === true,
    with: (use) => use(dialect),
  };
}

/** True for what {@link defineDialect} makes, in whichever copy of this module. */
export function isDialect(value: unknown): value is AnyDialect {
  return dialectProblem(value) === undefined;
}
