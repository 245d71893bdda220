import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { X509Certificate } from "node:crypto";
import { Fault, type Clock } from "../../core/index.js";
import { isUrl, type Issuer } from "./issuer.js";
import { fetchText, type FetchedText } from "./fetch-text.js";
import { readKeys, type KeySet } from "./key-set.js";
import { readKeysFile } from "./key-source-file.js";

/**
 * What is wrong with the files that issuers name: keys, and authorities.
 * @param nameOf the issuer at this place of the list, as its author wrote it
 * @returns a problem with its remedy for each
 */
export function issuerFileProblems(issuers: readonly Issuer[], now: number, nameOf: (at: number) => string): Fault[] {
  return issuers.flatMap(({ keys }, at) => {
    try {
      if (keys.ca !== undefined) readAuthorities(keys.ca);
      if (!isUrl(keys)) readKeys(readKeysFile(keys.at), keys.form, now);
      return [];
    } catch (thrown) {
      const file = resolve(keys.ca ?? keys.at);
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      const remedy = "put the issuer's document there, or name its https:// URL";
      return [
        new Fault("malformed", `${nameOf(at)}: ${file}: ${why}; ${keys.ca === undefined ? remedy : caRemedy}`, {
          cause: thrown,
        }),
      ];
    }
  });
}

const caRemedy = "put the certificates (PEM) of the authorities there that vouch for the URL's host, or leave ca out";

/** @throws Error: the file is not there, or holds no certificate */
function readAuthorities(file: string): string {
  const text = readFileSync(file, "utf8");
  new X509Certificate(text);
  return text;
}

/**
 * Asks for the keys of an issuer once. The file of authorities is read each time: it may have been renewed.
 * @throws Error, as a rejection: what went wrong
 */
export async function fetchIssuerKeys(
  { keys: { at, ca } }: Issuer,
  clock: Pick<Clock, "after">,
  signal?: AbortSignal,
): Promise<FetchedText> {
  return fetchText(at, {
    clock,
    ...(ca !== undefined && { ca: readAuthorities(ca) }),
    ...(signal !== undefined && { signal }),
  });
}

/** The keys in a document of this issuer. @throws Error: what is wrong with it */
export function readIssuerKeys({ keys: { form } }: Issuer, text: string, now: number): KeySet {
  return readKeys(text, form, now);
}
