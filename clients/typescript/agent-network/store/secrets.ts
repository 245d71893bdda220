import type { OwnKeys } from "../conversations/records.js";
import { joined } from "../crypto/bytes.js";
import { agreementPair, keyBytes, publicOfSigning, signingKeyBytes, wipe } from "../crypto/key-pairs.js";
import type { Bytes, KeyPair } from "../crypto/sodium.js";

/** What only the passphrase opens. */
export interface Secrets {
  readonly identity: OwnKeys;
  /** 32 bytes: the key of all other records. */
  readonly recordsKey: Bytes;
}

const timeBytes = 8;
const fixedBytes = keyBytes + signingKeyBytes;
const pairBytes = keyBytes + timeBytes;

/**
 * The secrets as bytes, to be encrypted and wiped: the records' key, the signing key, the long-term key and since when,
 * then each earlier one and until when. No text: none could be wiped. Public keys come from the private ones.
 */
export function secretsBytes({ identity: { signing, agreement, earlier }, recordsKey }: Secrets): Bytes {
  const pairs = [{ ...agreement, time: agreement.since }, ...earlier.map((pair) => ({ ...pair, time: pair.until }))];
  return joined(recordsKey, signing.privateKey, ...pairs.flatMap(({ privateKey, time }) => [privateKey, timeOf(time)]));
}

/** What {@link secretsBytes} wrote, wiping it. @throws Error where it is none, though its tag was right */
export function readSecrets(bytes: Bytes): Secrets {
  const pairs = (bytes.length - fixedBytes) / pairBytes;
  if (pairs < 1 || !Number.isInteger(pairs)) throw new Error("the store's keys are not as this client writes them");
  const recordsKey = bytes.slice(0, keyBytes);
  const privateKey = bytes.slice(keyBytes, fixedBytes);
  const [first, ...more] = Array.from({ length: pairs }, (_, at) => pairAt(bytes, fixedBytes + at * pairBytes));
  wipe(bytes);
  if (first === undefined) throw new Error("the store's keys are not as this client writes them");
  return {
    recordsKey,
    identity: {
      signing: { publicKey: publicOfSigning(privateKey), privateKey },
      agreement: { ...first.pair, since: first.time },
      earlier: more.map(({ pair, time }) => ({ ...pair, until: time })),
    },
  };
}

function pairAt(bytes: Bytes, at: number): { readonly pair: KeyPair; readonly time: number } {
  const time = new DataView(bytes.buffer, bytes.byteOffset + at + keyBytes, timeBytes).getFloat64(0);
  return { pair: agreementPair(bytes.subarray(at, at + keyBytes)), time };
}

function timeOf(ms: number): Bytes {
  const bytes = new Uint8Array(timeBytes);
  new DataView(bytes.buffer).setFloat64(0, ms);
  return bytes;
}
