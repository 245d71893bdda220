import { appendFileSync } from "node:fs";
import type { LoginEvent, TokenListing } from "../services/index.js";

/** What the audit log keeps: who came, who was refused, what was given and taken back. Never content, never a secret. */
export type AuditEvent =
  | LoginEvent
  | { readonly event: "start"; readonly pid: number; readonly doors: Readonly<Record<string, unknown>> }
  | { readonly event: "stop"; readonly pid: number }
  | { readonly event: "reload"; readonly changed: readonly string[]; readonly needRestart: readonly string[] }
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
  return { tokenId: id, kind, agent: subject, scopes, ...(expiresAt !== undefined && { expires: new Date(expiresAt).toISOString() }) };
}

/** One line of the log. `now`: wall clock, milliseconds. */
export function auditLine(event: AuditEvent, now: number): string {
  return `${JSON.stringify({ at: new Date(now).toISOString(), ...event })}\n`;
}

/** Writes lines for a short-lived command, beside a broker that may be running: one append, so that lines stay whole. Throws what the system says. */
export function appendAudit(path: string, events: readonly AuditEvent[], now: number): void {
  appendFileSync(path, events.map((event) => auditLine(event, now)).join(""), { mode: 0o600 });
}
