import { agentNameProblem, Fault, principal, type Principal } from "../core/index.js";
import { looksOwned, operatorName, operatorScopes, type Credential, type TokenRecord } from "./identity.js";
import { readJwt, refused, tokenMaxBytes, type UnverifiedJwt } from "./jwt-form.js";
import type { KnownSecret } from "./known-secret.js";
import type { OutsideIssuers } from "./outside-issuers.js";
import type { OwnClaims, OwnJwts } from "./own-jwt.js";
import type { TokenFile } from "./token-file.js";
import { tokenForm } from "./token-form.js";

/** What {@link Bearers} looks tokens up in. */
export interface BearersOptions {
  readonly tokens: Pick<TokenFile, "find" | "get" | "endOf">;
  readonly shared: KnownSecret;
  readonly operator: KnownSecret;
  readonly jwts: OwnJwts;
  readonly outside: OutsideIssuers | undefined;
  /** Reads files that another process changed: at once, or if they were not looked at for a while. */
  readonly refresh: (atOnce: boolean) => void;
  /** The name belongs to somebody, or looks like one that does. */
  readonly isProtected: (name: string) => boolean;
  readonly protectedLike: (name: string) => string | undefined;
}

/** A token of ours: until its id has ended it speaks for these agents. */
interface Known {
  readonly tokenId: string;
  readonly subject: string;
  readonly agents: readonly string[];
  readonly owner: string;
}

/** The tokens that WebSocket dialects are given, of whatever kind: each is looked at here before it speaks for a name. */
export class Bearers {
  readonly #options: BearersOptions;

  constructor(options: BearersOptions) {
    this.#options = options;
  }

  /** See `Identity.bearer`. */
  async bearer(token: string, dialect: string): Promise<Credential> {
    if (Buffer.byteLength(token) > tokenMaxBytes)
      throw refused(`it is longer than ${String(tokenMaxBytes)} bytes, which none is that is taken here`);
    this.#options.refresh(false);
    const jwt = readJwt(token);
    return jwt === undefined ? this.#opaque(token) : this.#jwt(jwt, dialect);
  }

  /** @throws Fault unauthenticated */
  #opaque(token: string): Credential {
    const { shared, operator } = this.#options;
    const sharedId = shared.match(token);
    if (sharedId !== undefined) return this.#sharedBy(sharedId);
    const operatorId = operator.match(token);
    if (operatorId !== undefined) {
      const known = { tokenId: operatorId, subject: operatorName, agents: [operatorName] };
      return this.#credential({ ...known, owner: `token:${operatorName}` }, (_agent, more) =>
        principal(operatorName, "proved", { ...more, scopes: operatorScopes }),
      );
    }
    const record = this.#record((tokens) => tokens.find(token));
    if (record === undefined)
      throw new Fault(
        "unauthenticated",
        tokenForm(token) ??
          "the token is not valid: mistyped, expired or revoked; broker token NAME makes one, " +
            "or, in PAN, take the shared one, whose place broker start tells",
      );
    const { subject, kind } = record;
    if (kind !== "ws")
      throw new Fault("unauthenticated", `this is a ZeroMQ token; make one for WebSocket (broker token ${subject})`);
    const known = { tokenId: record.id, subject, agents: [subject], owner: `token:${subject}` };
    return this.#credential(known, (agent, more) => principal(agent, "proved", { ...more, scopes: record.scopes }));
  }

  async #jwt(jwt: UnverifiedJwt, dialect: string): Promise<Credential> {
    const { jwts, outside, refresh } = this.#options;
    if (!(await jwts.isOurs(jwt))) {
      const credential = outside?.bearer(jwt, dialect);
      if (credential !== undefined) return credential;
      refresh(true); // the key may have been made a moment ago
      if (!(await jwts.isOurs(jwt))) throw notOurs(jwt);
    }
    const claims = await jwts.verify(jwt);
    const record = this.#recordOf(claims);
    const known = {
      tokenId: record.id,
      subject: claims.subject,
      agents: [...new Set([claims.subject, ...claims.agents])].filter((agent) => agent !== operatorName),
      owner: `token:${claims.subject}`,
    };
    return this.#credential(known, (agent, more) =>
      principal(agent, "proved", { ...more, scopes: record.scopes, expiresAt: claims.expiresAt }),
    );
  }

  /** @throws Fault unauthenticated */
  #recordOf({ id, subject }: OwnClaims): TokenRecord {
    const record = this.#record((tokens) => tokens.get(id));
    if (record?.kind === "jwt" && record.subject === subject) return record;
    throw refused(
      "it was revoked, or the tokens.json of the broker is older than it; " +
        `broker token ${subject} --jwt makes a new one`,
    );
  }

  /** A record that is not known may have been made a moment ago, so the file is read again. */
  #record(find: (tokens: BearersOptions["tokens"]) => TokenRecord | undefined): TokenRecord | undefined {
    const { tokens, refresh } = this.#options;
    const known = find(tokens);
    if (known !== undefined) return known;
    refresh(true);
    return find(tokens);
  }

  /** What may speak for any free name, which it does not prove. */
  #sharedBy(tokenId: string): Credential {
    const { isProtected, protectedLike } = this.#options;
    return {
      only: undefined,
      owner: "shared",
      speakFor: async (agent, displayName) => {
        checkName(agent);
        this.#mustHold(tokenId);
        if (agent === operatorName) throw operatorsAlone();
        if (isProtected(agent)) {
          const like = protectedLike(agent);
          throw new Fault(
            "conflict",
            like === undefined
              ? `the name ${agent} belongs to the owner of a token; use that token (broker token ${agent}) or another name`
              : looksOwned(agent, like),
          );
        }
        return Promise.resolve(
          principal(agent, "shared", { tokenId, ...(displayName !== undefined && { displayName }) }),
        );
      },
      viewer: async () => {
        this.#mustHold(tokenId);
        return Promise.resolve(principal("shared", "shared", { tokenId }));
      },
    };
  }

  /**
   * All tokens of one agent, of whatever kind, prove the same owner, so that a new one takes over from a session of the
   * old.
   */
  #credential(
    { tokenId, subject, agents, owner }: Known,
    speaker: (agent: string, more: { proof: string; tokenId: string; displayName?: string }) => Principal,
  ): Credential {
    const [only, more] = agents;
    return {
      only: more === undefined ? only : undefined,
      owner,
      speakFor: async (agent, displayName) => {
        checkName(agent);
        if (!agents.includes(agent)) {
          if (agent === operatorName) throw operatorsAlone();
          throw new Fault("forbidden", "this token belongs to another agent; use the name it was made for");
        }
        this.#mustHold(tokenId);
        return Promise.resolve(
          speaker(agent, { proof: `token:${agent}`, tokenId, ...(displayName !== undefined && { displayName }) }),
        );
      },
      viewer: async () => {
        this.#mustHold(tokenId);
        return Promise.resolve(speaker(subject, { proof: owner, tokenId }));
      },
    };
  }

  /** A dialect may take its time between looking at a token and letting it speak. @throws Fault unauthenticated */
  #mustHold(tokenId: string): void {
    const { shared, operator, tokens, refresh } = this.#options;
    refresh(false);
    if (tokenId === shared.id || tokenId === operator.id) return;
    const why = tokens.endOf(tokenId);
    if (why !== undefined)
      throw new Fault(
        "unauthenticated",
        `the token ${why === "revoked" ? "was taken back" : "has expired"}; log in with a new one (broker token NAME)`,
      );
  }
}

/** @throws Fault malformed */
function checkName(agent: string): void {
  const problem = agentNameProblem(agent);
  if (problem !== undefined) throw new Fault("malformed", `the agent's name ${problem}; choose another`);
}

/** Why nobody else is let in as the operator. */
export function operatorsAlone(): Fault {
  return new Fault(
    "unauthenticated",
    `the name ${operatorName} needs the token of the file operator-token in the broker's data directory`,
  );
}

function notOurs({ issuer, header: { alg } }: UnverifiedJwt): Fault {
  if (issuer === undefined) return refused("it does not say who issued it (iss)");
  if (alg.toLowerCase() === "none") return refused("it is not signed (alg none)");
  return refused(
    issuer.startsWith("synaptic-core:")
      ? "another broker has issued it, or this one with a jwt-key that it no longer has; broker token NAME --jwt makes one"
      : "its issuer (iss) is none that this broker knows: identityProviders of the configuration names them, " +
          "or take a token of the broker's own (broker token NAME --jwt)",
  );
}
