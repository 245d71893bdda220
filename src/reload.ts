import { accessRules, impossibleProviders, issuersOf, type BrokerConfig } from "./config/index.js";
import { Fault, systemClock, type Limits } from "./core/index.js";
import type { AnyDialect } from "./dialect/index.js";
import type { Parts } from "./parts.js";
import { readTlsPair, type TlsPair } from "./websocket/edge/index.js";
import { isSamePair, outOfDate } from "./websocket/edge/tls.js";

/** The result of a reload. */
export interface Reloaded {
  /** Options that have a new value from now on, by path; `tls` if the certificate files hold another pair. */
  readonly changed: readonly string[];
  /** Options whose new value needs a restart. */
  readonly needRestart: readonly string[];
}

/** The result, and what is valid from now on. */
export interface Reload extends Reloaded {
  readonly config: BrokerConfig;
  /** Why clients refuse the certificate that the doors show from now on; undefined: they accept it. */
  readonly tlsProblem: string | undefined;
}

const reloadable: ReadonlySet<string> = new Set([
  "limits",
  "origins",
  "hosts",
  "trustedProxies",
  "tlsCert",
  "tlsKey",
  "identityProviders",
]);

/** Limits that parts copy when they are made: a new value needs a restart. */
const atStart: ReadonlySet<string> = new Set<keyof Limits>([
  "wsFrameMaxBytes",
  "wsFragmentsMax",
  "httpHeadMaxBytes",
  "loginFailuresPerMinute",
  "backlogTotalMaxBytes",
  "conflictPingMs",
  "zmqWarningsMax",
  "publisherDoorDelayMs",
]);

/** Options that are not data and cannot be compared. */
const incomparable: ReadonlySet<string> = new Set(["log"]);

/**
 * Takes over from `next` what can change while the broker runs: limits, allow-lists, TLS, issuers of tokens. Problems are found before
 * anything changes.
 * @throws Fault malformed, unavailable: the old configuration and the old TLS pair stay
 */
export function reload(
  parts: Pick<Parts, "access" | "issuers" | "tls" | "ws">,
  current: BrokerConfig,
  next: BrokerConfig,
): Reload {
  const now = new Date(systemClock.now());
  // Whether doors have TLS cannot change until a restart.
  const isTls = parts.tls !== undefined;
  const pair = parts.tls === undefined ? undefined : nextPair(parts.tls, next, now);
  const issuers = issuersOf(next);
  mustFitDoors(current, next);
  const changed: string[] = [];
  const taken: Partial<Record<keyof BrokerConfig, unknown>> = {};
  const needRestart: string[] = [];
  for (const name of new Set([...Object.keys(current), ...Object.keys(next)]) as ReadonlySet<keyof BrokerConfig>) {
    if (incomparable.has(name) || isSame(name, current, next)) continue;
    const isTlsSwitch = (name === "tlsCert" || name === "tlsKey") && isTls !== (next.tlsCert !== undefined);
    if (name === "settings") needRestart.push(...differences(current.settings, next.settings));
    else if (name === "limits")
      for (const limit of differences(current.limits, next.limits))
        (atStart.has(limit) ? needRestart : changed).push(`limits.${limit}`);
    else if (!reloadable.has(name) || isTlsSwitch) needRestart.push(name);
    else {
      taken[name] = next[name];
      changed.push(name);
    }
  }
  // Options that need a restart keep their old value, so the next reload names them again.
  const config: BrokerConfig = { ...current, ...(taken as Partial<BrokerConfig>) };
  parts.access.set(accessRules(config));
  if (changed.includes("identityProviders")) {
    parts.issuers.set(issuers);
    parts.issuers.warm();
  }
  // All parts read their limits from this one object.
  Object.assign(
    current.limits,
    Object.fromEntries(Object.entries(next.limits).filter(([limit]) => !atStart.has(limit))),
  );
  if (pair !== undefined) {
    parts.ws.renew(pair);
    parts.tls = pair;
    changed.push("tls");
  }
  return { changed, needRestart, config, tlsProblem: parts.tls === undefined ? undefined : outOfDate(parts.tls, now) };
}

/**
 * Issuers are taken over at once, doors and dialects are not.
 * @throws Fault malformed: tokens of an emulator on a door that others still reach, a dialect that is not there yet
 */
function mustFitDoors(current: BrokerConfig, { identityProviders }: BrokerConfig): void {
  const [problem] = impossibleProviders({ ...current, identityProviders }, (path) => `option ${path}`);
  if (problem === undefined) return;
  throw new Fault("malformed", `${problem.message}; what else is configured by now needs a restart first`);
}

/**
 * The TLS pair in the files, if it is another one than the present.
 * @throws Fault malformed, unavailable; also malformed if clients accept the present pair but would refuse the new one
 */
function nextPair(present: TlsPair, { tlsCert: cert, tlsKey: key }: BrokerConfig, now: Date): TlsPair | undefined {
  if (cert === undefined || key === undefined) return undefined;
  const pair = readTlsPair({ cert, key });
  if (isSamePair(pair, present)) return undefined;
  const problem = outOfDate(pair, now);
  if (problem !== undefined && outOfDate(present, now) === undefined)
    throw new Fault("malformed", `the certificate ${cert} ${problem}; the one that is shown now is still valid`);
  return pair;
}

/** The names under which two records differ. */
function differences(current: Readonly<Record<string, unknown>>, next: Readonly<Record<string, unknown>>): string[] {
  return Object.keys({ ...current, ...next }).filter(
    (name) => JSON.stringify(current[name]) !== JSON.stringify(next[name]),
  );
}

/** True if an option has the same value in both. */
function isSame(name: keyof BrokerConfig, current: BrokerConfig, next: BrokerConfig): boolean {
  if (name !== "dialects") return JSON.stringify(current[name]) === JSON.stringify(next[name]);
  return (
    current.dialects.length === next.dialects.length &&
    current.dialects.every((dialect, at) => isSameDialect(dialect, next.dialects[at]))
  );
}

/** Dialects from files by file and content, as nothing loads a changed file again; others by what they are. */
function isSameDialect(one: AnyDialect, other: AnyDialect | undefined): boolean {
  return one === other || (one.source !== undefined && one.source === other?.source);
}
