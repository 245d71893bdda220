import { X509Certificate } from "node:crypto";
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { createSecureContext, DEFAULT_CIPHERS, type SecureContextOptions } from "node:tls";
import { Fault } from "../../core/index.js";

/**
 * How the doors speak TLS. Only the first message of a handshake takes its turn (`HelloTurns`), so nothing may be dear
 * behind it: an RSA key exchange is left out, which has no forward secrecy either (RFC 9325 §4.1). Of the groups those
 * are left that cost 3 ms at most: one hello with ffdhe8192 holds the loop for 100 ms, with secp521r1 for 5.
 */
export const tlsRules = {
  minVersion: "TLSv1.2",
  ciphers: `${DEFAULT_CIPHERS}:!kRSA`,
  ecdhCurve: "X25519:P-256:P-384",
} as const satisfies SecureContextOptions;

/** Files of a certificate chain and its key, PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** The contents of both files. */
export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Reads a pair that fits together. @throws Fault unavailable, malformed, naming the file and the remedy */
export function readTlsPair({ cert, key }: TlsFiles): TlsPair {
  const pair = { cert: read(cert, "--tls-cert"), key: read(key, "--tls-key") };
  const wrong = wrongFile({ cert, key }, pair);
  if (wrong !== undefined) throw new Fault("malformed", wrong);
  try {
    createSecureContext(pair);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Fault(
      "malformed",
      `--tls-cert ${cert} and --tls-key ${key} are no pair: ${
        why.includes("key values mismatch")
          ? "the key is another certificate's than the first of the chain; the broker's own comes first, its authorities follow"
          : `${why}; both are PEM, the certificate first in its chain`
      }`,
      { cause: error },
    );
  }
  return pair;
}

const pem = {
  certificate: /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/,
  request: /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----/,
  key: /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  lockedKey: /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m,
} as const;

/** What a file holds that is no PEM certificate or no PEM key, with the remedy; undefined: each is of its kind. */
function wrongFile({ cert, key }: TlsFiles, pair: TlsPair): string | undefined {
  const [certText, keyText] = [pair.cert.toString("latin1"), pair.key.toString("latin1")];
  if (!pem.certificate.test(certText)) {
    if (pem.certificate.test(keyText))
      return `--tls-cert ${cert} holds no certificate, but --tls-key ${key} does: change them round`;
    return pem.request.test(certText)
      ? `--tls-cert ${cert} is a request for a certificate: have it signed, and give the certificate that comes back`
      : `--tls-cert ${cert} holds no certificate in PEM (-----BEGIN CERTIFICATE-----); ` +
          `from DER: openssl x509 -inform der -in ${cert} -out chain.pem`;
  }
  if (pem.lockedKey.test(keyText))
    return (
      `--tls-key ${key} is protected by a passphrase, for which nobody can be asked when the broker starts: ` +
      `openssl pkey -in ${key} -out key.pem takes it off`
    );
  return pem.key.test(keyText)
    ? undefined
    : `--tls-key ${key} holds no private key in PEM (-----BEGIN PRIVATE KEY-----)`;
}

/** The hosts that a certificate names: `broker.lan`, `192.0.2.7`. Browsers know it by no other name. */
export function hostsOf(certificate: X509Certificate): readonly string[] {
  return (certificate.subjectAltName ?? "")
    .split(", ")
    .flatMap((name) => /^(?:DNS|IP Address):([\w.:*-]+)$/.exec(name)?.[1] ?? []);
}

/** Why clients refuse a pair at this moment, by the dates of its certificate; undefined: they do not. */
export function outOfDate({ cert }: TlsPair, now: Date): string | undefined {
  const { validFrom, validTo } = new X509Certificate(cert);
  const [from, to] = [new Date(validFrom), new Date(validTo)];
  if (now < from) return `is not valid before ${from.toISOString()}: wait, or set the clock right`;
  return now > to ? `has expired at ${to.toISOString()}: renew it, then send the broker SIGHUP` : undefined;
}

/** True if both hold the same bytes. */
export function isSamePair(one: TlsPair, other: TlsPair): boolean {
  return one.cert.equals(other.cert) && one.key.equals(other.key);
}

function read(file: string, flag: string): Buffer {
  try {
    // A pipe in its place is not waited for.
    const opened = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return readFileSync(opened);
    } finally {
      closeSync(opened);
    }
  } catch (error) {
    throw new Fault(
      "unavailable",
      `${flag} ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
