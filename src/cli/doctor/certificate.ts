import { createPrivateKey, X509Certificate } from "node:crypto";
import { asFault } from "../../core/index.js";
import { readRegular } from "../../storage/index.js";
import { hostsOf, readTlsPair } from "../../websocket/edge/index.js";
import type { Check, Finding } from "./check.js";

/** The dates of a certificate, and the fingerprint that tells it from others. */
export interface CertificateDates {
  /** SHA-256 of the whole certificate, as TLS peers write it: `AB:CD:…`. */
  readonly fingerprint: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** A certificate that expires within so many days should have been renewed. */
const renewalDays = 14;

const dayMs = 86_400_000;

/** The first certificate of a PEM file. @throws Error if the file cannot be read or holds none */
export function readCertificate(file: string): CertificateDates {
  return datesOf(new X509Certificate(readRegular(file)));
}

/** From when until when a certificate is valid. */
export function datesOf({ fingerprint256, validFrom, validTo }: X509Certificate): CertificateDates {
  return { fingerprint: fingerprint256, validFrom: new Date(validFrom), validTo: new Date(validTo) };
}

/**
 * What is wrong with a certificate's dates; undefined: nothing. `over`: clients refuse it now; `soon`: they will within
 * {@link renewalDays} days.
 */
export function dateProblem(
  { validFrom, validTo }: CertificateDates,
  now: Date,
): { readonly when: "over" | "soon"; readonly words: string } | undefined {
  if (now < validFrom)
    return { when: "over", words: `is not valid before ${validFrom.toISOString()}: wait, or set the clock right` };
  const days = Math.floor((validTo.getTime() - now.getTime()) / dayMs);
  const renew = "renew it, then send the broker SIGHUP";
  if (now > validTo) return { when: "over", words: `has expired at ${validTo.toISOString()}: ${renew}` };
  return days < renewalDays
    ? { when: "soon", words: `expires in ${days} days (${validTo.toISOString()}): ${renew}` }
    : undefined;
}

/** The certificate of the WebSocket doors fits its key and does not expire soon. */
export const certificate: Check = ({ layered }) => {
  const { tlsCert, tlsKey } = layered?.config ?? {};
  if (tlsCert === undefined || tlsKey === undefined) return [];
  const check = "certificate";
  try {
    const pair = readTlsPair({ cert: tlsCert, key: tlsKey });
    const dates = readCertificate(tlsCert);
    const problem = dateProblem(dates, new Date());
    const found =
      problem === undefined ? `${tlsCert}, valid until ${dates.validTo.toISOString()}` : `${tlsCert} ${problem.words}`;
    const result = problem === undefined ? "good" : problem.when === "over" ? "failed" : "warning";
    return [{ check, result, found }, ...unnamed(tlsCert), ...slowKey(tlsKey, pair)];
  } catch (thrown) {
    return [{ check, result: "failed", found: asFault(thrown).message }];
  }
};

function unnamed(file: string): readonly Finding[] {
  const words = nameProblem(certificateHosts(file));
  return words === undefined ? [] : [{ check: "certificate names", result: "warning", found: `${file} ${words}` }];
}

/** The hosts that the first certificate of a PEM file names. @throws Error if the file cannot be read or holds none */
export function certificateHosts(file: string): readonly string[] {
  return hostsOf(new X509Certificate(readRegular(file)));
}

/**
 * Why browsers refuse a certificate with these hosts, whatever its dates: it names one in its subject at most, which
 * they no longer read (RFC 9110 §4.3.4). Undefined: they do not.
 */
export function nameProblem(hosts: readonly string[]): string | undefined {
  return hosts.length > 0
    ? undefined
    : "names no host (it has no subjectAltName), so browsers and many programs refuse it: make one with " +
        "-addext subjectAltName=DNS:HOST, where HOST is what bots write in the address";
}

/** Advice about an RSA key. Measured with Node 20: a signature of RSA-2048 takes 0.26 ms, one of P-256 0.02. */
function slowKey(file: string, { cert, key }: ReturnType<typeof readTlsPair>): readonly Finding[] {
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = createPrivateKey(key);
  if (kind !== "rsa") return [];
  return [
    {
      check: "certificate key",
      result: "good",
      found:
        `${file} is an RSA key (${String(details?.modulusLength)} bits): what each TLS handshake signs takes the ` +
        "broker's thread ten times as long as with an ECDSA key",
      remedy: ecdsaCommand(new X509Certificate(cert)),
    },
  ];
}

/** How to get a certificate for the same names with an ECDSA key. */
function ecdsaCommand(certificate: X509Certificate): string {
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ecdsa-key.pem";
  const names = `-subj / -addext 'subjectAltName=${namesOf(certificate)}'`;
  const isOwn = certificate.checkIssued(certificate);
  return isOwn
    ? `openssl req -x509 ${newKey} -out ecdsa-chain.pem -days 365 ${names}`
    : `openssl req -new ${newKey} -out ecdsa-request.pem ${names} # and have that signed; certbot: --key-type ecdsa`;
}

/** The names of a certificate as openssl takes them; one to be filled in if there are others than of hosts. */
function namesOf({ subjectAltName = "" }: X509Certificate): string {
  const names = subjectAltName.split(", ").map((name) => name.replace(/^IP Address:/, "IP:"));
  return names.every((name) => /^(DNS|IP):[\w.:*-]+$/.test(name)) ? names.join(",") : "DNS:HOST";
}
