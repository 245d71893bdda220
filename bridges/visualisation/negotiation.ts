import { Fault } from "#dialect";
import type { Algorithm } from "./compression.js";
import type { Compression } from "./streams/stream-session.js";

/** Versions of the protocol that are known here, the highest last (Visualisation §1.6). */
export const versions = ["1.0", "1.1", "2.0"] as const;
export type Version = (typeof versions)[number];

/** What each version brings. */
const brings: Readonly<Record<Version, readonly string[]>> = {
  "1.0": ["basic"],
  "1.1": ["compression", "binary"],
  "2.0": ["multiplexing"],
};

/** What is granted of a handshake's capabilities, in this order (Visualisation §1.5). */
export const capabilities = ["binary", "compression", "multiplexing"] as const;
export type Capability = (typeof capabilities)[number];

/** All that a version has, that of the versions before included. */
export function featuresOf(version: Version): readonly string[] {
  return versions.slice(0, versions.indexOf(version) + 1).flatMap((each) => brings[each]);
}

/** True if a version has a capability. */
export function allows(version: Version, capability: Capability): boolean {
  return featuresOf(version).includes(capability);
}

/**
 * The version that is spoken: the preferred one where it is known here, else the highest that both know.
 * @throws Fault malformed: there is none
 */
export function chooseVersion(supported: readonly string[], preferred: string | undefined): Version {
  const wanted = known(preferred);
  if (wanted !== undefined) return wanted;
  const common = versions.filter((version) => supported.some((text) => known(text) === version)).at(-1);
  if (common !== undefined) return common;
  throw new Fault("malformed", `no version of supported is known here; these are: ${versions.join(", ")}`, {
    detail: { versions },
  });
}

/** `2.0.0`, as handshakes write it, is `2.0`. */
function known(text: string | undefined): Version | undefined {
  const short = text?.replace(/^(\d+\.\d+)\.\d+$/, "$1");
  return versions.find((version) => version === short);
}

/** Algorithms that a client can have, in its own order of preference (Visualisation §1.7). */
const algorithms: readonly Algorithm[] = ["deflate", "gzip", "brotli"];

/** The highest level that is worth its price, of each algorithm. */
const best: Readonly<Record<Algorithm, number>> = { deflate: 6, gzip: 6, brotli: 5 };

/** The first algorithm that is known here, at one of two levels; undefined: none is. */
export function chooseCompression(wanted: readonly string[], level: number | undefined): Compression | undefined {
  const algorithm = wanted.flatMap((word) => algorithms.find((each) => each === word) ?? [])[0];
  if (algorithm === undefined) return undefined;
  return { algorithm, level: level !== undefined && level >= 1 && level <= 3 ? 1 : best[algorithm] };
}

/** Times a second that positions come (Visualisation §3.6). */
export const positionRates = { min: 1, usual: 10, max: 30 } as const;

/** A rate as it is granted. */
export function positionRateOf(wanted: number): number {
  return Math.min(positionRates.max, Math.max(positionRates.min, Math.round(wanted)));
}
