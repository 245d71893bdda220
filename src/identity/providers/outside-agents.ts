import { Fault, agentNameProblem } from "../../core/index.js";
import { looksOwned } from "../identity.js";
import { ownerOf, type Issuer } from "./issuer.js";
import { belongs, type Ground, type NameBindings } from "./name-bindings.js";
import type { OutsideClaims } from "./outside-token.js";

/** The form of the names that keys give (AgentChat §3.3). */
const keyForm = /^[0-9a-f]{16}$/;

/** What is known of names that are not another issuer's to give. */
export interface NamesHere {
  /** The operator's, reserved by configuration, or with a token of this broker's. */
  isOurs(name: string): boolean;
  /** Known in any way: ours, proved by somebody, with a mailbox; or it looks like such a one. */
  isProtected(name: string): boolean;
  /** The protected name that this one looks like; undefined if it is protected itself, or looks like none. */
  protectedLike(name: string): string | undefined;
  isOnline(name: string): boolean;
  /** What is kept for whoever has the name, also one that its owner only claims; undefined: nothing. */
  keptFor(name: string): "a mailbox" | "approved contacts" | undefined;
}

/** Why somebody may use a name: as {@link Ground}, or by the operator's table, which binds nothing. */
export type Grant = Ground | "table";

/** What decides whether a subject of an issuer may use a name. */
export interface OutsideRules {
  readonly names: NamesHere;
  readonly bindings: NameBindings;
  /** True if the table of any issuer gives the name to somebody. */
  readonly isListed: (name: string) => boolean;
}

/**
 * The agents that a token names in its claim; undefined: it has no such claim.
 * @throws Fault unauthenticated: the claim is neither a list of texts nor one text
 */
export function claimedAgents(
  { payload }: OutsideClaims,
  { agentsClaim, name }: Issuer,
): readonly string[] | undefined {
  const value = claimAt(payload, agentsClaim);
  const agents = value === undefined ? undefined : wordsOf(value);
  if (value !== undefined && agents === undefined)
    throw new Fault(
      "unauthenticated",
      `the token of ${name} is not valid: its ${agentsClaim.join(".")} must be a list of names, or a text of names`,
    );
  return agents;
}

/** The values of a claim that is a list of texts or a text with spaces; undefined: it is neither. */
export function wordsOf(value: unknown): readonly string[] | undefined {
  if (typeof value === "string") return value.split(" ").filter((word) => word !== "");
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;
}

/** What stands at a path of claims. Nothing inherited is found. */
export function claimAt(payload: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  let found: unknown = payload;
  for (const name of path)
    found =
      typeof found === "object" && found !== null && Object.hasOwn(found, name)
        ? (found as Readonly<Record<string, unknown>>)[name]
        : undefined;
  return found;
}

/** The agents that the operator's table gives to a subject. */
export function listedAgents({ agents }: Issuer, subject: string): readonly string[] {
  return Object.hasOwn(agents, subject) ? (agents[subject] ?? []) : [];
}

/**
 * Why a subject of an issuer may use this name (protocols §0.13).
 * @param claimed the agents that its token names
 * @throws Fault malformed, forbidden, conflict, with the remedy
 */
export function grantOf(
  agent: string,
  { subject }: OutsideClaims,
  claimed: readonly string[] | undefined,
  issuer: Issuer,
  { names, bindings, isListed }: OutsideRules,
): Grant {
  const problem = agentNameProblem(agent);
  if (problem !== undefined) throw new Fault("malformed", `the agent's name ${problem}; choose another`);
  if (listedAgents(issuer, subject).includes(agent)) return "table";
  if (isListed(agent) || names.isOurs(agent)) throw new Fault("forbidden", reservedHere(agent));
  const owner = bindings.ownerOf(agent);
  const self = ownerOf(issuer.name, subject);
  if (owner !== undefined && owner !== self) throw new Fault("conflict", belongs(agent));
  const like = names.protectedLike(agent) ?? bindings.like(agent, self);
  if (owner === undefined && like !== undefined && bindings.ownerOf(like) !== self)
    throw new Fault("conflict", looksOwned(agent, like));
  if (owner === undefined && keyForm.test(agent) && names.isProtected(agent))
    throw new Fault("conflict", `the name ${agent} belongs to the owner of a key; choose another`);
  if (claimed?.includes(agent) === true) return "claim";
  if (subject === agent) return "sub";
  if (claimed !== undefined) throw new Fault("forbidden", notAmong(agent, claimed));
  if (owner === undefined) mustBeNobodys(agent, names);
  return "first-use";
}

/** What nobody has ever used goes to whoever uses it first, if all that it looks like is its user's own. */
function mustBeNobodys(agent: string, names: NamesHere): void {
  const remedy = "choose another name, or ask the operator to give you this one (identityProviders, agents)";
  if (names.isOnline(agent)) throw new Fault("conflict", `the name ${agent} is in use; ${remedy}`);
  const kept = names.keptFor(agent);
  if (kept !== undefined) throw new Fault("conflict", `the name ${agent} has ${kept}, so it is somebody's; ${remedy}`);
  if (names.isProtected(agent) && names.protectedLike(agent) === undefined)
    throw new Fault("conflict", `the name ${agent} belongs to somebody who has proved it; ${remedy}`);
}

function reservedHere(agent: string): string {
  return (
    `the name ${agent} is reserved here; choose another, ` +
    "or ask the operator to give you this one (identityProviders, agents)"
  );
}

const namesTold = 5;

function notAmong(agent: string, claimed: readonly string[]): string {
  if (claimed.length === 0) return `your token names no agent, so it cannot speak for ${agent}; get one that names it`;
  const more = claimed.length > namesTold ? ", …" : "";
  return `your token speaks for ${claimed.slice(0, namesTold).join(", ")}${more} and not for ${agent}; use one of these`;
}
