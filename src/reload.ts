import { accessRules, type BrokerConfig } from "./config/index.js";
import type { Limits } from "./core/index.js";
import type { Parts } from "./parts.js";
import { readTlsPair } from "./ws/index.js";

/** What a reload has done. */
export interface Reloaded {
  /** Options that hold from now on, by path; `tls` for a pair that was read again. */
  readonly changed: readonly string[];
  /** Options that differ and wait for a restart. */
  readonly needRestart: readonly string[];
}

/** The same, and what holds from now on. */
export interface Reload extends Reloaded {
  readonly config: BrokerConfig;
}

const reloadable: ReadonlySet<string> = new Set(["limits", "origins", "hosts", "trustedProxies", "tlsCert", "tlsKey"]);

/** Limits that parts have taken when they were made: a new value waits for a restart. */
const atStart: ReadonlySet<keyof Limits> = new Set([
  "wsFrameMaxBytes", "wsFragmentsMax", "httpHeadMs", "httpHeadMaxBytes", "loginFailuresPerMinute", "backlogTotalMaxBytes", "conflictPingMs", "zmqWarningsMax", "publisherDoorDelayMs",
]);

/** Options that have a life of their own. */
const incomparable: ReadonlySet<string> = new Set(["log"]);

/**
 * Takes over from `next` what can change while the broker runs: limits, allow-lists, TLS. Whatever is wrong is found before anything has changed.
 * @throws Fault malformed, unavailable: the old configuration and the old pair hold
 */
export function reload({ access, ws }: Pick<Parts, "access" | "ws">, current: BrokerConfig, next: BrokerConfig): Reload {
  const { tlsCert: cert, tlsKey: key } = next;
  // Doors that were opened without TLS, or with it, stay so until a restart.
  const isTls = current.tlsCert !== undefined;
  const pair = isTls && cert !== undefined && key !== undefined ? readTlsPair({ cert, key }) : undefined;
  const changed: string[] = [];
  const taken: Partial<Record<keyof BrokerConfig, unknown>> = {};
  const needRestart: string[] = [];
  for (const name of new Set([...Object.keys(current), ...Object.keys(next)]) as ReadonlySet<keyof BrokerConfig>) {
    if (incomparable.has(name) || JSON.stringify(current[name]) === JSON.stringify(next[name])) continue;
    const isTlsSwitch = (name === "tlsCert" || name === "tlsKey") && isTls !== (cert !== undefined);
    if (name === "limits") for (const limit of differences(current.limits, next.limits)) (atStart.has(limit) ? needRestart : changed).push(`limits.${limit}`);
    else if (!reloadable.has(name) || isTlsSwitch) needRestart.push(name);
    else {
      taken[name] = next[name];
      changed.push(name);
    }
  }
  access.set(accessRules(next));
  // One object from the beginning: every part reads its limits there.
  Object.assign(current.limits, Object.fromEntries(Object.entries(next.limits).filter(([limit]) => !atStart.has(limit as keyof Limits))));
  if (pair !== undefined) {
    ws.renew(pair);
    changed.push("tls");
  }
  // What waits for a restart stays as it is, and is named again the next time.
  return { changed, needRestart, config: { ...current, ...(taken as Partial<BrokerConfig>) } };
}

function differences(current: Limits, next: Limits): readonly (keyof Limits)[] {
  return (Object.keys(next) as (keyof Limits)[]).filter((name) => current[name] !== next[name]);
}
