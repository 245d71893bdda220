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

/** What the signature of a PROPOSAL covers. */
export interface SignedProposal {
  readonly to: string;
  readonly task: string;
  readonly amount?: number | undefined;
  readonly currency?: string | undefined;
  readonly payment_code?: string | undefined;
  /** Seconds. */
  readonly expires?: number | undefined;
}

/** A PROPOSAL. `terms` are not covered by it. */
export function proposalText(proposal: SignedProposal): string {
  const { to, task, amount = "", currency = "", payment_code = "", expires = "" } = proposal;
  return [to, task, amount, currency, payment_code, expires].join("|");
}

/**
 * Every text that a PROPOSAL may sign (AgentChat §6.2), ours first: an amount of 0 is written as 0 or not at all, and
 * clients of other makers add a last field, `elo_stake`. What has a stake must cover it.
 */
export function proposalTexts(
  proposal: SignedProposal & { readonly elo_stake?: number | undefined },
): readonly string[] {
  const { amount, elo_stake: stake } = proposal;
  const texts = [proposalText(proposal), ...(amount === 0 ? [proposalText({ ...proposal, amount: undefined })] : [])];
  return texts.flatMap((text) => withStake(text, stake));
}

/** Every text that an ACCEPT may sign, ours first; the same last field as in a PROPOSAL. */
export function acceptTexts(
  proposalId: string,
  {
    payment_code: code,
    elo_stake: stake,
  }: { readonly payment_code?: string | undefined; readonly elo_stake?: number | undefined },
): readonly string[] {
  return withStake(stepText("ACCEPT", proposalId, code), stake);
}

function withStake(text: string, stake = 0): readonly string[] {
  return stake === 0 ? [text, `${text}|`] : [`${text}|${stake}`];
}

/** ACCEPT (its field: `payment_code`), REJECT (`reason`), COMPLETE (`proof`), DISPUTE (`reason`). */
export function stepText(
  type: "ACCEPT" | "REJECT" | "COMPLETE" | "DISPUTE",
  proposalId: string,
  field: string | undefined,
): string {
  return `${type}|${proposalId}|${field ?? ""}`;
}
