import type { DaemonStatus } from "../../../clients/typescript/agentchat/daemon.js";
import { table } from "../output.js";
import { untrustedText } from "./harmless.js";

/** What is known of a daemon, for people: times as ISO 8601, lists as words. */
export function statusTable(status: DaemonStatus): string {
  return table(Object.entries(status).map(([what, is]) => [what, untrustedText(wordsOf(what, is))]));
}

function wordsOf(what: string, is: unknown): string {
  if (typeof is === "string") return is.trim();
  if (typeof is === "boolean") return is ? "yes" : "no";
  if (typeof is === "number" && what.endsWith("At")) return new Date(is).toISOString();
  if (Array.isArray(is))
    return is.length === 0
      ? "none"
      : is.map((one) => wordsOf("", one)).join(is.some((one) => typeof one === "object") ? ", " : " ");
  if (typeof is === "object" && is !== null)
    return Object.values(is)
      .map((value) => wordsOf("", value))
      .join(" ");
  return String(is);
}
