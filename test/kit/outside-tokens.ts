import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { base64url, SignJWT, UnsecuredJWT, type JWK, type JWTPayload } from "jose";
import type { Issuer } from "../../src/identity/providers/index.js";
import { makeCertificate } from "./certificates.js";

/** The algorithms that issuers may sign with. */
export type Algorithm = "RS256" | "PS256" | "ES256" | "EdDSA";

/** A key of an issuer: what it publishes, and how it signs. */
export interface IssuerKey {
  readonly kid: string;
  readonly alg: Algorithm;
  readonly jwk: JWK;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** A token with these claims; `header` adds to or replaces what belongs there. */
  sign(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>;
}

/** Makes a key for this algorithm. */
export function issuerKey(alg: Algorithm = "EdDSA", kid: string = randomUUID()): IssuerKey {
  return keyOf(alg, kid, pairFor(alg));
}

/** An RSA key with its certificate, as Firebase has them. `pem`: the certificate. */
export function certifiedKey(folder: string, kid: string): IssuerKey & { readonly pem: string } {
  const { cert, key } = makeCertificate(folder, kid, [], "rsa");
  const [pem, privateKey] = [readFileSync(cert, "utf8"), createPrivateKey(readFileSync(key))];
  return { ...keyOf("RS256", kid, privateKey), pem };
}

function pairFor(alg: Algorithm): KeyObject {
  if (alg === "EdDSA") return generateKeyPairSync("ed25519").privateKey;
  if (alg === "ES256") return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  return generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
}

function keyOf(alg: Algorithm, kid: string, privateKey: KeyObject): IssuerKey {
  const publicKey = createPublicKey(privateKey);
  return {
    kid,
    alg,
    privateKey,
    publicKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" },
    sign: (claims, header = {}) => new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(privateKey),
  };
}

/** A token that nobody has signed. */
export function unsigned(claims: JWTPayload): string {
  return new UnsecuredJWT(claims).encode();
}

/** A token with this header and these claims as they are, and a signature of the right form that is none. */
export function forged(header: object, claims: object, signature = "AAAA"): string {
  const part = (value: object): string => base64url.encode(JSON.stringify(value));
  return `${part(header)}.${part(claims)}.${signature}`;
}

/** An issuer of tests, for PAN, with these things of its own. */
export function testIssuer(more: Partial<Issuer> = {}): Issuer {
  return {
    name: "https://login.example",
    audience: ["agents"],
    keys: { form: "jwks", at: "keys.json" },
    dialects: ["pan"],
    scopes: {},
    scopesClaim: ["scope"],
    agentsClaim: ["agents"],
    agents: {},
    firebase: false,
    emulator: false,
    ...more,
  };
}
