/**
 * How well a speaker's name is proved: `claimed` says it is so, `shared` holds a secret that others hold, too,
 * `proved` holds a secret of its own.
 */
export type Trust = "claimed" | "shared" | "proved";

const rank: Readonly<Record<Trust, number>> = { claimed: 0, shared: 1, proved: 2 };

/** True if `shown` proves at least as much as `needed`. */
export function provesAtLeast(shown: Trust, needed: Trust): boolean {
  return rank[shown] >= rank[needed];
}

/** Rights beyond speaking for oneself. */
export type Scope = "observe" | "inspect" | "proxy" | "operate";

/** Who a speaker is, and how well that is proved. */
export interface Principal {
  /** The agent's name: what routes. */
  readonly agent: string;
  /** A name for people; never routes. */
  readonly displayName: string;
  readonly trust: Trust;
  /** What proved it, equal for two sessions of the same owner: a token's id, a key's fingerprint. */
  readonly proof: string | undefined;
  /**
   * Which token was shown, where it was one of the agent's own: what speaks by it ends with it. Never the token itself.
   */
  readonly tokenId?: string;
  /**
   * What would prove it, where that is known and not yet shown. Rights are given to it, so that nobody else gets them
   * by the name.
   */
  readonly expectedProof?: string;
  /** The name was made for this session and never comes again: a right that lasts longer is of no use to it. */
  readonly temporary?: true;
  readonly scopes: ReadonlySet<Scope>;
}

/** The token by which somebody speaks, as a part of what is told of it. */
export function tokenOf({ tokenId }: Principal): { readonly tokenId?: string } {
  return tokenId === undefined ? {} : { tokenId };
}

const noScopes: ReadonlySet<Scope> = new Set([]);

/** A principal from its parts; the display name defaults to the agent's name. */
export function principal(
  agent: string,
  trust: Trust,
  more: Partial<Pick<Principal, "displayName" | "proof" | "tokenId" | "expectedProof" | "temporary">> & {
    scopes?: Iterable<Scope>;
  } = {},
): Principal {
  return {
    agent,
    displayName: more.displayName ?? agent,
    trust,
    proof: more.proof,
    ...(more.tokenId !== undefined && { tokenId: more.tokenId }),
    ...(more.expectedProof !== undefined && { expectedProof: more.expectedProof }),
    ...(more.temporary === true && { temporary: true }),
    scopes: more.scopes === undefined ? noScopes : new Set(more.scopes),
  };
}
