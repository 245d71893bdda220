/**
 * How well a speaker's name is proved. `claimed`: not at all. `shared`: by a secret that others know, too. `proved`: by
 * a secret of its own.
 */
export type Trust = "claimed" | "shared" | "proved";

const rank: Readonly<Record<Trust, number>> = { claimed: 0, shared: 1, proved: 2 };

/** True if `shown` proves at least as much as `needed`. */
export function provesAtLeast(shown: Trust, needed: Trust): boolean {
  return rank[shown] >= rank[needed];
}

/**
 * Rights beyond speaking for oneself, none of which implies another (protocols §0.8). `observe`: hear what is said to
 * everybody. `inspect`: hear all that is not sealed. `control`: command agents. `approve`, `edit`: decide about held
 * messages, and change them. `proxy`: carry other names. `operate`: the operator's questions to `$broker`.
 */
export const allScopes = ["observe", "inspect", "control", "approve", "edit", "proxy", "operate"] as const;

/** One of {@link allScopes}. */
export type Scope = (typeof allScopes)[number];

/**
 * What of others' talk a tap or prefix hears. `public`: what is said to everybody, that is to public rooms, `all`, data
 * topics, `$events` and `$telemetry`. `direct`: also what is for one agent, or for the broker. `all`: also invite-only
 * rooms. What is sealed nobody hears.
 */
export type Sight = "public" | "direct" | "all";

/** Who a speaker is, and how well that is proved. */
export interface Principal {
  /** The agent's name: what routes. */
  readonly agent: string;
  /** A name for people; never routes. */
  readonly displayName: string;
  readonly trust: Trust;
  /**
   * What proved the name: `token:NAME`, `key:` and a key that its owner made, or `jwt:ISSUER#SUBJECT` of somebody whom
   * another issuer knows. Equal for two sessions of the same owner.
   */
  readonly proof: string | undefined;
  /**
   * The id of the token that was shown, never the token itself. When that token ends, the session is closed.
   */
  readonly tokenId?: string;
  /** When the proof ends, and the session with it: wall clock, milliseconds. */
  readonly expiresAt?: number;
  /**
   * What would prove the name, if that is known but was not shown yet. Rights are bound to it, so that nobody else gets
   * them by using the same name.
   */
  readonly expectedProof?: string;
  /** The name was made for this session and is never used again, so no right is kept for it. */
  readonly temporary?: true;
  readonly scopes: ReadonlySet<Scope>;
}

/**
 * True if the name is proved by something that the operator issued. A key, or an account elsewhere, proves a name, too,
 * but anybody makes as many of them as it likes: what all share is not kept for those.
 */
export function isIssued({ trust, proof }: { readonly trust: Trust; readonly proof?: string | undefined }): boolean {
  return trust === "proved" && proof?.startsWith("key:") !== true && proof?.startsWith("jwt:") !== true;
}

/** What these rights let a speaker hear as a tap or by a prefix; undefined: nothing. */
export function sightOf(scopes: ReadonlySet<Scope>): Sight | undefined {
  if (scopes.has("inspect")) return "all";
  return scopes.has("observe") ? "public" : undefined;
}

/** The principal's token id as an object to spread into a login event. */
export function tokenOf({ tokenId }: { readonly tokenId?: string | undefined }): { readonly tokenId?: string } {
  return tokenId === undefined ? {} : { tokenId };
}

const noScopes: ReadonlySet<Scope> = new Set([]);

/** A principal from its parts; the display name defaults to the agent's name. */
export function principal(
  agent: string,
  trust: Trust,
  more: Partial<Pick<Principal, "displayName" | "proof" | "tokenId" | "expiresAt" | "expectedProof" | "temporary">> & {
    scopes?: Iterable<Scope>;
  } = {},
): Principal {
  return {
    agent,
    displayName: more.displayName ?? agent,
    trust,
    proof: more.proof,
    ...(more.tokenId !== undefined && { tokenId: more.tokenId }),
    ...(more.expiresAt !== undefined && { expiresAt: more.expiresAt }),
    ...(more.expectedProof !== undefined && { expectedProof: more.expectedProof }),
    ...(more.temporary === true && { temporary: true }),
    scopes: more.scopes === undefined ? noScopes : new Set(more.scopes),
  };
}
