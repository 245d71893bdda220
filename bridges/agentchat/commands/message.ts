import { Fault, isRoom, type Dialect, type Draft, type TurnIntent } from "#dialect";
import type { Said } from "../codec.js";
import { verifies } from "../keys.js";
import type { Event } from "../events.js";
import type { CommandOf } from "../schema.js";
import { Seen, type SaidBefore } from "../seen.js";
import { messageText } from "../signed-text.js";
import type { ChatSession, State } from "../state.js";
import { nameOf, type Signed } from "../translate.js";

type Rules = Pick<Dialect<Said, Event, State>["commands"], "MSG" | "PING" | "UNREADABLE">;

/** What is said to channels and agents (seed 001; protocols §3, §5). */
export const messageCommands: Rules = {
  MSG: {
    phase: "ready",
    cost: 1,
    run(session, said) {
      const before = saidBefore(session, said);
      const seen = session.services.once("agentchat seen", ({ tables }) => new Seen(tables.table<number>("agentchat-seen")));
      if (before !== undefined && seen.has(before, session.now())) return;
      const draft = draftOf(session, said);
      if (said.to.startsWith("#")) {
        if (!isRoom(said.to)) throw new Fault("not-found", `there is no channel ${said.to}; LIST_CHANNELS tells which there are`);
        session.inform(draft);
      } else {
        session.say(draft);
        if (session.state.echo && draft.to !== session.principal?.agent) echo(session, said, draft);
      }
      if (before !== undefined) seen.remember(before, session.now());
    },
  },
  PING: {
    phase: "any",
    cost: 0.1,
    run(session) {
      session.send({ type: "PONG", ts: session.now() });
    },
  },
  UNREADABLE: {
    phase: "any",
    cost: 0.1,
    run(_session, { fault }) {
      throw fault;
    },
  },
};

function draftOf(session: ChatSession, said: CommandOf<"MSG">): Draft & TurnIntent & { readonly messageId: string } {
  const { to, content, msg_id: messageId = session.newId(), in_reply_to: replyTo } = said;
  const signed = signedOf(session, said);
  return {
    to: to.startsWith("#") ? to : nameOf(to),
    content: signed === undefined ? { message: content } : { message: content, data: signed },
    messageId,
    ...(replyTo !== undefined && { replyTo, inReplyTo: replyTo }),
  };
}

/** The signature as it travels. @throws Fault if this server takes good signatures only */
function signedOf({ state, services }: ChatSession, { to, content, ts, sig }: CommandOf<"MSG">): Signed | undefined {
  if (sig === undefined || sig === null || sig === "") return undefined;
  if (services.settings.agentchat.signatures === "strict") {
    if (state.key === undefined || ts === undefined || !verifies(state.key, messageText({ to, content, ts }), sig)) {
      throw new Fault("malformed", "MSG: sig: it does not verify: it is Ed25519, base64, over JSON.stringify({to, content, ts}) by the key of your IDENTIFY");
    }
  }
  return { sig, to, ts: ts ?? 0, ...(state.key !== undefined && { pubkey: state.key.spki }) };
}

/** A direct message comes back to its sender, as in the original. */
function echo(session: ChatSession, { to, content, ts, sig, in_reply_to }: CommandOf<"MSG">, { messageId }: { readonly messageId: string }): void {
  const { principal, state } = session;
  session.send({
    type: "MSG",
    from: `@${principal?.agent ?? ""}`,
    from_name: state.name,
    to,
    content,
    ts: (sig === undefined || sig === null ? undefined : ts) ?? session.now(),
    msg_id: messageId,
    ...(in_reply_to !== undefined && { in_reply_to }),
    ...(typeof sig === "string" && sig !== "" && { sig }),
  });
}

/** What makes this message the same when it is said again by somebody who does not know whether it was taken (protocols §5, the daemon's outbox). */
function saidBefore({ state }: ChatSession, { msg_id: messageId, to, content }: CommandOf<"MSG">): SaidBefore | undefined {
  if (messageId === undefined) return undefined;
  return { speaker: state.key?.agentId ?? `name ${state.name}`, messageId, text: `${to}\n${content}` };
}
