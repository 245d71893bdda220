import type { ConversationRecords, JsonValue, OwnKeys, RecordChange } from "../conversations/records.js";
import { joined, textOf, utf8 } from "../crypto/bytes.js";
import { agreementPair, keyBytes, random, signingPair, wipe } from "../crypto/key-pairs.js";
import { decrypt, encrypt, nonceBytes } from "../crypto/sealed.js";
import { ready, sodium, type Bytes } from "../crypto/sodium.js";
import { DamagedRecords } from "./damaged-records.js";
import { headerBytes, newLock, noHeader, openHeader, type Lock } from "./header.js";
import { pagesOf } from "./pages.js";
import { checkPassphrase } from "./passphrase.js";
import type { Secrets } from "./secrets.js";
import type { Change, NetworkStore, Range } from "./store.js";

/** A record of the vault. `key` is encrypted with `value`, unless it is ordered. */
export type VaultChange = RecordChange;

const headerTable = "vault";
const headerKey = "header";

/** Tables whose records have an order: their keys are sequence numbers, which say nothing, and stay as they are. */
const ordered: ReadonlySet<string> = new Set(["kept", "processed", "transcript"]);
/** Where there are records, there must be a header. */
const tables = ["peers", "used-keys", ...ordered];

/**
 * What a client keeps, encrypted (Agent Network §14.1): its private keys under its passphrase, everything else under a
 * key that lies among them. Which record is which cannot be seen, nor can one be put in another's place.
 */
export class Vault implements ConversationRecords {
  readonly isDurable: boolean;
  readonly #store: NetworkStore;
  readonly #recordsKey: Bytes;
  readonly #nameKey: Bytes;
  readonly #damaged: DamagedRecords;
  #identity: OwnKeys;
  #lock: Lock | undefined;
  /** The header's changes, one behind the other. */
  #headers: Promise<unknown> = Promise.resolve();
  #phase: "open" | "closed" = "open";

  private constructor(store: NetworkStore, { identity, recordsKey }: Secrets, lock?: Lock, damaged?: Damaged) {
    this.#store = store;
    this.isDurable = store.isDurable;
    this.#identity = identity;
    this.#recordsKey = recordsKey;
    this.#nameKey = sodium().crypto_generichash(keyBytes, utf8("AN2 names"), recordsKey);
    this.#lock = lock;
    this.#damaged = new DamagedRecords(damaged);
  }

  /**
   * Opens what is kept in a store, or begins it with new keys. Without a passphrase the store must be one in memory.
   * @param damaged hears of records that are damaged, which are left out then (Agent Network §14.5); without it whatever
   * reads them rejects
   * @throws Error for a wrong passphrase, a damaged header, or a store on disk without a passphrase, with the remedy
   */
  static async open(store: NetworkStore, passphrase: string | undefined, damaged?: Damaged): Promise<Vault> {
    await ready();
    if (passphrase === undefined) {
      if (!store.isDurable) return new Vault(store, newSecrets());
      throw new Error(
        "a store on disk needs a passphrase, since no key lies there without one: set passphrase, or leave store out",
      );
    }
    const [row] = await store.read(headerTable);
    if (row === undefined) return Vault.#begin(store, passphrase, damaged);
    const { secrets, lock } = await openHeader(row[1], passphrase);
    return new Vault(store, secrets, lock, damaged);
  }

  static async #begin(store: NetworkStore, passphrase: string, damaged: Damaged | undefined): Promise<Vault> {
    const found = await Promise.all(tables.map((table) => store.read(table, { limit: 1 })));
    if (found.some((rows) => rows.length > 0)) throw noHeader();
    const lock = await newLock(passphrase);
    const vault = new Vault(store, newSecrets(), lock, damaged);
    await vault.#writeHeader(vault.#identity, lock);
    return vault;
  }

  /**
   * One's own keys. They are the vault's: it wipes them when it is closed. Those that {@link saveIdentity} leaves out are
   * the caller's to wipe, once it has resolved.
   */
  identity(): OwnKeys {
    return this.#identity;
  }

  /** Keeps new keys of one's own; on disk when it resolves. If it rejects, the keys are those before. */
  saveIdentity(keys: OwnKeys): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#lock !== undefined) await this.#writeHeader(keys, this.#lock);
      this.#identity = keys;
    });
  }

  /**
   * From now on another passphrase opens the store. A kill meanwhile leaves the old or the new one valid; if it rejects,
   * the old one. Of two at once, the second finds that its old passphrase is another.
   */
  changePassphrase(old: string, next: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#lock === undefined) throw new Error("nothing is kept here, so there is no passphrase to change");
      checkPassphrase(next);
      const [row] = await this.#store.read(headerTable);
      if (row === undefined) throw noHeader();
      const { secrets } = await openHeader(row[1], old).catch((cause: unknown) => {
        throw new Error("the passphrase is not changed: the old one is another than what was given", { cause });
      });
      wipeSecrets(secrets); // only whether it opens was asked
      const lock = await newLock(next);
      await this.#writeHeader(this.#identity, lock);
      this.#lock = lock;
    });
  }

  /** Records that can be read; of others, whoever opened the vault is told. @throws Error */
  async read(table: string, range?: Range): Promise<readonly (readonly [key: string, value: JsonValue])[]> {
    if (range !== undefined) return this.#openAll(table, await this.raw.read(table, range));
    const all: (readonly [string, JsonValue])[] = [];
    for await (const rows of this.pages(table)) all.push(...rows);
    return all;
  }

  /** The same for all records of a table, some at a time: the application's own work goes on between. */
  async *pages(table: string): AsyncGenerator<readonly (readonly [key: string, value: JsonValue])[]> {
    for await (const rows of pagesOf(this.raw, table)) yield this.#openAll(table, rows);
  }

  /** Whether there is a record under this key that was found to be damaged. */
  isDamaged(table: string, key: string): boolean {
    return !this.#damaged.isEmpty && this.#damaged.has(table, this.#nameIn(table, key));
  }

  /** The keys of an ordered table under which damaged records were found. */
  damagedIn(table: "kept" | "processed" | "transcript"): readonly string[] {
    return this.#damaged.of(table);
  }

  async commit(changes: readonly VaultChange[]): Promise<void> {
    this.#mustBeOpen();
    await this.#commit(changes.map((change) => this.sealed(change)));
  }

  /** A change as the store has it: to be committed by {@link raw}. @throws Error after close */
  sealed({ table, key, value }: VaultChange): Change {
    this.#mustBeOpen();
    const name = this.#nameIn(table, key);
    if (value === undefined) return { table, key: name };
    const nonce = random(nonceBytes);
    const text = utf8(JSON.stringify([key, value]));
    return { table, key: name, value: joined(nonce, encrypt(text, placeOf(table, name), nonce, this.#recordsKey)) };
  }

  /** The store, for records that are {@link sealed} already. */
  get raw(): Pick<NetworkStore, "commit" | "read"> {
    return {
      read: async (table, range) => {
        this.#mustBeOpen();
        return this.#store.read(table, range);
      },
      commit: async (changes) => {
        this.#mustBeOpen();
        await this.#commit(changes);
      },
    };
  }

  /** A keyed hash: 22 characters that tell nobody without the keys what they stand for. @throws Error after close */
  nameOf(table: string, key: string): string {
    this.#mustBeOpen();
    const hash = sodium().crypto_generichash(16, utf8(`${table}\0${key}`), this.#nameKey);
    return sodium().to_base64(hash, sodium().base64_variants.URLSAFE_NO_PADDING);
  }

  /** Wipes the keys, and closes the store. Whatever is asked of the vault afterwards rejects. */
  async close(): Promise<void> {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    await this.#headers; // a header that is written now would be of wiped keys
    try {
      await this.#store.close();
    } finally {
      wipeSecrets({ identity: this.#identity, recordsKey: this.#recordsKey });
      wipe(this.#nameKey);
      this.#lock = undefined;
    }
  }

  /** Does something with the header when what was begun before is done, whether it failed or not. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    this.#mustBeOpen();
    const mine = this.#headers.then(work);
    this.#headers = mine.catch(() => undefined); // told to whoever waits for it
    await mine;
  }

  async #writeHeader(identity: OwnKeys, lock: Lock): Promise<void> {
    const value = await headerBytes({ identity, recordsKey: this.#recordsKey }, lock);
    await this.#store.commit([{ table: headerTable, key: headerKey, value }]);
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    await this.#store.commit(changes);
    this.#damaged.written(changes);
  }

  #nameIn(table: string, key: string): string {
    return ordered.has(table) ? key : this.nameOf(table, key);
  }

  #opened(table: string, name: string, value: Bytes): readonly [string, JsonValue] | undefined {
    try {
      const parts = { nonce: value.slice(0, nonceBytes), encryptedData: value.slice(nonceBytes) };
      const plain = decrypt(parts, placeOf(table, name), this.#recordsKey);
      return JSON.parse(textOf(plain)) as [string, JsonValue]; // sealed by `sealed` alone: the tag says so
    } catch {
      return undefined; // its tag says no more than that it is not what was written here
    }
  }

  #openAll(table: string, rows: readonly (readonly [string, Bytes])[]): readonly (readonly [string, JsonValue])[] {
    this.#mustBeOpen(); // the keys may have been wiped meanwhile
    const opened = rows.map(([name, value]) => [name, this.#opened(table, name, value)] as const);
    this.#damaged.found(
      table,
      opened.flatMap(([name, row]) => (row === undefined ? [name] : [])),
    );
    return opened.flatMap(([, row]) => (row === undefined ? [] : [row]));
  }

  #mustBeOpen(): void {
    if (this.#phase === "closed") throw new Error("the store is closed, and its keys are wiped; make a new client");
  }
}

type Damaged = (problem: Error) => void;

function newSecrets(): Secrets {
  const identity = { signing: signingPair(), agreement: { ...agreementPair(), since: Date.now() }, earlier: [] };
  return { identity, recordsKey: random(keyBytes) };
}

function wipeSecrets({ identity: { signing, agreement, earlier }, recordsKey }: Secrets): void {
  for (const { privateKey } of [signing, agreement, ...earlier]) wipe(privateKey);
  wipe(recordsKey);
}

/** Binds a record to its place. Neither table nor name holds a line feed. */
function placeOf(table: string, name: string): Bytes {
  return utf8(`${table}\n${name}`);
}
