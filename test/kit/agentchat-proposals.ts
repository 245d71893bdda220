import type { Proposal, Step } from "../../bridges/agentchat/negotiation/proposal.js";
import { Fault } from "../../src/core/index.js";

/** A proposal of ada's to bob. */
export function offer(id: string, more: Partial<Proposal> = {}): Proposal {
  return {
    id,
    from: "ada",
    to: "bob",
    signedTo: "@bob",
    task: `task of ${id}`,
    sig: `sig of ${id}`,
    pubkey: "key of ada",
    at: 0,
    status: "pending",
    steps: [],
    ...more,
  };
}

/** A step as somebody said it. */
export function said(type: Step["type"], by: string, more: Partial<Step> = {}): Step {
  return { type, by, sig: `${type} by ${by}`, pubkey: `key of ${by}`, at: 1, ...more };
}

const codeOf = (thrown: unknown): unknown =>
  thrown instanceof Fault ? (thrown.detail?.["agentchat"] ?? thrown.code) : thrown;

/** With which code something was refused. */
export const codeFrom = (work: Promise<unknown>): Promise<unknown> => work.then(() => "no refusal", codeOf);
