import { randomBytes } from "node:crypto";
import { z } from "zod";
import { allScopes, Fault, type Clock } from "../core/index.js";
import { closeToOthers, fileStamp, readIfThere, replaceFile } from "../storage/atomic-file.js";
import type { TokenEnd, TokenRecord } from "./identity.js";
import { LookAlikes } from "./look-alikes.js";
import { PidLock } from "../storage/pid-lock.js";
import { remedyOf } from "../storage/remedy.js";
import { newSecret, secretHash } from "../storage/secret-file.js";

const jwtForm = z.object({
  id: z.string(),
  kind: z.literal("jwt"),
  subject: z.string(),
  scopes: z.array(z.enum(allScopes)),
  names: z.array(z.string()).exactOptional(),
  issuedAt: z.number(),
  expiresAt: z.number().exactOptional(),
});
const opaqueForm = jwtForm.extend({ kind: z.enum(["zmq", "ws"]), hash: z.string() });
/** JWTs stand beside the others: a broker that knows none reads the file all the same. */
const fileForm = z.object({ tokens: z.array(opaqueForm), jwts: z.array(jwtForm).default([]) });

/** How long a writer waits for another one, milliseconds. */
const lockWaitMs = 2_000;
const lockRetryMs = 20;

/** The content of a new opaque token. */
export type NewToken = Omit<TokenRecord, "id" | "hash" | "issuedAt">;

/** A new id of a token. */
export function newTokenId(): string {
  return randomBytes(8).toString("hex");
}

/** `tokens.json`: the records of all agents' tokens. Another process may write it, too; see `refresh`. */
export class TokenFile {
  readonly path: string;
  // bound: tokens that the operator issued · evicts: expired ones go when the next is issued · owner: TokenFile
  readonly #byHash = new Map<string, TokenRecord>();
  // bound: subjects of the tokens above · evicts: goes with its last token · owner: TokenFile
  readonly #bySubject = new Map<string, TokenRecord[]>();
  // bound: tokens that the operator issued · evicts: as above · owner: TokenFile
  readonly #byId = new Map<string, TokenRecord>();
  /** The same names, by what they look like. */
  readonly looks = new LookAlikes();
  readonly #clock: Clock;
  #stamp: string | undefined;

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
  }

  /**
   * Reads the file if it has changed since it was read last, and takes the rights of others to it away.
   * @throws Fault unavailable if it cannot be read or is not a token file; what was known stays, and the next call
   * tries again
   */
  refresh(): void {
    if (this.#readStamp() === this.#stamp) return;
    readable(this.path, () => {
      closeToOthers(this.path);
    });
    const stamp = this.#readStamp();
    this.#adopt(this.#read());
    this.#stamp = stamp;
  }

  /** The valid token with this text. */
  find(token: string): TokenRecord | undefined {
    const record = this.#byHash.get(secretHash(token).toString("base64url"));
    return record !== undefined && this.#isValid(record) ? record : undefined;
  }

  /** The valid token of this id. */
  get(id: string): TokenRecord | undefined {
    const record = this.#byId.get(id);
    return record !== undefined && this.#isValid(record) ? record : undefined;
  }

  /** The valid tokens of an agent. */
  of(subject: string): readonly TokenRecord[] {
    return this.#bySubject.get(subject)?.filter((record) => this.#isValid(record)) ?? [];
  }

  /** Why the token of this id is no longer valid; undefined while it is. */
  endOf(id: string): TokenEnd | undefined {
    const record = this.#byId.get(id);
    if (record === undefined) return "revoked";
    return this.#isValid(record) ? undefined : "expired";
  }

  /** The valid tokens, oldest first. */
  get valid(): readonly TokenRecord[] {
    return [...this.#byId.values()]
      .filter((record) => this.#isValid(record))
      .sort((one, other) => one.issuedAt - other.issuedAt);
  }

  /** Agents that were given tokens. */
  get subjects(): number {
    return this.#bySubject.size;
  }

  /**
   * Makes an opaque token, stores its hash and returns it.
   * @throws Fault unavailable if the file is not a token file or another writer has locked it
   */
  async add(issued: NewToken): Promise<string> {
    const token = newSecret();
    await this.keep({
      id: newTokenId(),
      hash: secretHash(token).toString("base64url"),
      issuedAt: this.#clock.now(),
      ...issued,
    });
    return token;
  }

  /** Stores the record of a token that is made. @throws Fault as `add` */
  async keep(record: TokenRecord): Promise<void> {
    await this.#change((tokens) => [...tokens, record]);
  }

  /**
   * Takes the token of this id away, or else every token of this agent.
   * @returns what was taken.
   * @throws Fault as `add`
   */
  async remove(idOrSubject: string): Promise<readonly TokenRecord[]> {
    let removed: readonly TokenRecord[] = [];
    await this.#change((tokens) => {
      const byId = tokens.filter(({ id }) => id === idOrSubject);
      removed = byId.length > 0 ? byId : tokens.filter(({ subject }) => subject === idOrSubject);
      return tokens.filter((token) => !removed.includes(token));
    });
    return removed;
  }

  /** Replaces the file by what `change` makes of its valid tokens, while no other process can. */
  async #change(change: (tokens: readonly TokenRecord[]) => readonly TokenRecord[]): Promise<void> {
    const lock = await this.#lock();
    try {
      const tokens = change(this.#read().filter((kept) => this.#isValid(kept)));
      replaceFile(this.path, `${JSON.stringify(fileOf(tokens), undefined, 2)}\n`);
      this.#stamp = this.#readStamp();
      this.#adopt(tokens);
    } finally {
      lock.release();
    }
  }

  async #lock(): Promise<PidLock> {
    const path = `${this.path}.lock`;
    for (let waited = 0; ; waited += lockRetryMs) {
      const lock = await PidLock.take(path);
      if (lock instanceof PidLock) return lock;
      if (waited >= lockWaitMs)
        throw new Fault(
          "unavailable",
          `process ${String(lock.pid)} is writing ${this.path}; try again when it is done`,
        );
      await new Promise<void>((resolve) => {
        setTimeout(resolve, lockRetryMs);
      });
    }
  }

  /**
   * A text that changes whenever the file is written, replaced or given other rights, so that a revocation is noticed
   * even if the time of writing stays the same.
   */
  #readStamp(): string | undefined {
    return readable(this.path, () => fileStamp(this.path));
  }

  #read(): readonly TokenRecord[] {
    const text = readable(this.path, () => readIfThere(this.path));
    if (text === undefined) return [];
    try {
      const { tokens, jwts } = fileForm.parse(JSON.parse(text));
      return [...tokens, ...jwts];
    } catch (error) {
      throw new Fault(
        "unavailable",
        `${this.path} is damaged: mend it, or delete it and issue the tokens anew (broker token AGENT)`,
        { cause: error },
      );
    }
  }

  #adopt(tokens: readonly TokenRecord[]): void {
    this.#byHash.clear();
    this.#bySubject.clear();
    this.#byId.clear();
    this.looks.clear();
    for (const record of tokens) {
      this.looks.add(record.subject);
      this.#byId.set(record.id, record);
      if (record.hash !== undefined) this.#byHash.set(record.hash, record);
      this.#bySubject.set(record.subject, [...(this.#bySubject.get(record.subject) ?? []), record]);
    }
  }

  #isValid({ expiresAt }: TokenRecord): boolean {
    return expiresAt === undefined || this.#clock.now() < expiresAt;
  }
}

function fileOf(records: readonly TokenRecord[]): object {
  const jwts = records.filter(({ kind }) => kind === "jwt");
  return { tokens: records.filter(({ kind }) => kind !== "jwt"), ...(jwts.length > 0 && { jwts }) };
}

/**
 * The result of `read` on a file of the data directory.
 * @throws Fault unavailable, naming the file, the cause and the remedy
 */
export function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Fault) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Fault("unavailable", `${path} cannot be read: ${why}; ${remedyOf(error)}`, { cause: error });
  }
}
