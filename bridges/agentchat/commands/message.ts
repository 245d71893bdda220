import {
  agentNameProblem,
  brokerTopic,
  Fault,
  isControlName,
  isRoom,
  networkOf,
  receiptWords,
  type Draft,
  type Rules,
  type Services,
  type TurnIntent,
} from "#dialect";
import { verifies } from "../keys.js";
import type { CommandOf } from "../schema.js";
import { Seen, type SaidBefore, type SeenRow } from "../seen.js";
import { messageText } from "../signed-text.js";
import type { AgentChat, ChatSession } from "../state.js";
import { nameOf, serverId, signatureIn, type Signed } from "../translate.js";

type MessageRules = Pick<Rules<AgentChat>, "MSG" | "PING">;

/** A `msg_id` of so many characters (a UUID has 36, a SHA-256 64) is one that nobody else has made up. */
const ownIdLength = 32;

/** What is said to channels and agents (AgentChat §5, protocols §3.5). */
export const messageCommands: MessageRules = {
  MSG: {
    phase: "ready",
    cost: 1,
    run(session, said) {
      const before = saidBefore(session, said);
      const seen = seenOf(session.services);
      const now = session.now();
      const draft = draftOf(session, said, now);
      const isPublic = said.to.startsWith("#");
      if (before !== undefined && seen.has(before, now)) {
        // Taken before; its sender does not know that, or would not say it again.
        if (session.state.echo) echo(session, said, draft, now);
        return;
      }
      const { safe } = isPublic ? session.inform(draft) : session.say(draft);
      const confirm = (): void => {
        if (!isPublic && session.state.echo && draft.to !== session.principal?.agent) echo(session, said, draft, now);
      };
      // Whoever is told that it was taken need not say it again, over a crash of ours, too. A mailbox knows by itself
      // what it has, and tells where that stands; what it could not keep is told, and is to be said again.
      if (safe !== undefined) return safe().then(confirm, () => undefined);
      if (before !== undefined) return seen.remember(before, now).then(confirm);
      confirm();
    },
  },
  PING: {
    phase: "any",
    cost: 0.1,
    run(session) {
      session.send({ type: "PONG", ts: session.now() });
    },
  },
};

/** What was said before; read from disk the first time. @throws Fault unavailable */
export function seenOf(services: Services): Seen {
  return services.once("seen", ({ tables }) => new Seen(tables.table<SeenRow>("seen")));
}

function draftOf(
  session: ChatSession,
  said: CommandOf<"MSG">,
  now: number,
): Draft & TurnIntent & { readonly messageId: string } {
  const { to, content, msg_id: messageId = session.newId(), in_reply_to: replyTo } = said;
  const signed = signedOf(session, said);
  return {
    to: addresseeOf(to),
    timestamp: new Date(now).toISOString(),
    content: signed === undefined ? { message: content } : { message: content, data: signed },
    messageId,
    ...(replyTo !== undefined && { replyTo, inReplyTo: replyTo }),
    ...(said.receipt === true && { rare: { receipt: receiptWords } }),
  };
}

/** The topic behind `#channel` or `@agent-id`. @throws Fault malformed, not-found */
function addresseeOf(to: string): string {
  if (to === serverId) return brokerTopic;
  if (to.startsWith("#")) {
    if (isRoom(to)) return to;
    throw new Fault("not-found", `there is no channel ${to}`);
  }
  const name = nameOf(to);
  if (!to.startsWith("@") || name === "" || name.startsWith("#"))
    throw new Fault("malformed", "MSG: to: must be #channel or @agent-id");
  const problem = isControlName(name) ? undefined : agentNameProblem(name);
  if (problem !== undefined) throw new Fault("not-found", `there is no agent ${to} here: the name ${problem}`);
  return name;
}

/** The signature as it travels. @throws Fault if this server takes good signatures only */
function signedOf({ state, settings }: ChatSession, { to, content, ts, sig }: CommandOf<"MSG">): Signed | undefined {
  if (sig === undefined || sig === null || sig === "") return undefined;
  if (settings.signatures === "strict") {
    if (state.key === undefined || ts === undefined || !verifies(state.key, messageText({ to, content, ts }), sig)) {
      throw new Fault(
        "malformed",
        "MSG: sig: it does not verify: it is Ed25519, base64, " +
          "over JSON.stringify({to, content, ts}) by the key of your IDENTIFY",
      );
    }
  }
  return { sig, to, ...(ts !== undefined && { ts }), ...(state.key !== undefined && { pubkey: state.key.spki }) };
}

/** A direct message comes back to its sender, as in the original. */
function echo(
  session: ChatSession,
  { to, in_reply_to }: CommandOf<"MSG">,
  { messageId, content: { message, data } }: Draft & { readonly messageId: string },
  now: number,
): void {
  const { principal, state } = session;
  const from = principal?.agent ?? "";
  session.send({
    type: "MSG",
    from: `@${from}`,
    from_name: state.name,
    to,
    content: message,
    ts: now,
    msg_id: messageId,
    ...(in_reply_to !== undefined && { in_reply_to }),
    ...signatureIn({ from, to: nameOf(to), content: { message, data } }),
  });
}

/**
 * What makes this message the same when it is said again by somebody who does not know whether it was taken (protocols
 * §5, the daemon's outbox).
 */
function saidBefore(
  { id, remote, state }: ChatSession,
  { msg_id: messageId, to, content }: CommandOf<"MSG">,
): SaidBefore | undefined {
  if (messageId === undefined) return undefined;
  // Names are not unique, so without a key only an id that nobody else makes up says that it is the same speaker on
  // another connection.
  // By the former id, which is of the key as well: what was said before ids changed is known still (AgentChat §3.9).
  const speaker = state.key?.formerId ?? (messageId.length >= ownIdLength ? `name ${state.name}` : `connection ${id}`);
  return { speaker, network: networkOf(remote), messageId, text: `${to}\n${content}` };
}
