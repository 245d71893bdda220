import { z } from "zod";
import { agentNameProblem, allScopes, shapeProblemText } from "../core/index.js";
import type { Issuer } from "../identity/providers/index.js";

/** Where Firebase publishes the certificates of its tokens. */
const firebaseCertificates = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com";
/** Dialects whose own documents ask for JWTs of others. */
export const usualDialects: readonly string[] = ["agent-network", "visualisation"];

const text = (words: string) => ({ error: words, abort: true });
const keyRule = text("must be an https:// URL without user name, password and fragment, or the path of a file");
/** Keys decide who is who: nothing that others on the way can change is asked for them. */
const keyPlace = z
  .string()
  .min(1)
  .refine((at) => !at.includes("://") || isPlainUrl(at), keyRule);

function isPlainUrl(at: string): boolean {
  if (!at.startsWith("https://") || !URL.canParse(at)) return false;
  const { username, password, hash } = new URL(at);
  return username === "" && password === "" && hash === "";
}

const agentName = z.string().superRefine((name, context) => {
  const problem = agentNameProblem(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: `must not be a name that ${problem}` });
});
const oneOrMore = (what: string) =>
  z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], text(`must be ${what}, or a list of such`));
const claim = z.union(
  [z.string().min(1), z.array(z.string().min(1)).min(1).max(8)],
  text("must be the name of a claim, or a list of names, which lead to one inside others"),
);

const usual = {
  dialects: z
    .array(z.string().min(1))
    .min(1)
    .default([...usualDialects])
    .describe("The dialects that take its tokens, by name."),
  scopes: z
    .record(z.string().min(1), z.array(z.enum(allScopes)).min(1))
    .default({})
    .describe("What each value of the claim scopesClaim gives here. Without it such a token gives no scope."),
  scopesClaim: claim
    .default("scope")
    .describe('The claim with scopes or roles: a list, or a text with spaces. ["realm_access", "roles"]: one inside.'),
  agentsClaim: claim
    .default("agents")
    .describe("The claim that names the agents of a token: a list, or a text with spaces."),
  agents: z
    .record(z.string().min(1).max(255), z.array(agentName).min(1))
    .default({})
    .describe("Agents that a sub may use, by sub: also reserved names. Nobody else outside may use these names."),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe("A PEM file of the authorities that vouch for the URL's host. Default: those that this machine trusts."),
};

const jwksIssuer = z.strictObject({
  issuer: z
    .string()
    .min(1)
    .max(512)
    .regex(/^[\x21-\x22\x24-\x7e]+$/, text("must be printable ASCII without spaces and #, as iss in its tokens"))
    .describe("iss of its tokens, exactly."),
  audience: oneOrMore("the aud of its tokens").describe("aud of its tokens, exactly: one of these."),
  jwks: keyPlace.describe("Its JSON Web Key Set: an https:// URL, which may not redirect, or a file."),
  ...usual,
});

const firebaseIssuer = z.strictObject({
  firebase: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{3,62}$/, text("must be the id of a Firebase project, as my-project-1234"))
    .describe("The id of a Firebase project."),
  certificates: keyPlace
    .default(firebaseCertificates)
    .describe("Its certificates by key id: an https:// URL, which may not redirect, or a file. Default: Google's."),
  emulator: z
    .boolean()
    .default(false)
    .describe("Takes what the Firebase emulator issues, which nobody signs: only while every door is local."),
  ...usual,
});

const forms = "must be {issuer, audience, jwks, …} or {firebase, …}";

/** One entry of `identityProviders`. */
export const identityProvider = z.union([jwksIssuer, firebaseIssuer], {
  error: (issue) => {
    const { input } = issue;
    if (typeof input !== "object" || input === null || Array.isArray(input)) return forms;
    const found = issue.errors["firebase" in input ? 1 : 0] ?? [];
    return found.length === 0 ? forms : shapeProblemText(new z.ZodError([...found]), input);
  },
});

/** An entry as its user gives it, and with every default filled in. */
export type IdentityProvider = z.output<typeof identityProvider>;

/** An entry of `identityProviders` as the broker uses it. */
export function issuerOf(entry: IdentityProvider): Issuer {
  const { dialects, scopes, agents, ca } = entry;
  const common = {
    dialects,
    scopes,
    scopesClaim: [entry.scopesClaim].flat(),
    agentsClaim: [entry.agentsClaim].flat(),
    agents,
  };
  const with_ = ca === undefined ? {} : { ca };
  if ("firebase" in entry)
    return {
      name: `https://securetoken.google.com/${entry.firebase}`,
      audience: [entry.firebase],
      keys: { form: "certificates", at: entry.certificates, ...with_ },
      firebase: true,
      emulator: entry.emulator,
      ...common,
    };
  return {
    name: entry.issuer,
    audience: [entry.audience].flat(),
    keys: { form: "jwks", at: entry.jwks, ...with_ },
    firebase: false,
    emulator: false,
    ...common,
  };
}
