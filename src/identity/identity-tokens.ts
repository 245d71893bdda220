import {
  Fault,
  agentNameProblem,
  asFault,
  isIssued,
  looksOf,
  partyOf,
  principal,
  type Clock,
  type Limits,
  type Principal,
} from "../core/index.js";
import type { DataDirectory } from "../storage/data-directory.js";
import type { Credential, Identity, TokenEnd, TokenListing, TokenRecord } from "./identity.js";
import { Bearers, operatorsAlone } from "./bearers.js";
import { operatorName, operatorScopes } from "./identity.js";
import { readJwt } from "./jwt-form.js";
import { JwtKeyFile } from "./jwt-key.js";
import { KnownSecret } from "./known-secret.js";
import { LookAlikes } from "./look-alikes.js";
import { ProvedNames, type KeptName } from "./proved-names.js";
import type { Tables } from "../storage/table.js";
import type { OutsideIssuers } from "./outside-issuers.js";
import { jwtTtlMs, OwnJwts } from "./own-jwt.js";
import { newTokenId, TokenFile } from "./token-file.js";
import { isJwtLike, tokenForm } from "./token-form.js";

/** Names whose look is remembered: each sender on ZeroMQ is asked for, often the same again. */
const likesMax = 1_000;
/** Token files are checked for changes no more often than this: so long after one, a broker goes by it. Milliseconds. */
export const refreshMs = 200;

/** Where {@link IdentityTokens} finds tokens and remembered names. */
export interface IdentityOptions {
  readonly dataDirectory: Pick<DataDirectory, "file">;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "provedNameMs" | "provedNamesMax">;
  /** Names that only the owner of a token may use. */
  readonly reserved: readonly string[];
  /**
   * Called when a token file cannot be read while the broker runs; the tokens known before stay valid. For the log.
   */
  readonly damaged: (fault: Fault) => void;
  /** Where proved names are kept over a restart; absent: they are not kept. */
  readonly tables?: Pick<Tables, "table">;
  /** Names that stay with whoever proves them for another reason: a mailbox, an account with another issuer. */
  readonly kept?: { has(name: string): boolean; readonly size: number; readonly looks?: LookAlikes };
  /** Whose JWTs are taken besides our own; absent: nobody's. */
  readonly outside?: OutsideIssuers;
}

/** A file that another process may change, and the last complaint about it, so that it is reported once. */
interface Watched {
  readonly refresh: () => void;
  complaint: string;
}

/** Identity by tokens in the data directory: PAN's shared one, the operator's, and each agent's own, JWTs included. */
export class IdentityTokens implements Identity {
  readonly #options: IdentityOptions;
  readonly #shared: KnownSecret;
  readonly #operator: KnownSecret;
  readonly #tokens: TokenFile;
  readonly #jwts: OwnJwts;
  readonly #bearers: Bearers;
  readonly #proved: ProvedNames;
  // bound: the broker's configuration · evicts: nothing · owner: IdentityTokens
  readonly #reserved = new Set<string>();
  readonly #reservedLooks = new LookAlikes();
  // bound: likesMax · evicts: all when they are too many, or when a protected name comes or goes · owner:
  // IdentityTokens
  readonly #likes = new Map<string, { readonly like: string | undefined }>();
  #likeVersion = 0;
  /**
   * The token files, each read on its own, so that a damaged one does not affect the others. Agents' tokens come first,
   * because a revocation is most urgent.
   */
  readonly #watched: readonly Watched[];
  #refreshedAt = -Infinity;
  #tellProved: (name: string) => void = () => undefined;

  constructor(options: IdentityOptions) {
    const { dataDirectory, clock, limits, reserved } = options;
    this.#options = options;
    this.#shared = new KnownSecret(dataDirectory.file("pan-token"));
    this.#operator = new KnownSecret(dataDirectory.file("operator-token"));
    this.#tokens = new TokenFile(dataDirectory.file("tokens.json"), clock);
    const jwtKey = new JwtKeyFile(dataDirectory.file("jwt-key"));
    this.#jwts = new OwnJwts(jwtKey, clock);
    this.#proved = new ProvedNames(limits, clock);
    for (const name of [operatorName, ...reserved]) {
      this.#reserved.add(name);
      this.#reservedLooks.add(name);
    }
    this.#watched = [this.#tokens, this.#shared, this.#operator, jwtKey].map((file) => ({
      refresh: () => {
        file.refresh();
      },
      complaint: "",
    }));
    this.#bearers = new Bearers({
      tokens: this.#tokens,
      shared: this.#shared,
      operator: this.#operator,
      jwts: this.#jwts,
      outside: options.outside,
      refresh: (atOnce) => {
        this.#refreshFiles(atOnce);
      },
      isProtected: (name) => this.isProtected(name),
      protectedLike: (name) => this.protectedLike(name),
    });
  }

  /**
   * Reads all tokens and makes the shared and the operator's where there are none.
   * @throws Fault unavailable, naming the file and the remedy
   */
  load(): void {
    for (const secret of [this.#shared, this.#operator]) secret.load();
    for (const { refresh } of this.#watched) refresh();
    const { tables } = this.#options;
    if (tables !== undefined) this.#proved.load(tables.table<KeptName>("proved-names"));
  }

  /** From now on `listener` hears of each name that is proved: connections that only claim it must lose it. */
  onProved(listener: (name: string) => void): void {
    this.#tellProved = listener;
  }

  plain(user: string, password: string): Principal {
    if (user === operatorName) return this.operator(password);
    const record = this.#record(password);
    if (record?.kind !== "zmq" || record.subject !== user) {
      throw new Fault(
        "unauthenticated",
        (isJwtLike(password)
          ? `ZeroMQ takes no JWT: make a token for it (broker token ${user} --zmq)`
          : tokenForm(password)) ??
          `user name and password must be an agent's name and its ZeroMQ token (broker token ${user})`,
      );
    }
    return this.#prove(user, record, undefined);
  }

  /**
   * The operator, by its token.
   * @throws Fault unauthenticated
   */
  operator(token: string): Principal {
    this.#refreshFiles(false);
    const tokenId = this.#operator.match(token);
    if (tokenId === undefined) throw operatorsAlone();
    return principal(operatorName, "proved", {
      proof: `token:${operatorName}`,
      tokenId,
      scopes: operatorScopes,
    });
  }

  bearer(token: string, dialect: string): Promise<Credential> {
    return this.#bearers.bearer(token, dialect);
  }

  isProtected(name: string): boolean {
    return this.#isOwned(name) || this.#like(name) !== undefined;
  }

  protectedLike(name: string): string | undefined {
    return this.#isOwned(name) ? undefined : this.#like(name);
  }

  /** True for the operator's name, reserved ones, and those with a token of this broker's. */
  isOurs(name: string): boolean {
    this.#refreshFiles(false);
    return this.#reserved.has(name) || this.#tokens.of(name).length > 0;
  }

  #isOwned(name: string): boolean {
    if (this.#reserved.has(name) || this.#proved.protects(name) || this.#options.kept?.has(name) === true) return true;
    this.#refreshFiles(false);
    return this.#tokens.of(name).length > 0;
  }

  /** The protected name, but itself, that a name looks like. */
  #like(name: string): string | undefined {
    const kept = this.#options.kept?.looks;
    const version = this.#tokens.looks.version + this.#proved.looks.version + (kept?.version ?? 0);
    if (version !== this.#likeVersion || this.#likes.size >= likesMax) this.#likes.clear();
    this.#likeVersion = version;
    const known = this.#likes.get(name);
    if (known !== undefined && (known.like === undefined || this.#isOwned(known.like))) return known.like;
    const looks = looksOf(name);
    const like =
      this.#reservedLooks.find(name, looks, () => true) ??
      this.#tokens.looks.find(name, looks, (other) => this.#tokens.of(other).length > 0) ??
      this.#proved.looks.find(name, looks, (other) => this.#proved.has(other)) ??
      kept?.find(name, looks, () => true);
    this.#likes.set(name, { like });
    return like;
  }

  remember(principal: Principal, remote: string): Promise<void> | undefined {
    const { agent } = principal;
    // The operator's name is nobody else's anyway; remembered, it would have every sender checked after each restart.
    const keptAs =
      agent === operatorName ? undefined : isIssued(principal) ? "issued" : partyOf({ id: agent, remote, principal });
    return this.#proved.add(agent, keptAs);
  }

  forget(name: string): Promise<boolean> {
    return this.#proved.forget(name);
  }

  proved(name: string): void {
    this.#tellProved(name);
  }

  get protectedCount(): number {
    this.#refreshFiles(false);
    // The operator's is nobody else's anyway.
    return this.#reserved.size - 1 + this.#proved.size + this.#tokens.subjects + (this.#options.kept?.size ?? 0);
  }

  get protections(): number {
    this.#refreshFiles(false);
    return this.#tokens.looks.additions + this.#proved.looks.additions;
  }

  proxied(speaker: Principal): ReadonlySet<string> {
    if (!speaker.scopes.has("proxy")) return new Set();
    this.#refreshFiles(false);
    return new Set(
      this.#tokens.of(speaker.agent).flatMap((record) => (record.scopes.includes("proxy") ? (record.names ?? []) : [])),
    );
  }

  async issue({ kind, subject, scopes, names, ttlMs }: Parameters<Identity["issue"]>[0]): Promise<string> {
    const problem =
      agentNameProblem(subject) ??
      (subject === operatorName ? "is the operator's, whose token is in the file operator-token" : undefined);
    if (problem !== undefined) throw new Fault("malformed", `no token can be made for ${subject}: the name ${problem}`);
    const issuedAt = this.#options.clock.now();
    const content = { subject, scopes: scopes ?? [], ...(names !== undefined && { names }) };
    if (kind !== "jwt")
      return this.#tokens.add({ kind, ...content, ...(ttlMs !== undefined && { expiresAt: issuedAt + ttlMs }) });
    // A JWT tells its end in whole seconds, and its record is to say the same.
    const expiresAt = Math.ceil((issuedAt + (ttlMs ?? jwtTtlMs)) / 1_000) * 1_000;
    const record = { id: newTokenId(), kind, ...content, issuedAt, expiresAt };
    const jwt = await this.#jwts.sign(record);
    await this.#tokens.keep(record);
    return jwt;
  }

  /** The valid tokens of agents, oldest first. Makes no file. @throws Fault unavailable */
  list(): readonly TokenListing[] {
    this.#tokens.refresh();
    return this.#tokens.valid.map(listingOf);
  }

  /** What may be shown of the token with this text; undefined if there is none. */
  listing(token: string): TokenListing | undefined {
    const id = readJwt(token)?.claims["jti"];
    this.#refreshFiles(true);
    const record = typeof id === "string" ? this.#tokens.get(id) : this.#tokens.find(token);
    return record === undefined ? undefined : listingOf(record);
  }

  /**
   * Takes the token of this id away, or else every token of this agent. A running broker closes the sessions that use
   * them.
   * @returns what was taken.
   * @throws Fault unavailable
   */
  async revoke(idOrAgent: string): Promise<readonly TokenListing[]> {
    return (await this.#tokens.remove(idOrAgent)).map(listingOf);
  }

  /** Why sessions with this token must end; undefined while the token is valid. */
  endOf(tokenId: string): TokenEnd | undefined {
    this.#refreshFiles(false);
    if (tokenId === this.#shared.id || tokenId === this.#operator.id) return undefined;
    return this.#tokens.endOf(tokenId);
  }

  /** The token with this text. An unknown one may have been issued a moment ago, so the file is read again. */
  #record(token: string): TokenRecord | undefined {
    const known = this.#tokens.find(token);
    if (known !== undefined) {
      this.#refreshFiles(false);
      return this.#tokens.find(token);
    }
    this.#refreshFiles(true);
    return this.#tokens.find(token);
  }

  /** All tokens of one agent prove the same owner, so that a new one takes over from a session of the old. */
  #prove(agent: string, record: TokenRecord, displayName: string | undefined): Principal {
    return principal(agent, "proved", {
      proof: `token:${agent}`,
      tokenId: record.id,
      scopes: record.scopes,
      ...(displayName !== undefined && { displayName }),
    });
  }

  /** Reads files that another process changed: at once, or only if they were not checked for `refreshMs`. */
  #refreshFiles(atOnce: boolean): void {
    const now = this.#options.clock.monotonic();
    if (!atOnce && now - this.#refreshedAt < refreshMs) return;
    this.#refreshedAt = now;
    for (const watched of this.#watched) {
      try {
        watched.refresh();
        watched.complaint = "";
      } catch (error) {
        const fault = asFault(error);
        const isNew = fault.message !== watched.complaint;
        watched.complaint = fault.message;
        if (isNew) this.#options.damaged(fault);
      }
    }
  }
}

function listingOf({ id, kind, subject, scopes, names, issuedAt, expiresAt }: TokenRecord): TokenListing {
  return {
    id,
    kind,
    subject,
    scopes,
    ...(names !== undefined && { names }),
    issuedAt,
    ...(expiresAt !== undefined && { expiresAt }),
  };
}
