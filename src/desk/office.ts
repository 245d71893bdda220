import type { MessageType, Priority, Trust } from "../core/index.js";
import type { TokenListing } from "../identity/index.js";

/** The head of a message that the broker has looked at; never what it says. */
export interface TracedHead {
  /** When it was routed, wall clock, milliseconds. */
  readonly at: number;
  readonly messageId: string;
  readonly from: string;
  /** The topic that it went to. */
  readonly to: string;
  readonly type: MessageType;
  readonly priority: Priority;
  readonly inReplyTo: string | undefined;
  readonly conversationId: string | undefined;
  readonly trust: Trust | undefined;
}

/** Which heads are asked for: those that fit all of what is given. */
export interface TraceQuery {
  /** Its own id, or that of what it answers. */
  readonly messageId?: string | undefined;
  /** Who said it, or to whom. */
  readonly agent?: string | undefined;
  /** The newest, so many at most. */
  readonly count: number;
}

/** Logins that were refused, of one dialect, network and code. */
export interface RefusedLogins {
  readonly dialect: string;
  /** The address of the last. */
  readonly remote: string;
  readonly code: string;
  /** The name that the last asked for, where that is known. */
  readonly agent: string | undefined;
  readonly count: number;
  /** Wall clock, milliseconds. */
  readonly first: number;
  readonly last: number;
}

/** The certificate of the WebSocket doors. */
export interface DoorCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly hosts: readonly string[];
  /** SHA-256, as TLS peers write it. */
  readonly fingerprint: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** A connection that is open: a WebSocket session, or one of the sockets of a ZeroMQ agent. */
export interface OpenConnection {
  readonly id: string;
  /** `zmq`, or the name of the dialect. */
  readonly dialect: string;
  /** ZeroMQ: the agents' PUB sockets connect `in`, their SUB sockets `out`. */
  readonly door?: "in" | "out";
  /** Undefined: it has not logged in, or has no name. */
  readonly agent: string | undefined;
  readonly trust: Trust | undefined;
  readonly remote: string;
  /** Wall clock, milliseconds. */
  readonly since: number;
  /** Bytes that wait for it. */
  readonly backlog: number;
  /** Messages for it that were dropped because it is slow. */
  readonly dropped: number;
}

/** What only the operator is told, and does, at the desk. */
export interface Office {
  /** Of the last 10,000 messages that the broker has looked at, newest last. */
  trace(query: TraceQuery): readonly TracedHead[];
  /** How often something was refused, dropped or cut, by reason. */
  reasons(): Readonly<Record<string, number>>;
  /** The last ones, newest first. */
  refusedLogins(): readonly RefusedLogins[];
  /** Undefined: the doors are clear text. */
  certificate(): DoorCertificate | undefined;
  now(): number;
  /** The valid tokens of agents, oldest first. @throws Fault unavailable */
  tokens(): readonly TokenListing[];
  /**
   * Takes a token away, on the disk, and cuts what uses it.
   * @throws Fault not-found, unavailable, as rejections
   */
  revoke(id: string, by: string): Promise<TokenListing>;
  /** In any order. */
  connections(): Iterable<OpenConnection>;
  readonly connectionCount: number;
  /** Closes a connection. @returns what it was; undefined: there is none of this id */
  close(id: string, by: string): OpenConnection | undefined;
}
