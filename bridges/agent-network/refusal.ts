import { Fault, topicKind, type Refusal } from "#dialect";
import { awaitedOf } from "./awaited.js";
import { closingOf, errorContent } from "./errors.js";
import { refusedAnswer } from "./question.js";
import { isId, type Command, type Event, type NetworkMessage } from "./schema.js";
import type { NetworkSession } from "./state.js";
import { systemEvent } from "./system.js";

/**
 * What is refused, told as ERROR in the conversation of the message that it is about; a question to the broker is
 * answered by a RESPONSE with an error. Whoever is told that an agent is not here is told when it comes.
 */
export function refusal(thrown: Fault, command: Command | undefined, session: NetworkSession): Refusal<Event> {
  const fault = ofUnnamed(thrown, command, session);
  const message = command !== undefined && "message" in command ? command.message : undefined;
  const loggedIn = session.principal !== undefined;
  const close = closingOf(fault, loggedIn);
  if (close !== undefined && (fault.code === "slow-consumer" || fault.code === "going-away")) return { close };
  if (command?.type === "system" && close === undefined) {
    const reply = refusedAnswer(fault, command.message, session);
    if (reply !== undefined) return { reply };
  }
  if (fault.code === "not-found" && command?.type === "message" && loggedIn) awaits(session, command.message);
  const content = errorContent(fault, message?.header.messageId, loggedIn && command?.type !== "AUTH");
  const about = { conversationId: conversationOf(fault, message), claimed: claimedBy(command) };
  const reply = systemEvent(session, "ERROR", content, about);
  return { reply, ...(close !== undefined && { close }) };
}

/** Whoever has shown a token for several agents, and then says nothing, has tried to log in: it hears what is missing. */
function ofUnnamed(fault: Fault, command: Command | undefined, { principal, state }: NetworkSession): Fault {
  const isUnnamed = principal === undefined && state.credential !== undefined && command === undefined;
  if (!isUnnamed || fault.code !== "unauthenticated") return fault;
  const words =
    "the token can speak for several agents, and no frame says for which: " +
    "send one at once, with the agent as senderId (a HEARTBEAT will do), or AUTH {token, agentId}";
  return new Fault("unauthenticated", words, { fatal: true, cause: fault });
}

function awaits(session: NetworkSession, { header: { recipientId } }: NetworkMessage): void {
  if (topicKind(recipientId) === "agent") awaitedOf(session.services).wait(session, recipientId);
}

/** The agent that a frame names as its sender. */
function claimedBy(command: Command | undefined): string | undefined {
  if (command === undefined) return undefined;
  const named = command.type === "AUTH" ? command.agentId : command.message.header.senderId;
  return isId(named) ? named : undefined;
}

function conversationOf({ detail }: Fault, message: NetworkMessage | undefined): string {
  const read = message?.header.conversationId ?? detail?.["conversationId"];
  return typeof read === "string" ? read : "system";
}
