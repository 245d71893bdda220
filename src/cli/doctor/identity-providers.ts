import { statSync } from "node:fs";
import { issuerOf } from "../../config/index.js";
import { systemClock } from "../../core/index.js";
import { fetchIssuerKeys, isUrl, readIssuerKeys, readKeysFile, type Issuer } from "../../identity/providers/index.js";
import { spanText } from "../columns.js";
import { counted } from "../status-text.js";
import { reasonOf, type Check, type Finding } from "./check.js";

const check = "identity provider";
/** Tokens of an issuer whose clock differs by more are refused as issued in the future, or as expired. */
const skewMaxMs = 30_000;

/** The keys of each issuer can be had and used, and its clock agrees with this machine's. */
export const identityProviders: Check = async ({ layered }) => {
  if (layered === undefined || layered.config.identityProviders.length === 0) return [];
  const issuers = layered.config.identityProviders.map(issuerOf);
  return (await Promise.all(issuers.map(findingsOf))).flat();
};

function findingsOf(issuer: Issuer): Promise<readonly Finding[]> {
  return isUrl(issuer.keys) ? ofUrl(issuer) : Promise.resolve(ofFile(issuer));
}

async function ofUrl(issuer: Issuer): Promise<readonly Finding[]> {
  const { at } = issuer.keys;
  let fetched;
  try {
    fetched = await fetchIssuerKeys(issuer, systemClock);
  } catch (thrown) {
    return [
      failure(issuer, reasonOf(thrown), `see that this machine reaches ${at}; nobody new is let in by such tokens`),
    ];
  }
  const { text, maxAgeMs, date } = fetched;
  const kept = maxAgeMs === undefined ? "" : `, good for ${spanText(maxAgeMs)}`;
  return [...ofDocument(issuer, text, `from ${at}${kept}`), ...skew(issuer, date)];
}

function ofFile(issuer: Issuer): readonly Finding[] {
  const { at } = issuer.keys;
  try {
    const age = spanText(Math.max(0, Date.now() - statSync(at).mtimeMs));
    return ofDocument(issuer, readKeysFile(at), `from ${at}, ${age} old`);
  } catch (thrown) {
    return [failure(issuer, reasonOf(thrown), `put the issuer's document at ${at}, or name its https:// URL`)];
  }
}

function ofDocument(issuer: Issuer, text: string, where: string): readonly Finding[] {
  try {
    const { count, algorithms, ignored } = readIssuerKeys(issuer, text, systemClock.now());
    const left = ignored.length === 0 ? "" : `; not used: ${[...new Set(ignored)].join("; ")}`;
    const found = `${issuer.name}: ${counted(count, "key", "keys")} (${algorithms.join(", ")}) ${where}${left}`;
    return [{ check, result: "good", found }];
  } catch (thrown) {
    return [
      failure(
        issuer,
        reasonOf(thrown),
        `what is at ${issuer.keys.at} has to be the issuer's ${words[issuer.keys.form]}`,
      ),
    ];
  }
}

const words = { jwks: "JSON Web Key Set", certificates: "certificates by key id" } as const;

function skew({ name }: Issuer, date: number | undefined): readonly Finding[] {
  const apart = date === undefined ? 0 : Math.abs(Date.now() - date);
  if (apart <= skewMaxMs) return [];
  return [
    {
      check,
      result: "failed",
      found: `the clock of ${name} differs from this one by ${spanText(apart)}`,
      remedy: "set the clock (timedatectl set-ntp true): tokens are refused that seem to be of the future",
    },
  ];
}

function failure({ name }: Issuer, why: string, remedy: string): Finding {
  return { check, result: "failed", found: `${name}: ${why}`, remedy };
}
