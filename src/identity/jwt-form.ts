import { z } from "zod";
import { Fault, readJson } from "../core/index.js";

/** Longest token that is looked at, bytes. Ours have some 400; other issuers put more into theirs. */
export const tokenMaxBytes = 8_192;

/** A JWT as a stranger has sent it: read, and not verified. Nothing in it is to be believed. */
export interface UnverifiedJwt {
  readonly text: string;
  readonly header: { readonly alg: string; readonly kid?: string | undefined };
  readonly claims: Readonly<Record<string, unknown>>;
  /** `iss`; undefined if there is none, or if it is no text. */
  readonly issuer: string | undefined;
}

/** Three parts of base64url, the last of which is empty where nothing is signed. */
const form = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/;

/** What would have the token itself say with which key it is to be verified, or that it is to be read otherwise. */
const notTaken = ["jwk", "jku", "x5u", "x5c", "crit"] as const;

const headerForm = z.object({ alg: z.string().max(32), kid: z.string().optional() });

/**
 * Reads a JWT without verifying it; undefined if the text has not the form of one.
 * @throws Fault unauthenticated: it cannot be read in one way only, or asks for what is never done
 */
export function readJwt(text: string): UnverifiedJwt | undefined {
  const [, head, body] = form.exec(text) ?? [];
  if (head === undefined || body === undefined || !beginsObject(head)) return undefined;
  const written = objectOf(head, "header");
  const header = headerForm.safeParse(written);
  if (!header.success) throw refused("its header names no algorithm (alg)");
  const odd = notTaken.find((key) => Object.hasOwn(written, key));
  if (odd !== undefined) throw refused(`its header has ${odd}, which is not taken here: let the issuer leave it out`);
  const { alg } = header.data;
  if (/^HS/i.test(alg))
    throw refused(`it is signed by a secret that others have, too (${alg}), which is not taken here`);
  const claims = objectOf(body, "claims");
  const { iss } = claims;
  return { text, header: header.data, claims, issuer: typeof iss === "string" ? iss : undefined };
}

/** A JWT is refused; `why` says what is to be done, too. */
export function refused(why: string): Fault {
  return new Fault("unauthenticated", `the token is refused: ${why}`);
}

function beginsObject(part: string): boolean {
  return decoded(part.slice(0, 8)).trimStart().startsWith("{");
}

function decoded(part: string): string {
  return Buffer.from(part, "base64url").toString("utf8");
}

/** @throws Fault unauthenticated */
function objectOf(part: string, what: string): Readonly<Record<string, unknown>> {
  const read = readJson(decoded(part));
  if ("problem" in read) throw refused(`of this JWT the ${what} cannot be read: ${read.problem}`);
  const object = z.record(z.string(), z.unknown()).safeParse(read.value);
  if (!object.success) throw refused(`of this JWT the ${what} cannot be read: no JSON object`);
  return object.data;
}
