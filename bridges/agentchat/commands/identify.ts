import { randomInt } from "node:crypto";
import { Fault, mailboxFields, principal, type Rules, type Services } from "#dialect";
import { checkAnswer, newChallenge, type Challenge } from "../challenge.js";
import { readPublicKey, type PublicKey } from "../keys.js";
import type { AgentChat, ChatSession } from "../state.js";
import { askBroker } from "./question.js";

type IdentityRules = Pick<Rules<AgentChat>, "IDENTIFY" | "VERIFY_IDENTITY">;

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
const ephemeralLength = 8;
/** How often one connection can say who it is. */
const identifiedMax = 5;
/** How long a challenge can be answered, milliseconds. */
const challengeMs = 60_000;
/** The same for a session that is let in only with an answer. */
const answerMs = 20_000;
/** After so long without an answer it is told what it waits for: a client that knows no challenges would only hang. */
const hintMs = 2_500;

/** Who somebody is (AgentChat §3). */
export const identityCommands: IdentityRules = {
  IDENTIFY: {
    phase: ["greeting", "challenged"],
    async run(session, { name, pubkey, echo = true, mailbox }) {
      if (!/^[A-Za-z0-9_-]{1,32}$/.test(name)) throw named("INVALID_NAME", "name: 1 to 32 of A-Z a-z 0-9 _ -");
      const { state, services } = session;
      state.identified += 1;
      if (state.identified > identifiedMax)
        throw new Fault("unauthenticated", "IDENTIFY was said too often; connect again, and answer the CHALLENGE", {
          fatal: true,
        });
      const strict = session.settings.identity === "strict";
      const key = pubkey === undefined || pubkey === null || pubkey === "" ? undefined : keyOf(pubkey);
      Object.assign(state, { name, key, echo, challenge: undefined, mailbox });
      if (key === undefined) {
        if (strict)
          throw new Fault("unauthenticated", "this server wants everybody to prove a key: IDENTIFY with pubkey");
        await session.admit(principal(freeId(session), "claimed", { displayName: name, temporary: true }));
        await openBox(session); // is refused: only a key proves a name here
        return;
      }
      // While its owner is here nobody else is let in: nothing is taken from it then.
      const ownerIsHere = services.directory.agent(key.agentId)?.trust === "proved";
      if (!strict && !ownerIsHere && isExempt(session, key)) await forgetProof(services, key);
      // A key once proved here is never again taken unproved, nor is one whose name somebody bears now who answers.
      const isBefore = strict || ownerIsHere ? undefined : provedBefore(services, key);
      // What the operator lets in unproved is still closed where something of its owner's waits (AgentChat §14.2).
      const before = isBefore !== undefined && isExempt(session, key) ? owned : isBefore;
      const mustProve = strict ? everybodyProves : ownerIsHere ? inUse : before;
      const obstacle = mustProve ?? (await occupied(session, key));
      if (obstacle !== undefined) session.phase = "challenged";
      const challenge = ask(session, key, obstacle === undefined ? challengeMs : answerMs);
      if (obstacle !== undefined) mustAnswer(session, obstacle, challenge);
    },
  },
  VERIFY_IDENTITY: {
    phase: ["challenged", "ready"],
    async run(session, answer) {
      const { state } = session;
      const asked = state.challenge;
      // Answered once, well or not: what is said again proves nothing.
      state.challenge = undefined;
      const { key } = checkAnswer(asked, answer);
      const proved = principal(key.agentId, "proved", { proof: proofOf(key), displayName: state.name });
      if (session.principal === undefined) await session.admit(proved);
      else await session.raise(proved);
      // Its mailbox is open when it hears that it has proved its name.
      try {
        await openBox(session);
      } finally {
        const channels = [...session.rooms];
        const inside = channels.length > 0 && { channels };
        session.send({ type: "VERIFY_SUCCESS", ts: session.now(), agent_id: `@${key.agentId}`, ...inside });
      }
    },
  },
};

/** Opens the mailbox that IDENTIFY asked for (AgentChat §14.1). @throws Fault why there is none */
async function openBox(session: ChatSession): Promise<void> {
  const { mailbox } = session.state;
  session.state.mailbox = undefined;
  try {
    const fields = mailboxFields(mailbox);
    if (fields !== undefined) await askBroker(session, "mailbox.open", fields, "IDENTIFY");
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const { code, message, detail, retryAfterMs } = thrown;
    const wait = retryAfterMs !== undefined && { retryAfterMs };
    throw new Fault(code, message, { detail: { ...detail, ref: "IDENTIFY" }, ...wait });
  }
}

/** The answer to an IDENTIFY that was taken. */
export function welcome(session: ChatSession): void {
  session.phase = "ready";
  session.send({
    type: "WELCOME",
    ts: session.now(),
    agent_id: `@${session.principal?.agent ?? ""}`,
    server: session.services.serverName,
  });
}

/** Why a key is not let in without its proof, and what else than an answer helps. */
interface Obstacle {
  readonly why: string;
  readonly remedy: string;
}

const everybodyProves: Obstacle = { why: "this server wants every key to be proved", remedy: "" };
const inUse: Obstacle = {
  why: "another session bears this key",
  remedy: ", IDENTIFY without pubkey, end the other program, or give this one a key of its own",
};

const owned: Obstacle = {
  why: "this key has a mailbox here, or a token, so it is for whoever proves it",
  remedy: ", or IDENTIFY without pubkey",
};

/** Welcomes a key that nobody has proved. @returns the session that is alive and bears its name, if there is one */
async function occupied(session: ChatSession, key: PublicKey): Promise<Obstacle | undefined> {
  try {
    await session.admit(
      principal(key.agentId, "claimed", { displayName: session.state.name, expectedProof: proofOf(key) }),
    );
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === "conflict") return inUse;
    throw thrown;
  }
}

/** That a key has to be proved; undefined if it was never proved here. */
function provedBefore({ identity }: Services, { agentId, formerId }: PublicKey): Obstacle | undefined {
  if (!identity.isProtected(agentId) && !identity.isProtected(formerId)) return undefined;
  const remedy =
    ", IDENTIFY without pubkey, or have the operator let this key in unproved " +
    `(agentchat serve --unproved @${agentId})`;
  return { why: "this key was proved here before", remedy };
}

/** True if the operator lets this key in without proof (AgentChat §3.7). */
function isExempt({ settings: { unproved } }: ChatSession, { agentId }: PublicKey): boolean {
  return unproved.includes(agentId) || unproved.includes(`@${agentId}`);
}

async function forgetProof({ identity }: Services, { agentId, formerId }: PublicKey): Promise<void> {
  await Promise.all([agentId, formerId].map((id) => identity.forget(id)));
}

/** A client that knows nothing of challenges is told why it is not let in. */
function mustAnswer(session: ChatSession, { why, remedy }: Obstacle, challenge: Challenge): void {
  const unanswered = (fatal: boolean): Fault =>
    new Fault(
      "unauthenticated",
      `${why}, and the CHALLENGE was not answered: answer it with VERIFY_IDENTITY${remedy}`,
      { fatal, detail: { ref: "IDENTIFY" } },
    );
  session.after(hintMs, () => {
    if (session.principal === undefined && session.state.challenge === challenge) throw unanswered(false);
  });
  session.after(answerMs, () => {
    if (session.principal === undefined) throw unanswered(true);
  });
}

function ask(session: ChatSession, key: PublicKey, ms: number): Challenge {
  const challenge = newChallenge(key, session.now() + ms);
  session.state.challenge = challenge;
  session.after(ms, () => {
    if (session.state.challenge === challenge) session.state.challenge = { ...challenge, isOver: true };
  });
  session.send({
    type: "CHALLENGE",
    ts: session.now(),
    challenge_id: challenge.id,
    nonce: challenge.nonce,
    expires_at: challenge.expiresAt,
  });
  return challenge;
}

function proofOf(key: PublicKey): string {
  return `key:${key.spki}`;
}

function keyOf(pubkey: string): PublicKey {
  const key = readPublicKey(pubkey);
  if (key === undefined)
    throw new Fault(
      "malformed",
      "IDENTIFY: pubkey: an Ed25519 public key as PEM, as base64 of its SPKI, or as base64 of its 32 bytes",
    );
  return key;
}

/** An id that nobody bears: 8 random a-z0-9. */
function freeId({ services: { directory, identity } }: ChatSession): string {
  for (;;) {
    let id = "";
    for (let at = 0; at < ephemeralLength; at += 1) id += alphabet[randomInt(alphabet.length)] ?? "";
    if (directory.agent(id) === undefined && !identity.isProtected(id)) return id;
  }
}

function named(agentchat: "INVALID_NAME", message: string): Fault {
  return new Fault("malformed", message, { detail: { agentchat } });
}
