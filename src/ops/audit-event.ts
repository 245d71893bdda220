import { appendFileSync, closeSync, fstatSync, openSync } from "node:fs";
import type { ContactEvent } from "../directory/index.js";
import type { LoginEvent, TokenListing } from "../identity/index.js";
import type { MailboxEvent } from "../mailbox/index.js";
import type { MultiAgentEvent } from "../telemetry/multi-agents.js";
import type { CommandEvent } from "../telemetry/telemetry.js";
import { appendFlags, mustBeRegular } from "../storage/atomic-file.js";
import type { WebhookEvent } from "./webhooks/webhooks.js";

/** The last moment that has a date (ECMA-262 §21.4.1.1). */
const dateMaxMs = 8.64e15;

/**
 * A line of the audit log: who logged in, who was refused, which tokens were issued and revoked, whose mailbox was opened and closed. Never the content of a
 * message, never a secret.
 */
export type AuditEvent =
  | LoginEvent
  | MailboxEvent
  | ContactEvent
  | CommandEvent
  | MultiAgentEvent
  | WebhookEvent
  /** Somebody has erased what is kept of a user; not of whom. */
  | { readonly event: "network.forgotten"; readonly by: string }
  | { readonly event: "start"; readonly pid: number; readonly doors: Readonly<Record<string, unknown>> }
  | { readonly event: "stop"; readonly pid: number }
  | { readonly event: "reload"; readonly changed: readonly string[]; readonly needRestart: readonly string[] }
  /** The new configuration or TLS pair was wrong, and the old one stays: one text for each problem. */
  | { readonly event: "reload.refused"; readonly problems: readonly string[] }
  /** Written by `broker token`, whether a broker runs or not; `uid`: the system's number of the user who ran it. */
  | ({ readonly event: "token.issued" | "token.revoked"; readonly uid: number | undefined } & AuditedToken)
  /** The same by somebody who asked for it at the desk. */
  | ({ readonly event: "token.revoked"; readonly by: string } & AuditedToken)
  /** Somebody with the right has closed a connection. */
  | {
      readonly event: "connection.closed";
      readonly by: string;
      readonly id: string;
      readonly dialect: string;
      readonly agent?: string;
      readonly remote: string;
    }
  /** Lines that could not be written, or were left out because one address caused too many. */
  | { readonly event: "lost" | "left-out"; readonly lines: number };

/** The part of a token that is logged. `expires` in ISO 8601. */
export interface AuditedToken {
  readonly tokenId: string;
  readonly kind: string;
  readonly agent: string;
  readonly scopes: readonly string[];
  readonly expires?: string;
}

/** A token as the audit log names it: never its secret. */
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
 * One line of the log. Characters that control a terminal, end a line or reverse its direction are escaped: strangers
 * choose the names in it. `now`: wall clock, milliseconds.
 */
export function auditLine(event: AuditEvent, now: number): string {
  const json = JSON.stringify({ at: new Date(now).toISOString(), ...event });
  const escaped = json.replace(
    /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${escaped}\n`;
}

/**
 * Writes lines for a short-lived command. A broker may write to the same file: one append keeps the lines whole.
 * @throws Fault unavailable: it is no regular file; Error the system's
 */
export function appendAudit(path: string, events: readonly AuditEvent[], now: number): void {
  const file = openSync(path, appendFlags, 0o600);
  try {
    mustBeRegular(path, fstatSync(file));
    appendFileSync(file, events.map((event) => auditLine(event, now)).join(""));
  } finally {
    closeSync(file);
  }
}
