import { appendFileSync } from "node:fs";
import type { LoginEvent, TokenListing } from "../identity/index.js";

/** The last moment that has a date (ECMA-262 §21.4.1.1). */
const dateMaxMs = 8.64e15;

/**
 * What the audit log keeps: who came, who was refused, what was given and taken back. Never content, never a secret.
 */
export type AuditEvent =
  | LoginEvent
  | { readonly event: "start"; readonly pid: number; readonly doors: Readonly<Record<string, unknown>> }
  | { readonly event: "stop"; readonly pid: number }
  | { readonly event: "reload"; readonly changed: readonly string[]; readonly needRestart: readonly string[] }
  /** The configuration, or the TLS pair, was wrong, and stayed as it was: one text for each problem. */
  | { readonly event: "reload.refused"; readonly problems: readonly string[] }
  /** By `broker token`, broker running or not; `uid`: the system's number of the user who did it. */
  | ({ readonly event: "token.issued" | "token.revoked"; readonly uid: number | undefined } & AuditedToken)
  /** Lines that could not be written, or were left out because one address caused too many. */
  | { readonly event: "lost" | "left-out"; readonly lines: number };

/** A token as the log shows it. Times in ISO 8601. */
export interface AuditedToken {
  readonly tokenId: string;
  readonly kind: string;
  readonly agent: string;
  readonly scopes: readonly string[];
  readonly expires?: string;
}

/** The part of a token that is logged. */
export function auditedToken({ id, kind, subject, scopes, expiresAt }: TokenListing): AuditedToken {
  return {
    tokenId: id,
    kind,
    agent: subject,
    scopes,
    ...(expiresAt !== undefined && { expires: new Date(Math.min(expiresAt, dateMaxMs)).toISOString() }),
  };
}

/**
 * One line of the log, without characters that steer a terminal, end a line or turn it around: names are what strangers
 * say. `now`: wall clock, milliseconds.
 */
export function auditLine(event: AuditEvent, now: number): string {
  const json = JSON.stringify({ at: new Date(now).toISOString(), ...event });
  return `${json.replace(/[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

/**
 * Writes lines for a short-lived command, beside a broker that may be running: one append, so that lines stay whole.
 * Throws what the system says.
 */
export function appendAudit(path: string, events: readonly AuditEvent[], now: number): void {
  appendFileSync(path, events.map((event) => auditLine(event, now)).join(""), { mode: 0o600 });
}
