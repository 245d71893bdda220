import { basename } from "node:path";
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
import { operatorName, operatorScopes, looksOwned } from "./identity.js";
import { LookAlikes } from "./look-alikes.js";
import { ProvedNames, type KeptName } from "./proved-names.js";
import { SecretFile, secretHash } from "../storage/secret-file.js";
import type { Tables } from "../storage/table.js";
import { readable, TokenFile } from "./token-file.js";

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
  /** Names that stay with whoever proves them for another reason: they have a mailbox. */
  readonly kept?: { has(name: string): boolean; readonly size: number };
}

/** A file that another process may change, and the last complaint about it, so that it is reported once. */
interface Watched {
  readonly refresh: () => void;
  complaint: string;
}

/** Identity by tokens in the data directory: PAN's shared one, the operator's, and each agent's own. */
export class IdentityTokens implements Identity {
  readonly #options: IdentityOptions;
  readonly #shared: SecretFile;
  readonly #operator: SecretFile;
  readonly #tokens: TokenFile;
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
  #sharedId = "";
  #operatorId = "";
  #refreshedAt = -Infinity;
  #tellProved: (name: string) => void = () => undefined;

  constructor(options: IdentityOptions) {
    const { dataDirectory, clock, limits, reserved } = options;
    this.#options = options;
    this.#shared = new SecretFile(dataDirectory.file("pan-token"));
    this.#operator = new SecretFile(dataDirectory.file("operator-token"));
    this.#tokens = new TokenFile(dataDirectory.file("tokens.json"), clock);
    this.#proved = new ProvedNames(limits, clock);
    for (const name of [operatorName, ...reserved]) {
      this.#reserved.add(name);
      this.#reservedLooks.add(name);
    }
    this.#watched = [
      {
        refresh: () => {
          this.#tokens.refresh();
        },
        complaint: "",
      },
      {
        refresh: () => {
          this.#sharedId = refreshedId(this.#shared) ?? this.#sharedId;
        },
        complaint: "",
      },
      {
        refresh: () => {
          this.#operatorId = refreshedId(this.#operator) ?? this.#operatorId;
        },
        complaint: "",
      },
    ];
  }

  /**
   * Reads all tokens and makes the shared and the operator's where there are none.
   * @throws Fault unavailable, naming the file and the remedy
   */
  load(): void {
    for (const secret of [this.#shared, this.#operator])
      readable(secret.path, () => {
        secret.load();
      });
    for (const { refresh } of this.#watched) refresh();
    const { tables } = this.#options;
    if (tables !== undefined) this.#proved.load(tables.table<KeptName>("proved-names"));
  }

  /** From now on `listener` hears of each name that is proved: connections that only claim it must lose it. */
  onProved(listener: (name: string) => void): void {
    this.#tellProved = listener;
  }

  plain(user: string, password: string): Principal {
    if (user === operatorName) return this.#asOperator(password);
    const record = this.#record(password);
    if (record?.kind !== "zmq" || record.subject !== user) {
      throw new Fault(
        "unauthenticated",
        tokenForm(password) ??
          `user name and password must be an agent's name and its ZeroMQ token (broker token ${user})`,
      );
    }
    return this.#prove(user, record, undefined);
  }

  token(agent: string, token: string, displayName?: string): Principal {
    const problem = agentNameProblem(agent);
    if (problem !== undefined) throw new Fault("malformed", `the agent's name ${problem}; choose another`);
    if (agent === operatorName) return this.#asOperator(token);
    this.#refreshFiles(false);
    if (this.#shared.matches(token)) return this.#share(agent, token, displayName);
    const record = this.#record(token);
    if (record === undefined)
      throw new Fault(
        "unauthenticated",
        tokenForm(token) ??
          `the token is not valid: mistyped, expired or revoked; broker token ${agent} makes one, ` +
            "or take the shared one, whose place broker start tells",
      );
    if (record.kind !== "ws")
      throw new Fault("unauthenticated", `this is a ZeroMQ token; make one for WebSocket (broker token ${agent})`);
    if (record.subject !== agent)
      throw new Fault("forbidden", "this token belongs to another agent; use the name it was made for");
    return this.#prove(agent, record, displayName);
  }

  bearer(token: string): Promise<Credential> {
    const record = this.#record(token);
    return Promise.resolve({
      only: record?.subject,
      owner: record === undefined ? "shared" : `token:${record.subject}`,
      speakFor: (agent, displayName) =>
        new Promise((resolve) => {
          resolve(this.token(agent, token, displayName));
        }),
    });
  }

  isProtected(name: string): boolean {
    return this.#isOwned(name) || this.#like(name) !== undefined;
  }

  protectedLike(name: string): string | undefined {
    return this.#isOwned(name) ? undefined : this.#like(name);
  }

  #isOwned(name: string): boolean {
    if (this.#reserved.has(name) || this.#proved.protects(name) || this.#options.kept?.has(name) === true) return true;
    this.#refreshFiles(false);
    return this.#tokens.of(name).length > 0;
  }

  /** The protected name, but itself, that a name looks like. */
  #like(name: string): string | undefined {
    const version = this.#tokens.looks.version + this.#proved.looks.version;
    if (version !== this.#likeVersion || this.#likes.size >= likesMax) this.#likes.clear();
    this.#likeVersion = version;
    const known = this.#likes.get(name);
    if (known !== undefined && (known.like === undefined || this.#isOwned(known.like))) return known.like;
    const looks = looksOf(name);
    const like =
      this.#reservedLooks.find(name, looks, () => true) ??
      this.#tokens.looks.find(name, looks, (other) => this.#tokens.of(other).length > 0) ??
      this.#proved.looks.find(name, looks, (other) => this.#proved.has(other));
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

  forget(name: string): Promise<void> {
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
    return this.#tokens.add({
      kind,
      subject,
      scopes: scopes ?? [],
      ...(names !== undefined && { names }),
      ...(ttlMs !== undefined && { expiresAt: this.#options.clock.now() + ttlMs }),
    });
  }

  /** The valid tokens of agents, oldest first. Makes no file. @throws Fault unavailable */
  list(): readonly TokenListing[] {
    this.#tokens.refresh();
    return this.#tokens.valid.map(listingOf);
  }

  /** What may be shown of the token with this text; undefined if there is none. */
  listing(token: string): TokenListing | undefined {
    const record = this.#record(token);
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
    if (tokenId === this.#sharedId || tokenId === this.#operatorId) return undefined;
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

  #share(agent: string, token: string, displayName: string | undefined): Principal {
    if (this.isProtected(agent)) {
      const like = this.protectedLike(agent);
      throw new Fault(
        "conflict",
        like === undefined
          ? `the name ${agent} belongs to the owner of a token; use that token (broker token ${agent}) or another name`
          : looksOwned(agent, like),
      );
    }
    return principal(agent, "shared", {
      tokenId: secretId(this.#shared, token),
      ...(displayName !== undefined && { displayName }),
    });
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

  #asOperator(token: string): Principal {
    this.#refreshFiles(false);
    if (!this.#operator.matches(token)) {
      throw new Fault(
        "unauthenticated",
        `the name ${operatorName} needs the token of the file operator-token in the broker's data directory`,
      );
    }
    return principal(operatorName, "proved", {
      proof: "token:operator",
      tokenId: secretId(this.#operator, token),
      scopes: operatorScopes,
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

/** What is wrong with how a token was copied; undefined if it looks like one. */
function tokenForm(text: string): string | undefined {
  const [, label] = /^\s*(zmq|pan)\s+\S/.exec(text) ?? [];
  if (label !== undefined)
    return `this is a token with its label before it: send only what stands behind ${label} and the spaces`;
  return text === text.trim() ? undefined : "there is white space around the token, perhaps a line break: leave it out";
}

/**
 * Takes a secret that was changed, and tells what it is called now; undefined if there is none.
 * @throws Fault unavailable; the secret known before holds
 */
function refreshedId(file: SecretFile): string | undefined {
  return readable(file.path, () => {
    file.refresh();
    const secret = file.read();
    return secret === undefined ? undefined : secretId(file, secret);
  });
}

/** An id of a secret, to close its sessions when it changes. It reveals nothing of the secret. */
function secretId({ path }: SecretFile, secret: string): string {
  return `${basename(path)}:${secretHash(`session ${secret}`).toString("hex").slice(0, 16)}`;
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
