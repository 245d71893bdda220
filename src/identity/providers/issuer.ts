import type { Scope } from "../../core/index.js";

/** Where an issuer's public keys are. */
export interface KeyPlace {
  /** `jwks`: a JSON Web Key Set (RFC 7517). `certificates`: a JSON object, X.509 certificates (PEM) by key id. */
  readonly form: "jwks" | "certificates";
  /** An `https://` URL, or the path of a file. */
  readonly at: string;
  /** A PEM file of the authorities that vouch for the URL's host; absent: those that this machine trusts. */
  readonly ca?: string;
}

/** An issuer whose tokens are taken, with every default filled in (protocols §0.12). */
export interface Issuer {
  /** `iss`, exactly. */
  readonly name: string;
  /** `aud` must hold one of them, exactly. */
  readonly audience: readonly string[];
  readonly keys: KeyPlace;
  /** The dialects that take its tokens. */
  readonly dialects: readonly string[];
  /** What each value of the claim at {@link scopesClaim} gives here. */
  readonly scopes: Readonly<Record<string, readonly Scope[]>>;
  /** Path of the claim with scopes or roles. */
  readonly scopesClaim: readonly string[];
  /** Path of the claim that names the agents of a token. */
  readonly agentsClaim: readonly string[];
  /** Agents that a `sub` may use, whatever its token says. */
  readonly agents: Readonly<Record<string, readonly string[]>>;
  /** Firebase's further rules hold: RS256 alone, `auth_time`, a `sub` of 128 characters. */
  readonly firebase: boolean;
  /** Tokens of the Firebase emulator, which nobody has signed, are taken. */
  readonly emulator: boolean;
}

/** True for a place that is asked over the net. */
export function isUrl({ at }: KeyPlace): boolean {
  return at.startsWith("https://");
}

/** Whose a token is, as the proof of a principal. An issuer's name holds no `#`, so no two owners have one text. */
export function ownerOf(issuer: string, subject: string): string {
  return `jwt:${issuer}#${subject}`;
}
