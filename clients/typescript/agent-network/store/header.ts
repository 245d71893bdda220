import { toBase64 } from "../crypto/base64.js";
import { textOf, utf8 } from "../crypto/bytes.js";
import { wipe } from "../crypto/key-pairs.js";
import type { Bytes } from "../crypto/sodium.js";
import {
  isRecipe,
  keyOf,
  newRecipe,
  unwrap,
  wrap,
  type KeyRecipe,
  type SecretKey,
  type Wrapped,
} from "./passphrase.js";
import { readSecrets, secretsBytes, type Secrets } from "./secrets.js";

/** The store's one plain record: how a passphrase opens it, and what others may know anyway (Agent Network §14.1). */
interface Header {
  readonly v: typeof version;
  readonly recipe: KeyRecipe;
  readonly secrets: Wrapped;
  readonly publicKeys: { readonly signing: string; readonly agreement: string };
}

/** What encrypts the private keys: the key of a passphrase. */
export interface Lock {
  readonly key: SecretKey;
  readonly recipe: KeyRecipe;
}

const version = 1;
const restore = "put a copy of the store back, or move it away to begin anew: keys, pins and what waits are lost then";

/** The lock of a passphrase that is new here. @throws Error for a passphrase that is none */
export async function newLock(passphrase: string): Promise<Lock> {
  const recipe = newRecipe();
  return { key: await keyOf(passphrase, recipe), recipe };
}

/** The header's bytes. */
export async function headerBytes(secrets: Secrets, { key, recipe }: Lock): Promise<Bytes> {
  const plain = secretsBytes(secrets);
  const { signing, agreement } = secrets.identity;
  const header: Header = {
    v: version,
    recipe,
    secrets: await wrap(plain, key, besideOf(recipe)).finally(() => {
      wipe(plain);
    }),
    publicKeys: { signing: toBase64(signing.publicKey), agreement: toBase64(agreement.publicKey) },
  };
  return utf8(JSON.stringify(header));
}

/**
 * What the passphrase opens of a header.
 * @throws Error for another passphrase, a header that is damaged or was weakened, and one of a newer version
 */
export async function openHeader(bytes: Bytes, passphrase: string): Promise<{ secrets: Secrets; lock: Lock }> {
  const { recipe, secrets: wrapped, publicKeys } = headerOf(bytes);
  const key = await keyOf(passphrase, recipe);
  const plain = await unwrap(wrapped, key, besideOf(recipe));
  if (plain === undefined)
    throw new Error(
      `the passphrase does not open this store: it is another, or the store's header is damaged; if it is the right one, ${restore}`,
    );
  const secrets = readSecrets(plain);
  const { signing, agreement } = secrets.identity;
  if (toBase64(signing.publicKey) !== publicKeys.signing || toBase64(agreement.publicKey) !== publicKeys.agreement)
    throw new Error(
      `the public keys in the store's header are not those of its private keys: somebody has changed it; ${restore}`,
    );
  return { secrets, lock: { key, recipe } };
}

/** @throws Error */
export function noHeader(): Error {
  return new Error(`the store has records and no header, which holds the keys: it is damaged; ${restore}`);
}

/** What the tag of the secrets covers beside them. */
function besideOf({ kdf, iterations, salt }: KeyRecipe): string {
  return `AN2 vault ${version} ${kdf} ${iterations} ${salt}`;
}

function headerOf(bytes: Bytes): Header {
  let header: unknown;
  try {
    header = JSON.parse(textOf(bytes));
  } catch {
    header = undefined;
  }
  const { v, recipe, secrets, publicKeys } = fieldsOf(header);
  if (Number.isInteger(v) && Number(v) > version)
    throw new Error(
      `the store is of a newer version (${Number(v)}) than this client's (${version}): update this client`,
    );
  const [{ iv, data }, { signing, agreement }] = [fieldsOf(secrets), fieldsOf(publicKeys)];
  if (
    v !== version ||
    !isRecipe(recipe) ||
    typeof iv !== "string" ||
    typeof data !== "string" ||
    typeof signing !== "string" ||
    typeof agreement !== "string"
  )
    throw new Error(`the store's header is damaged; ${restore}`);
  return { v: version, recipe, secrets: { iv, data }, publicKeys: { signing, agreement } };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
