import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

/** What a certificate says that somebody has to know in time. */
export interface CertificateDates {
  /** SHA-256 of the whole, as TLS peers tell it: `AB:CD:…`. */
  readonly fingerprint: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** Whoever renews certificates does so before this, days. */
export const renewalDays = 14;

const dayMs = 86_400_000;

/** The first certificate of a PEM file. @throws Error if the file cannot be read or holds none */
export function readCertificate(file: string): CertificateDates {
  return datesOf(new X509Certificate(readFileSync(file)));
}

export function datesOf({ fingerprint256, validFrom, validTo }: X509Certificate): CertificateDates {
  return { fingerprint: fingerprint256, validFrom: new Date(validFrom), validTo: new Date(validTo) };
}

/** What is wrong with its dates: `over` ends every connection, `soon` will. Undefined: nothing. */
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
