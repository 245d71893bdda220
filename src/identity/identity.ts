import { allScopes, type FaultCode, type Principal, type Scope, type Trust } from "../core/index.js";

/**
 * The kinds of token an agent can hold: for a ZeroMQ PLAIN password, for a WebSocket dialect, and a JWT, for a WebSocket
 * dialect, too.
 */
export type TokenKind = "zmq" | "ws" | "jwt";

/** A token as the store keeps it: never itself, only its SHA-256; of a JWT, which its signature proves, not even that. */
export interface TokenRecord {
  /** Of a JWT its `jti`. */
  readonly id: string;
  readonly kind: TokenKind;
  /** SHA-256 of the token, base64url; absent: a JWT. */
  readonly hash?: string;
  /** The agent it speaks for. */
  readonly subject: string;
  readonly scopes: readonly Scope[];
  /** For scope `proxy`: the names it may carry. */
  readonly names?: readonly string[];
  /** Wall clock, milliseconds. */
  readonly issuedAt: number;
  readonly expiresAt?: number;
}

/** What may be shown of a token. */
export type TokenListing = Omit<TokenRecord, "hash">;

/** Why a token is no longer valid. */
export type TokenEnd = "revoked" | "expired";

/** A login, or the end of one, for the audit log. It contains no secret. */
export type LoginEvent = { readonly dialect: string; readonly remote: string } & (
  | { readonly event: "login" | "displaced"; readonly agent: string; readonly trust: Trust; readonly tokenId?: string }
  /** `agent`: the name that was asked for, where that is known. */
  | { readonly event: "login.refused"; readonly agent?: string; readonly code: FaultCode }
  /** What spoke by a token was cut, because the token ended. */
  | { readonly event: "cut"; readonly agent: string; readonly tokenId?: string; readonly why: TokenEnd }
);

/** Called with each login event as it happens. Must not throw. */
export type LoginListener = (event: LoginEvent) => void;

/** A token that is good, before it is known for which agent it is to speak. */
export interface Credential {
  /** The agent, if there is only one for which it can speak. */
  readonly only: string | undefined;
  /** Whose it is, the same for all agents of one owner: for limits per user. */
  readonly owner: string;
  /**
   * The agent as a speaker. What that binds (a name that nobody had goes to whoever uses it first) is on disk before it
   * resolves.
   * @throws Fault malformed, unauthenticated, forbidden (another agent's token), conflict, unavailable, as rejections
   */
  speakFor(agent: string, displayName?: string): Promise<Principal>;
  /**
   * Whoever has the token, as one who looks (Visualisation §1.4): its agent is the token's subject, whatever that is
   * called, and it takes no name. Nothing is bound, remembered or kept. The shared token proves nothing: `shared`, without
   * scopes.
   * @throws Fault unauthenticated, as a rejection
   */
  viewer(): Promise<Principal>;
}

/** Who may call itself what, and how well that is proved. Decides at once, but for tokens that others have issued. */
export interface Identity {
  /** PLAIN on ZeroMQ: user name = agent name, password = token. @throws Fault unauthenticated */
  plain(user: string, password: string): Principal;
  /**
   * Looks at a token of any kind that a WebSocket dialect was given: an opaque one, or a JWT of this broker's or of an
   * issuer that the configuration names.
   * @param dialect the dialect that was given it; an issuer may be trusted in some only
   * @throws Fault unauthenticated; unavailable (the issuer's keys cannot be had now), as rejections
   */
  bearer(token: string, dialect: string): Promise<Credential>;
  /**
   * True if the name was proved within `provedNameMs`, has a valid token of its own, or is reserved by configuration;
   * also if it looks like such a name. Now and then also for a name like those of keys that nobody has proved, while
   * there are too many to remember.
   */
  isProtected(name: string): boolean;
  /** The protected name that this one looks like; undefined if it is protected itself, or looks like none. */
  protectedLike(name: string): string | undefined;
  /**
   * Remembers that a name was proved, over a restart, too. Resolves when that is on disk; undefined if there is nothing
   * to wait for: it is remembered already, or the operator's token proves it. Nobody is told of a proof before
   * (protocols §1.18).
   * @param remote the address that it was proved from
   * @throws Fault unavailable, as a rejection
   */
  remember(principal: Principal, remote: string): Promise<void> | undefined;
  /**
   * Forgets that a name was proved: it can be claimed again. One with a token, or reserved by configuration, stays
   * protected. Resolves when that is on disk.
   * @returns false if it was not remembered
   * @throws Fault unavailable, as a rejection
   */
  forget(name: string): Promise<boolean>;
  /** The name belongs to somebody who has proved it, from this moment on: who only claims it must lose it. */
  proved(name: string): void;
  /**
   * Names that are protected now and online or remembered; the byte scan of `from` needs to know whether there are any.
   */
  readonly protectedCount: number;
  /** Raised whenever a name becomes protected: what is claimed now, this name or one like it, is judged again. */
  readonly protections: number;
  /** Names that a `proxy` principal may carry. */
  proxied(principal: Principal): ReadonlySet<string>;
  /** Makes a token and stores its hash. The token itself is returned once and never again. */
  issue(
    record: Pick<TokenRecord, "kind" | "subject"> & {
      scopes?: readonly Scope[];
      names?: readonly string[];
      ttlMs?: number;
    },
  ): Promise<string>;
}

/**
 * The name that the operator of the broker connects with (its token is `operator-token` in the data directory). Nobody
 * else may use it.
 */
export const operatorName = "operator";

/** Why a name is refused that looks like a protected one. */
export function looksOwned(name: string, like: string): string {
  return `the name ${name} looks like ${like}, which belongs to somebody who proves it; use another name`;
}

/** Why a protected name is taken from somebody who has it and does not prove it (protocols §1.17). */
export function takenFrom(name: string, like: string | undefined): string {
  return like === undefined
    ? `the name ${name} has an owner now: prove it (its key, or a token of its own: broker token ${name}), or choose another name`
    : `the name ${name} looks like ${like}, which has an owner now: choose another name`;
}

/** What the operator may do beyond speaking for itself: all but carry the names of others (protocols §0.8). */
export const operatorScopes: readonly Scope[] = allScopes.filter((scope) => scope !== "proxy");
