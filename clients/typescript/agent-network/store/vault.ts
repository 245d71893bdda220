import type { ConversationRecords, JsonValue, OwnKeys, RecordChange } from "../conversations/records.js";
import { toBase64 } from "../crypto/base64.js";
import { joined, textOf, utf8 } from "../crypto/bytes.js";
import { agreementPair, keyBytes, random, signingPair, wipe } from "../crypto/key-pairs.js";
import { decrypt, encrypt, nonceBytes } from "../crypto/sealed.js";
import { ready, sodium, type Bytes } from "../crypto/sodium.js";
import { readSecrets, secretsText, type Secrets } from "./secrets.js";
import { keyOf, newRecipe, unwrap, wrap, type KeyRecipe, type SecretKey, type Wrapped } from "./passphrase.js";
import type { NetworkStore, Range } from "./store.js";

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
const ordered: ReadonlySet<string> = new Set(["kept", "transcript"]);

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
    const secrets = readSecrets(await unwrap(header.secrets, key, besideOf(header.recipe)));
    if (secrets === undefined) {
      throw new Error("the passphrase does not open this store: it is another, or the store's header is damaged");
    }
    return new Vault(store, secrets, { key, recipe: header.recipe });
  }

  static async #begin(store: NetworkStore, passphrase: string): Promise<Vault> {
    const recipe = newRecipe();
    const vault = new Vault(store, newSecrets(), { key: await keyOf(passphrase, recipe), recipe });
    await vault.#writeHeader();
    return vault;
  }

  /** One's own keys. */
  identity(): OwnKeys {
    return this.#identity;
  }

  /** Keeps new keys of one's own; on disk when it resolves. */
  async saveIdentity(keys: OwnKeys): Promise<void> {
    this.#identity = keys;
    await this.#writeHeader();
  }

  /** From now on another passphrase opens the store. A kill meanwhile leaves the old or the new one valid. */
  async changePassphrase(old: string, next: string): Promise<void> {
    const [row] = this.#lock === undefined ? [] : await this.#store.read(headerTable);
    if (row === undefined) throw new Error("nothing is kept here, so there is no passphrase to change");
    const header = headerOf(row[1]);
    const opened = await unwrap(header.secrets, await keyOf(old, header.recipe), besideOf(header.recipe));
    if (opened === undefined) throw new Error("the old passphrase is another");
    const recipe = newRecipe();
    this.#lock = { key: await keyOf(next, recipe), recipe };
    await this.#writeHeader();
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

  /** Records that are keyed hashes themselves, and so need no encryption. */
  get hashes(): Pick<NetworkStore, "commit" | "read"> {
    return this.#store;
  }

  /** A keyed hash: 22 characters that tell nobody without the keys what they stand for. */
  nameOf(table: string, key: string): string {
    const hash = sodium().crypto_generichash(16, utf8(`${table}\0${key}`), this.#nameKey);
    return sodium().to_base64(hash, sodium().base64_variants.URLSAFE_NO_PADDING);
  }

  /** Wipes the keys, and closes the store. */
  async close(): Promise<void> {
    await this.#headers;
    await this.#store.close();
    const { signing, agreement, earlier } = this.#identity;
    for (const { privateKey } of [signing, agreement, ...earlier]) wipe(privateKey);
    wipe(this.#recordsKey);
    wipe(this.#nameKey);
    this.#lock = undefined;
  }

  async #writeHeader(): Promise<void> {
    const lock = this.#lock;
    if (lock === undefined) return;
    const written = this.#headers.then(async () => {
      const secrets = secretsText({ identity: this.#identity, recordsKey: this.#recordsKey });
      const header: Header = {
        v: 1,
        recipe: lock.recipe,
        secrets: await wrap(secrets, lock.key, besideOf(lock.recipe)),
        publicKeys: {
          signing: toBase64(this.#identity.signing.publicKey),
          agreement: toBase64(this.#identity.agreement.publicKey),
        },
      };
      await this.#store.commit([{ table: headerTable, key: headerKey, value: utf8(JSON.stringify(header)) }]);
    });
    this.#headers = written.catch(() => undefined); // told to whoever waits for it
    await written;
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
function besideOf({ kdf, iterations, salt }: KeyRecipe): string {
  return `AN2 vault 1 ${kdf} ${iterations} ${salt}`;
}

/** Binds a record to its place. Neither table nor name holds a line feed. */
function placeOf(table: string, name: string): Bytes {
  return utf8(`${table}\n${name}`);
}

function headerOf(bytes: Bytes): Header {
  let header: Partial<Header> | undefined;
  try {
    header = JSON.parse(textOf(bytes)) as Partial<Header>;
  } catch {
    header = undefined;
  }
  const { v, recipe, secrets, publicKeys } = header ?? {};
  if (v !== 1 || recipe === undefined || secrets === undefined || publicKeys === undefined) {
    throw new Error("the store's header is damaged, or of a newer version: put a copy of the store back, or update");
  }
  return { v, recipe, secrets, publicKeys };
}
