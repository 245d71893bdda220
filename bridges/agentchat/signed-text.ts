import { repairSurrogates } from "#dialect";

/**
 * The texts that AgentChat agents sign, each as the protocol spells it (AgentChat §3.4, §5.3, §6.2). What is missing is
 * empty.
 */

/** Proof of a key, answering a CHALLENGE. */
export function authText({
  nonce,
  challengeId,
  timestamp,
}: {
  readonly nonce: string;
  readonly challengeId: string;
  readonly timestamp: number;
}): string {
  return `AGENTCHAT_AUTH|${nonce}|${challengeId}|${timestamp}`;
}

/** A signed MSG; `ts` is the client's own, which is passed on unchanged. */
export function messageText({
  to,
  content,
  ts,
}: {
  readonly to: string;
  readonly content: string;
  readonly ts: number;
}): string {
  // What was half a character when it was signed is U+FFFD by now (protocols §3.15).
  return repairSurrogates(JSON.stringify({ to, content, ts }));
}

/** A PROPOSAL. `terms` are not covered by it. */
export function proposalText(proposal: {
  readonly to: string;
  readonly task: string;
  readonly amount?: number | undefined;
  readonly currency?: string | undefined;
  readonly payment_code?: string | undefined;
  readonly expires?: number | undefined;
}): string {
  const { to, task, amount = "", currency = "", payment_code = "", expires = "" } = proposal;
  return [to, task, amount, currency, payment_code, expires].join("|");
}

/** ACCEPT (its field: `payment_code`), REJECT (`reason`), COMPLETE (`proof`), DISPUTE (`reason`). */
export function stepText(
  type: "ACCEPT" | "REJECT" | "COMPLETE" | "DISPUTE",
  proposalId: string,
  field: string | undefined,
): string {
  return `${type}|${proposalId}|${field ?? ""}`;
}
