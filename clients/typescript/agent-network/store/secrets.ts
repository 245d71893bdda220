import type { OwnKeys } from "../conversations/records.js";
import { fromBase64, toBase64 } from "../crypto/base64.js";
import type { Bytes, KeyPair } from "../crypto/sodium.js";

/** What only the passphrase opens. */
export interface Secrets {
  readonly identity: OwnKeys;
  /** 32 bytes: the key of all other records. */
  readonly recordsKey: Bytes;
}

interface PairText {
  readonly publicKey: string;
  readonly privateKey: string;
}

interface SecretsText {
  readonly signing: PairText;
  readonly agreement: PairText & { readonly since: number };
  readonly earlier: readonly (PairText & { readonly until: number })[];
  readonly recordsKey: string;
}

/** The secrets as JSON, to be encrypted. */
export function secretsText({ identity: { signing, agreement, earlier }, recordsKey }: Secrets): string {
  const text: SecretsText = {
    signing: pairText(signing),
    agreement: { ...pairText(agreement), since: agreement.since },
    earlier: earlier.map((pair) => ({ ...pairText(pair), until: pair.until })),
    recordsKey: toBase64(recordsKey),
  };
  return JSON.stringify(text);
}

/** What {@link secretsText} wrote; undefined for undefined. The text is known to be ours: its tag was right. */
export function readSecrets(text: string | undefined): Secrets | undefined {
  if (text === undefined) return undefined;
  const { signing, agreement, earlier, recordsKey } = JSON.parse(text) as SecretsText;
  return {
    identity: {
      signing: pairOf(signing),
      agreement: { ...pairOf(agreement), since: agreement.since },
      earlier: earlier.map((pair) => ({ ...pairOf(pair), until: pair.until })),
    },
    recordsKey: bytesOf(recordsKey),
  };
}

function pairText({ publicKey, privateKey }: KeyPair): PairText {
  return { publicKey: toBase64(publicKey), privateKey: toBase64(privateKey) };
}

function pairOf({ publicKey, privateKey }: PairText): KeyPair {
  return { publicKey: bytesOf(publicKey), privateKey: bytesOf(privateKey) };
}

function bytesOf(text: string): Bytes {
  const bytes = fromBase64(text);
  if (bytes === undefined) throw new Error("the store's keys are not as this client writes them");
  return bytes;
}
