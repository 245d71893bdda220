import { Fault, topicKind, type Outcome, type Services } from "#dialect";
import { connectedOf } from "./connected.js";
import { networkFault } from "./errors.js";
import type { Header, NetworkMessage } from "./schema.js";
import { openOf, type NetworkSession } from "./state.js";
import { systemEvent } from "./system.js";
import { isSealed, speak } from "./translate.js";

/** What the core knows of a frame that passes unread. */
const sealedContent = { message: "", kind: "sealed" } as const;

/**
 * Hands a frame on as it is where its recipient speaks this dialect, else in the core's words (Agent Network §3.1, §4).
 * @throws Fault not-found, forbidden, unsupported, malformed, and what `inform` and `request` throw
 */
export function pass(session: NetworkSession, message: NetworkMessage): void | Promise<void> {
  const { header, raw } = message;
  const { recipientId: to, messageId } = header;
  if (connectedOf(session.services).has(to)) {
    session.inform({ to, messageId, content: sealedContent, raw, sealed: true });
    acknowledge(session, message);
    return undefined;
  }
  const kind = topicKind(to);
  if (kind === "broker") throw new Fault("not-found", "the broker is called system here");
  // Before a stranger learns whether the agent is here, and in which dialect.
  if (kind === "agent") session.services.directory.contacts.mustMeet(header.senderId, to);
  // What agents of this dialect say to each other no mailbox keeps, be it plain.
  if (kind === "agent" && session.services.directory.contacts.isSealedAway(to)) throw absent(to);
  if (isSealed(header)) throw cannotOpen(session.services, header, kind === "agent");
  return acknowledged(session, message, say(session, message, kind === "agent"));
}

/** Tells the sender that its message was routed. */
export function acknowledge(session: NetworkSession, { header }: NetworkMessage): void {
  session.send(systemEvent(session, "ACK", { messageId: header.messageId }, header));
}

/** What is stored is acknowledged when it is on the disk. */
function acknowledged(session: NetworkSession, message: NetworkMessage, { safe }: Outcome): void | Promise<void> {
  if (safe === undefined) acknowledge(session, message);
  else
    return safe().then(() => {
      acknowledge(session, message);
    });
}

/**
 * A plain message in the core's words. That its one copy was dropped is a fault, since it is acknowledged. It may be for
 * an agent of this dialect that has just gone: if nobody is there, nobody else hears of it (Agent Network §3.7).
 */
function say(session: NetworkSession, message: NetworkMessage, isForAgent: boolean): Outcome {
  const { recipientId: to } = message.header;
  const speaker: Pick<NetworkSession, "now" | "request" | "publish" | "services"> = {
    services: session.services,
    now: () => session.now(),
    request: (draft, options) => session.request({ ...draft, discreet: isForAgent }, options),
    publish: (draft) => session.publish({ ...draft, discreet: isForAgent, acknowledged: true }),
  };
  try {
    return speak(speaker, message, openOf(session));
  } catch (thrown) {
    // Whoever is absent may be an agent of this dialect, for whom nobody looks into a content.
    const isOfContent = thrown instanceof Fault && thrown.code === "malformed";
    if (isOfContent && isForAgent && !session.services.directory.isReachable(to)) throw absent(to);
    throw thrown;
  }
}

/** Nobody but agents of this dialect can open what is sealed. */
function cannotOpen({ directory }: Services, { recipientId: to }: Header, isForAgent: boolean): Fault {
  if (!isForAgent)
    return encryptionFault(`what is sealed is for one agent; ${to} has many readers`, { recipientId: to });
  const dialect = directory.agent(to)?.dialect;
  if (dialect !== undefined)
    return encryptionFault(`${to} speaks ${dialect}, and cannot open what is sealed`, { recipientId: to, dialect });
  return absent(to);
}

function encryptionFault(message: string, details: Readonly<Record<string, unknown>>): Fault {
  return networkFault(
    "unsupported",
    "ENCRYPTION_ERROR",
    `${message}; say it in plain words, with metadata.encrypted false`,
    details,
  );
}

function absent(agent: string): Fault {
  return new Fault("not-found", `no agent ${agent} is here; PRESENCE tells when it comes`);
}
