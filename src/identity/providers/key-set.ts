import { createPublicKey, X509Certificate, type JsonWebKey, type KeyObject } from "node:crypto";
import { createLocalJWKSet } from "jose/jwks/local";
import type { JWK, LocalJWKSet } from "jose";
import type { KeyPlace } from "./issuer.js";

/** Signatures that are taken of other issuers. */
export const keyAlgorithms = ["RS256", "PS256", "ES256", "EdDSA"] as const;

const keysMax = 64;
const kidMaxChars = 256;
const rsaMinBits = 2_048;
const rsaMaxBits = 8_192;

/** The keys of one issuer that may sign tokens. */
export interface KeySet {
  /** The key of a token's header. @throws JWKSNoMatchingKey, JWKSMultipleMatchingKeys, as rejections */
  readonly find: LocalJWKSet;
  /** Does for each key what the first token signed with it would have to wait for. Never rejects. */
  readonly prepare: () => Promise<void>;
  readonly count: number;
  /** The algorithms that they are for. */
  readonly algorithms: readonly string[];
  /** Why others of the document are not used, one text each. */
  readonly ignored: readonly string[];
}

type Usable = JWK & { readonly alg: string };

/**
 * Reads a document with keys. What is not made for signatures, is no public key, or is too weak is left out.
 * @param now wall clock, milliseconds
 * @throws Error with what is wrong, in words that hold nothing of the document
 */
export function readKeys(text: string, form: KeyPlace["form"], now: number): KeySet {
  const found = form === "jwks" ? fromJwks(objectOf(text)) : fromCertificates(objectOf(text), now);
  const keys = found.flatMap((one) => (typeof one === "string" ? [] : one));
  const ignored = found.filter((one) => typeof one === "string");
  if (keys.length === 0)
    throw new Error(
      found.length === 0
        ? "it holds no keys"
        : `none of its ${String(found.length)} keys can be used: ${[...new Set(ignored)].join("; ")}`,
    );
  const find = createLocalJWKSet({ keys });
  return {
    find,
    prepare: async () => {
      for (const { alg, kid } of keys) await find({ alg, ...(kid !== undefined && { kid }) }).catch(() => undefined);
    },
    count: found.length - ignored.length,
    algorithms: [...new Set(keys.map(({ alg }) => alg))],
    ignored,
  };
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
  if (!isObject(value)) throw new Error("it is no JSON object");
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Each key as one for each of its algorithms, or why it is not used. */
type Found = readonly (readonly Usable[] | string)[];

function fromJwks({ keys }: Readonly<Record<string, unknown>>): Found {
  if (!Array.isArray(keys)) throw new Error("it is no JSON Web Key Set: it has no list keys");
  mustBeFew(keys.length);
  return keys.map((key: unknown) => (isObject(key) ? fromJwk(key) : "an entry is no key"));
}

function fromJwk(key: Readonly<Record<string, unknown>>): readonly Usable[] | string {
  const { kty, kid, use, key_ops: operations, alg } = key;
  if (kty === "oct") return "a key is symmetric: whoever reads it can make tokens";
  if ("d" in key) return "a key is private: whoever reads it can make tokens";
  if (use !== undefined && use !== "sig") return "a key is not for signatures (use)";
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify")))
    return "a key is not for verifying (key_ops)";
  if (kid !== undefined && (typeof kid !== "string" || kid.length > kidMaxChars)) return "a kid is no short text";
  let publicKey: KeyObject;
  try {
    publicKey = createPublicKey({ key: key as JsonWebKey, format: "jwk" });
  } catch {
    return "a key is damaged, or of a kind that is not known";
  }
  return usable(publicKey, kid, alg);
}

function fromCertificates(byKid: Readonly<Record<string, unknown>>, now: number): Found {
  const entries = Object.entries(byKid);
  mustBeFew(entries.length);
  return entries.map(([kid, pem]) => {
    if (typeof pem !== "string" || kid.length > kidMaxChars) return "an entry is no certificate";
    try {
      const { publicKey, validFrom, validTo } = new X509Certificate(pem);
      if (now < Date.parse(validFrom) - dayMs || now > Date.parse(validTo)) return "a certificate is out of date";
      return usable(publicKey, kid, "RS256");
    } catch {
      return "an entry is no certificate";
    }
  });
}

/** A certificate may be made for tomorrow; nobody signs with it before. Milliseconds. */
const dayMs = 86_400_000;

function mustBeFew(count: number): void {
  if (count > keysMax) throw new Error(`it holds ${String(count)} keys, more than ${String(keysMax)}`);
}

/** Only what is needed of a public key goes on; `alg`: what its document says. */
function usable(key: KeyObject, kid: string | undefined, alg: unknown): readonly Usable[] | string {
  const algorithms = algorithmsOf(key);
  if (typeof algorithms === "string") return algorithms;
  const meant = alg === undefined ? algorithms : algorithms.filter((one) => one === alg || isSameCurve(one, alg));
  if (meant.length === 0) return "a key is for an algorithm that is not taken";
  const jwk = key.export({ format: "jwk" }) as JWK; // Node's words for it are those of RFC 7517
  return meant.map((one) => ({ ...jwk, alg: one, use: "sig", ...(kid !== undefined && { kid }) }));
}

/** RFC 9864 has another name for it. */
function isSameCurve(ours: string, alg: unknown): boolean {
  return ours === "EdDSA" && alg === "Ed25519";
}

function algorithmsOf({ asymmetricKeyType: kind, asymmetricKeyDetails: details }: KeyObject): string[] | string {
  if (kind === "rsa") {
    const bits = details?.modulusLength ?? 0;
    if (bits < rsaMinBits) return `an RSA key has fewer than ${String(rsaMinBits)} bits`;
    return bits > rsaMaxBits ? `an RSA key has more than ${String(rsaMaxBits)} bits` : ["RS256", "PS256"];
  }
  if (kind === "ec") return details?.namedCurve === "prime256v1" ? ["ES256"] : "a key is on another curve than P-256";
  return kind === "ed25519" ? ["EdDSA"] : "a key is of a kind that is not taken";
}
