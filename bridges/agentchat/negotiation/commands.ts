import { Fault, networkOf, type Rule, type Rules, type Services } from "#dialect";
import { verifies, type PublicKey } from "../keys.js";
import type { NegotiationEvent } from "../events.js";
import type { CommandOf, NegotiationType } from "../schema.js";
import { acceptTexts, proposalTexts, stepText } from "../signed-text.js";
import type { AgentChat, ChatSession } from "../state.js";
import { contentOf, messageIdOf, proposalEvent, stepEvent } from "./event.js";
import { proposalId, refused, type Proposal, type Step } from "./proposal.js";
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
      const key = signedBy(session, proposalTexts(said), sig);
      const name = to.startsWith("@") ? to.slice(1) : to;
      if (name === key.agentId || name === key.formerId)
        throw refused("malformed", "INVALID_PROPOSAL", "PROPOSAL: to: somebody else, not yourself");
      session.services.directory.contacts.mustMeet(key.agentId, name);
      if (!session.services.directory.isReachable(name))
        throw refused("not-found", "AGENT_NOT_FOUND", `there is no agent ${to} here; propose when it is online`);
      if (!keyedId.test(name))
        throw refused(
          "forbidden",
          "INVALID_PROPOSAL",
          `${to} has no key, so it could not sign an answer; agreements need a key on both sides`,
        );
      const [at, signed] = [session.now(), padded(sig ?? "")];
      const proposal = await proposalsOf(session.services).propose(
        proposalFrom(said, {
          id: proposalId(signed, at),
          from: key.agentId,
          to: name,
          sig: signed,
          pubkey: key.spki,
          network: networkOf(session.remote),
          at,
        }),
        session.principal?.trust === "proved",
      );
      await tell(session, proposal.to, proposalEvent(proposal, session.now()));
    },
  },
  ACCEPT: step("ACCEPT", (said) => {
    const { proposal_id: id, payment_code: field, elo_stake } = said;
    // A stake may follow it in the signed text: what could be one is none.
    if (field !== undefined && /\|[0-9.e+-]*$/.test(field))
      throw refused("malformed", "INVALID_PROPOSAL", "ACCEPT: payment_code: it may not end in | or | and a number");
    return { texts: acceptTexts(id, said), field, ...(elo_stake !== undefined && { elo_stake }) };
  }),
  REJECT: step("REJECT", ({ proposal_id: id, reason }) => ({ texts: [stepText("REJECT", id, reason)], field: reason })),
  COMPLETE: step("COMPLETE", ({ proposal_id: id, proof }) => ({
    texts: [stepText("COMPLETE", id, proof)],
    field: proof,
  })),
  DISPUTE: step("DISPUTE", ({ proposal_id: id, reason }) => ({
    texts: [stepText("DISPUTE", id, reason)],
    field: reason,
  })),
};

/** What a step says, and the texts that may be signed for it. */
interface Said extends Pick<Step, "elo_stake"> {
  readonly texts: readonly string[];
  readonly field: string | undefined;
}

function step<T extends StepType>(type: T, read: (said: CommandOf<T>) => Said): Rule<AgentChat, CommandOf<T>> {
  return {
    phase: "ready",
    cost: 1,
    async run(session, said) {
      const { proposal_id: id, sig }: { readonly proposal_id: string; readonly sig?: string | undefined } = said;
      if (id.includes("|")) throw refused("not-found", "PROPOSAL_NOT_FOUND", `${type}: no proposal has such an id`);
      const { texts, field, ...signed } = read(said);
      const key = signedBy(session, texts, sig);
      const taken: Step = {
        type,
        by: key.agentId,
        sig: padded(sig ?? ""),
        pubkey: key.spki,
        at: session.now(),
        ...(field !== undefined && { field }),
        ...signed,
      };
      const proposals = proposalsOf(session.services);
      const proposal = await proposals.step(id, taken, session, key.formerId);
      const kept = proposal.steps.at(-1) ?? taken;
      const other = proposal.from === key.agentId ? proposal.to : proposal.from;
      await tell(session, other, stepEvent(proposal, kept), () => {
        proposals.untold(kept);
      });
    },
  };
}

/**
 * To both parties, the other one first, even if the speaker has gone meanwhile: the step stands. A party that is away
 * finds it in its mailbox; if it has none, it learns of it from its partner. `untold`: it could not be told.
 * @throws Fault why the other party could not be told
 */
async function tell(
  session: ChatSession,
  other: string,
  event: NegotiationEvent,
  untold: () => void = () => undefined,
): Promise<void> {
  const now = session.now();
  try {
    const { safe } = session.inform({
      to: other,
      content: contentOf(event),
      messageId: messageIdOf(event),
      timestamp: new Date(now).toISOString(),
      hasHappened: true,
    });
    // What a mailbox could not keep after all it tells by itself.
    await safe?.().catch(untold);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    if (thrown.code === "not-found") return;
    untold();
    const { code, message, detail, retryAfterMs } = thrown;
    throw new Fault(code, `the ${event.type} stands, but @${other} was not told: ${message}`, {
      ...(detail !== undefined && { detail }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  } finally {
    session.send({ ...event, ts: now });
  }
}

/** @throws Fault with the code SIGNATURE_REQUIRED */
function signedBy(
  { state: { key }, principal }: ChatSession,
  texts: readonly string[],
  sig: string | undefined,
): PublicKey {
  if (key === undefined || key.agentId !== principal?.agent)
    throw refused("unauthenticated", "SIGNATURE_REQUIRED", "agreements need a key: IDENTIFY with pubkey");
  if (sig === undefined || sig === "")
    throw refused(
      "unauthenticated",
      "SIGNATURE_REQUIRED",
      "sig is missing: sign the step with the key of your IDENTIFY",
    );
  if (!texts.some((text) => verifies(key, text, sig)))
    throw refused(
      "unauthenticated",
      "SIGNATURE_REQUIRED",
      `sig does not verify: it is Ed25519, base64, over ${texts[0] ?? ""}`,
    );
  return key;
}

function proposalFrom(
  said: CommandOf<"PROPOSAL">,
  made: Pick<Proposal, "id" | "from" | "to" | "sig" | "pubkey" | "network" | "at">,
): Proposal {
  const { to: signedTo, task, amount, currency, payment_code, terms, expires, elo_stake } = said;
  return {
    ...made,
    signedTo,
    task,
    ...(amount !== undefined && { amount }),
    ...(currency !== undefined && { currency }),
    ...(payment_code !== undefined && { payment_code }),
    ...(terms !== undefined && { terms }),
    ...(expires !== undefined && { expires }),
    ...(elo_stake !== undefined && { elo_stake }),
    status: "pending",
    steps: [],
  };
}

/** All proposals of the broker; read from disk the first time. @throws Fault unavailable */
export function proposalsOf(services: Services): Proposals {
  return services.once("proposals", ({ tables }) => new Proposals(tables.table<Proposal>("proposals")));
}

/** Base64 with its padding: the same signature is spelled the same. */
function padded(sig: string): string {
  return sig.padEnd(Math.ceil(sig.length / 4) * 4, "=");
}
