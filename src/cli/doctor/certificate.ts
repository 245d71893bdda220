import { X509Certificate } from "node:crypto";
import { asFault } from "../../core/index.js";
import { readRegular } from "../../storage/index.js";
import { readTlsPair } from "../../websocket/edge/index.js";
import type { Check } from "./check.js";

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
    readTlsPair({ cert: tlsCert, key: tlsKey });
    const dates = readCertificate(tlsCert);
    const problem = dateProblem(dates, new Date());
    if (problem === undefined)
      return [{ check, result: "good", found: `${tlsCert}, valid until ${dates.validTo.toISOString()}` }];
    return [{ check, result: problem.when === "over" ? "failed" : "warning", found: `${tlsCert} ${problem.words}` }];
  } catch (thrown) {
    return [{ check, result: "failed", found: asFault(thrown).message }];
  }
};
