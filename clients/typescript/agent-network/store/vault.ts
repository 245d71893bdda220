import type { ConversationRecords, JsonValue, OwnKeys, RecordChange } from "../conversations/records.js";
import { toBase64 } from "../crypto/base64.js";
import { joined, textOf, utf8 } from "../crypto/bytes.js";
import { agreementPair, keyBytes, random, signingPair, wipe } from "../crypto/key-pairs.js";
import { decrypt, encrypt, nonceBytes } from "../crypto/sealed.js";
import { ready, sodium, type Bytes } from "../crypto/sodium.js";
import { readSecrets, secretsText, type Secrets } from "./secrets.js";
import { keyOf, newRecipe, unwrap, wrap, type KeyRecipe, type SecretKey, type Wrapped } from "./passphrase.js";
import type { Change, NetworkStore, Range } from "./store.js";

/** A record of the vault. `key` is encrypted with `value`, unless it is ordered. */
export type VaultChange = RecordChange;

/** The store's one plain record: which passphrase opens it, and what others may know anyway. */
interface Header {
  readonly v: 1;
  readonly recipe: KeyRecipe;
  readonly secrets: Wrapped;
  readonly publicKeys: { readonly signing: string; readonly agreement: string };
}

/** What encrypts the private keys. */
interface Lock {
  readonly key: SecretKey;
  readonly recipe: KeyRecipe;
}

const headerTable = "vault";
const headerKey = "header";

/** Tables whose records have an order: their keys are sequence numbers, which say nothing, and stay as they are. */
const ordered: ReadonlySet<string> = new Set(["kept", "processed", "transcript"]);
/** Records that are looked at in one go. */
const page = 1_024;

/**
 * What a client keeps, encrypted (Agent Network §14.1): its private keys under its passphrase, everything else under a
 * key that lies among them. Which record is which cannot be seen, nor can one be put in another's place.
 */
export class Vault implements ConversationRecords {
  readonly isDurable: boolean;
  readonly #store: NetworkStore;
  readonly #recordsKey: Bytes;
  readonly #nameKey: Bytes;
  #identity: OwnKeys;
  #lock: Lock | undefined;
  /** The header's writes, one behind the other. */
  #headers: Promise<unknown> = Promise.resolve();

  private constructor(store: NetworkStore, { identity, recordsKey }: Secrets, lock?: Lock) {
    this.#store = store;
    this.isDurable = store.isDurable;
    this.#identity = identity;
    this.#recordsKey = recordsKey;
    this.#nameKey = sodium().crypto_generichash(keyBytes, utf8("AN2 names"), recordsKey);
    this.#lock = lock;
  }

  /**
   * Opens what is kept in a store, or begins it with new keys. Without a passphrase the store must be one in memory.
   * @throws Error for a wrong passphrase, a damaged header, or a store on disk without a passphrase, with the remedy
   */
  static async open(store: NetworkStore, passphrase: string | undefined): Promise<Vault> {
    await ready();
    if (passphrase === undefined) {
      if (store.isDurable) throw new Error("a store on disk needs a passphrase: no key lies there without one");
      return new Vault(store, newSecrets());
    }
    const [row] = await store.read(headerTable);
    if (row === undefined) return Vault.#begin(store, passphrase);
    const header = headerOf(row[1]);
    const key = await keyOf(passphrase, header.recipe);
    const secrets = readSecrets(await unwrap(header.secrets, key, besideOf(header)));
    if (secrets === undefined) {
      throw new Error("the passphrase does not open this store: it is another, or the store's header is damaged");
    }
    return new Vault(store, secrets, { key, recipe: header.recipe });
  }

  static async #begin(store: NetworkStore, passphrase: string): Promise<Vault> {
    const recipe = newRecipe();
    const lock = { key: await keyOf(passphrase, recipe), recipe };
    const vault = new Vault(store, newSecrets(), lock);
    await vault.#writeHeader({ lock });
    return vault;
  }

  /** One's own keys. */
  identity(): OwnKeys {
    return this.#identity;
  }

  /** Keeps new keys of one's own; on disk when it resolves. */
  async saveIdentity(keys: OwnKeys): Promise<void> {
    await this.#writeHeader({ identity: keys });
  }

  /** From now on another passphrase opens the store. A kill meanwhile leaves the old or the new one valid. */
  async changePassphrase(old: string, next: string): Promise<void> {
    const [row] = this.#lock === undefined ? [] : await this.#store.read(headerTable);
    if (row === undefined) throw new Error("nothing is kept here, so there is no passphrase to change");
    const header = headerOf(row[1]);
    const opened = await unwrap(header.secrets, await keyOf(old, header.recipe), besideOf(header));
    if (opened === undefined) throw new Error("the old passphrase is another");
    const recipe = newRecipe();
    await this.#writeHeader({ lock: { key: await keyOf(next, recipe), recipe } });
  }

  /** @throws Error for a record that is damaged */
  async read(table: string, range?: Range): Promise<readonly (readonly [key: string, value: JsonValue])[]> {
    return (await this.#store.read(table, range)).map(([name, value]) => this.#opened(table, name, value));
  }

  async commit(changes: readonly VaultChange[]): Promise<void> {
    await this.#store.commit(
      changes.map(({ table, key, value }) => {
        const name = ordered.has(table) ? key : this.nameOf(table, key);
        return value === undefined
          ? { table, key: name }
          : { table, key: name, value: this.#sealed(table, name, key, value) };
      }),
    );
  }

  /** The keys of an ordered table, and how many bytes each record has on disk; nothing is decrypted for it. */
  async sizes(table: string): Promise<readonly (readonly [key: string, bytes: number])[]> {
    const sizes: (readonly [string, number])[] = [];
    for (let after: string | undefined; ;) {
      const rows = await this.#store.read(table, { limit: page, ...(after === undefined ? {} : { after }) });
      for (const [key, value] of rows) sizes.push([key, value.length]);
      after = rows.at(-1)?.[0];
      if (rows.length < page) return sizes;
    }
  }

  /** A keyed hash: 22 characters that tell nobody without the keys what they stand for. */
  nameOf(table: string, key: string): string {
    const hash = sodium().crypto_generichash(16, utf8(`${table}\0${key}`), this.#nameKey);
    return sodium().to_base64(hash, sodium().base64_variants.URLSAFE_NO_PADDING);
  }

  /** Wipes the keys, and closes the store. */
  async close(): Promise<void> {
    await this.#headers;
    try {
      await this.#store.close();
    } finally {
      const { signing, agreement, earlier } = this.#identity;
      for (const { privateKey } of [signing, agreement, ...earlier]) wipe(privateKey);
      wipe(this.#recordsKey);
      wipe(this.#nameKey);
      this.#lock = undefined;
    }
  }

  /** Keys or a lock are in force once they are on disk: what could not be written changes nothing. */
  async #writeHeader(change: { readonly identity?: OwnKeys; readonly lock?: Lock }): Promise<void> {
    const written = this.#headers.then(async () => {
      // Read in its turn: a write that waited must not bring back what another has changed.
      const { identity = this.#identity, lock = this.#lock } = change;
      if (lock !== undefined) await this.#store.commit([await this.#headerFor(identity, lock)]);
      this.#identity = identity;
      this.#lock = lock;
    });
    this.#headers = written.catch(() => undefined); // told to whoever waits for it
    await written;
  }

  async #headerFor(identity: OwnKeys, { key, recipe }: Lock): Promise<Change> {
    const plain = {
      v: 1,
      recipe,
      publicKeys: {
        signing: toBase64(identity.signing.publicKey),
        agreement: toBase64(identity.agreement.publicKey),
      },
    } as const;
    const secrets = await wrap(secretsText({ identity, recordsKey: this.#recordsKey }), key, besideOf(plain));
    const header: Header = { ...plain, secrets };
    return { table: headerTable, key: headerKey, value: utf8(JSON.stringify(header)) };
  }

  #sealed(table: string, name: string, key: string, value: JsonValue): Bytes {
    const nonce = random(nonceBytes);
    return joined(nonce, encrypt(utf8(JSON.stringify([key, value])), placeOf(table, name), nonce, this.#recordsKey));
  }

  #opened(table: string, name: string, value: Bytes): readonly [string, JsonValue] {
    try {
      const parts = { nonce: value.slice(0, nonceBytes), encryptedData: value.slice(nonceBytes) };
      const plain = decrypt(parts, placeOf(table, name), this.#recordsKey);
      return JSON.parse(textOf(plain)) as [string, JsonValue]; // sealed by #sealed alone: the tag says so
    } catch {
      throw new Error(
        `a record of ${table} in the store is damaged; put a copy of the store back, or move it away to begin anew: ` +
          "keys, pins and what waits are lost then",
      );
    }
  }
}

function newSecrets(): Secrets {
  const identity = { signing: signingPair(), agreement: { ...agreementPair(), since: Date.now() }, earlier: [] };
  return { identity, recordsKey: random(keyBytes) };
}

/** What the tag of the secrets covers beside them. */
function besideOf({ recipe: { kdf, iterations, salt }, publicKeys }: Omit<Header, "secrets">): string {
  return `AN2 vault 1 ${kdf} ${iterations} ${salt} ${publicKeys.signing} ${publicKeys.agreement}`;
}

/** Binds a record to its place. Neither table nor name holds a line feed. */
function placeOf(table: string, name: string): Bytes {
  return utf8(`${table}\n${name}`);
}

function headerOf(bytes: Bytes): Header {
  let header: unknown;
  try {
    header = JSON.parse(textOf(bytes));
  } catch {
    header = undefined;
  }
  if (isHeader(header)) return header;
  throw new Error("the store's header is damaged, or of a newer version: put a copy of the store back, or update");
}

/** Whether each part is there and of its kind. What they say is covered by the tag of the secrets. */
function isHeader(value: unknown): value is Header {
  const { v, recipe, secrets, publicKeys } = (value ?? {}) as Partial<Record<keyof Header, unknown>>;
  const texts = (part: unknown, ...names: readonly string[]): boolean =>
    typeof part === "object" &&
    part !== null &&
    names.every((name) => typeof (part as Readonly<Record<string, unknown>>)[name] === "string");
  return (
    v === 1 &&
    texts(recipe, "kdf", "salt") &&
    typeof (recipe as KeyRecipe).iterations === "number" &&
    texts(secrets, "iv", "data") &&
    texts(publicKeys, "signing", "agreement")
  );
}
