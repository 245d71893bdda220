import { networkOf, type Rule, type Rules } from "#dialect";
import { verifies, type PublicKey } from "../keys.js";
import type { NegotiationEvent } from "../events.js";
import type { CommandOf, NegotiationType } from "../schema.js";
import { proposalText, stepText } from "../signed-text.js";
import type { AgentChat, ChatSession } from "../state.js";
import { contentOf, proposalEvent, stepEvent } from "./event.js";
import { refused, type Proposal, type Step } from "./proposal.js";
import { Proposals } from "./proposals.js";

type StepType = Step["type"];

/** The name of an agent with a key (AgentChat §3.3). */
const keyedId = /^[0-9a-f]{16}$/;

/**
 * Agreements between two agents (AgentChat §6): each step is signed, verified, kept, and then told to both.
 */
export const negotiationCommands: Pick<Rules<AgentChat>, NegotiationType> = {
  PROPOSAL: {
    phase: "ready",
    cost: 1,
    async run(session, said) {
      const { to, task, currency = "", payment_code: paymentCode = "", sig } = said;
      // Only the last field of a signed text may hold the mark that stands between fields.
      if ([to, task, currency, paymentCode].some((field) => field.includes("|")))
        throw refused("malformed", "INVALID_PROPOSAL", "PROPOSAL: no field of the signed text may hold |");
      const key = signedBy(session, proposalText(said), sig);
      const name = to.startsWith("@") ? to.slice(1) : to;
      if (name === key.agentId)
        throw refused("malformed", "INVALID_PROPOSAL", "PROPOSAL: to: somebody else, not yourself");
      if (session.services.directory.agent(name) === undefined)
        throw refused("not-found", "AGENT_NOT_FOUND", `there is no agent ${to} here; propose when it is online`);
      if (!keyedId.test(name))
        throw refused(
          "forbidden",
          "INVALID_PROPOSAL",
          `${to} has no key, so it could not sign an answer; agreements need a key on both sides`,
        );
      const proposal = await proposalsOf(session).propose(
        proposalFrom(said, {
          id: session.newId(),
          from: key.agentId,
          to: name,
          sig: padded(sig ?? ""),
          pubkey: key.spki,
          network: networkOf(session.remote),
          at: session.now(),
        }),
        session.principal?.trust === "proved",
      );
      tell(session, proposal.to, proposalEvent(proposal, session.now()), key);
    },
  },
  ACCEPT: step("ACCEPT", ({ payment_code }) => payment_code),
  REJECT: step("REJECT", ({ reason }) => reason),
  COMPLETE: step("COMPLETE", ({ proof }) => proof),
  DISPUTE: step("DISPUTE", ({ reason }) => reason),
};

function step<T extends StepType>(
  type: T,
  fieldOf: (said: CommandOf<T>) => string | undefined,
): Rule<AgentChat, CommandOf<T>> {
  return {
    phase: "ready",
    cost: 1,
    async run(session, said) {
      const { proposal_id: id, sig }: { readonly proposal_id: string; readonly sig?: string | undefined } = said;
      const field = fieldOf(said);
      if (id.includes("|")) throw refused("not-found", "PROPOSAL_NOT_FOUND", `${type}: no proposal has such an id`);
      const key = signedBy(session, stepText(type, id, field), sig);
      const taken: Step = {
        type,
        by: key.agentId,
        sig: padded(sig ?? ""),
        pubkey: key.spki,
        at: session.now(),
        ...(field !== undefined && { field }),
      };
      const proposal = await proposalsOf(session).step(id, taken, session);
      tell(session, proposal.from === key.agentId ? proposal.to : proposal.from, stepEvent(proposal, taken), key);
    },
  };
}

/**
 * To both parties, the other one first, even if the speaker has gone meanwhile: the step stands. A party that is away
 * learns of it from its partner.
 */
function tell(session: ChatSession, other: string, event: NegotiationEvent, key: PublicKey): void {
  const now = session.now();
  if (session.services.directory.agent(other) !== undefined)
    session.inform({
      to: other,
      content: contentOf(event, key.spki),
      timestamp: new Date(now).toISOString(),
      hasHappened: true,
    });
  session.send({ ...event, ts: now });
}

/** @throws Fault with the code SIGNATURE_REQUIRED */
function signedBy({ state: { key }, principal }: ChatSession, text: string, sig: string | undefined): PublicKey {
  if (key === undefined || key.agentId !== principal?.agent)
    throw refused("unauthenticated", "SIGNATURE_REQUIRED", "agreements need a key: IDENTIFY with pubkey");
  if (sig === undefined || sig === "")
    throw refused(
      "unauthenticated",
      "SIGNATURE_REQUIRED",
      "sig is missing: sign the step with the key of your IDENTIFY",
    );
  if (!verifies(key, text, sig))
    throw refused("unauthenticated", "SIGNATURE_REQUIRED", `sig does not verify: it is Ed25519, base64, over ${text}`);
  return key;
}

function proposalFrom(
  said: CommandOf<"PROPOSAL">,
  made: Pick<Proposal, "id" | "from" | "to" | "sig" | "pubkey" | "network" | "at">,
): Proposal {
  const { to: signedTo, task, amount, currency, payment_code, terms, expires } = said;
  return {
    ...made,
    signedTo,
    task,
    ...(amount !== undefined && { amount }),
    ...(currency !== undefined && { currency }),
    ...(payment_code !== undefined && { payment_code }),
    ...(terms !== undefined && { terms }),
    ...(expires !== undefined && { expires }),
    status: "pending",
    steps: [],
  };
}

function proposalsOf({ services }: ChatSession): Proposals {
  return services.once("proposals", ({ tables }) => new Proposals(tables.table<Proposal>("proposals")));
}

/** Base64 with its padding: the same signature is spelled the same. */
function padded(sig: string): string {
  return sig.padEnd(Math.ceil(sig.length / 4) * 4, "=");
}
