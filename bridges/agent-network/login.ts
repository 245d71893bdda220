import { Fault, type Credential, type Hello, type Principal } from "#dialect";
import { connectedOf } from "./connected.js";
import { networkFault } from "./errors.js";
import { systemEvent } from "./system.js";
import type { Header } from "./schema.js";
import type { NetworkSession } from "./state.js";

/** The name under which tokens are looked at: an issuer may be trusted in some dialects only. */
const dialectName = "agent-network";

/**
 * The login by `Authorization: Bearer` (Agent Network §2.2). A token for one agent is a login; one for several waits for
 * the first frame, which says for which.
 * @throws Fault unauthenticated, unavailable, full, and what {@link proved} throws
 */
export async function authenticate({ bearer }: Hello, session: NetworkSession): Promise<Principal | undefined> {
  // On Socket.IO the client connects by a packet of its own, which may leave out the token.
  if (bearer === undefined || session.state.encoding === "socket-io") return undefined;
  const credential = await session.services.identity.bearer(bearer, dialectName);
  if (credential.only !== undefined) return proved(session, credential, credential.only);
  session.state.credential = credential;
  return undefined;
}

/**
 * The login by the first frame.
 * @throws Fault as {@link authenticate}, and what `admit` throws
 */
export async function logIn(session: NetworkSession, token: string, agentId: string): Promise<void> {
  const credential = await session.services.identity.bearer(token, dialectName);
  await session.admit(await proved(session, credential, agentId));
}

/**
 * A newer token of the same user for the same agent: the session goes on without a gap (Agent Network §2.6). If it is
 * refused, the session is what it was.
 * @throws Fault unauthenticated, and what `bearer`, `speakFor` and `raise` throw
 */
export async function refresh(session: NetworkSession, token: string, agentId: string): Promise<void> {
  const now = session.principal;
  if (agentId !== now?.agent)
    throw new Fault("unauthenticated", `this connection speaks for ${now?.agent ?? ""}; open another for ${agentId}`);
  const credential = await session.services.identity.bearer(token, dialectName);
  const principal = mustBeProved(await credential.speakFor(agentId));
  if (principal.proof !== now.proof)
    throw new Fault("unauthenticated", "the token is another user's; renew with one of the user who has logged in");
  await session.raise(principal);
  welcome(session);
}

/** Tells the session that it is logged in, and what it may say how often, so that clients can stay below it. */
export function welcome(session: NetworkSession): void {
  const { networkHeartbeatMs, networkRatePerSecond, networkRateBurst } = session.limits;
  session.send(
    systemEvent(session, "CONNECTED", {
      connectionId: session.id,
      heartbeatInterval: networkHeartbeatMs,
      serverTime: session.now(),
      messagesPerSecond: networkRatePerSecond,
      messageBurst: networkRateBurst,
    }),
  );
}

/**
 * Who says a frame is who has logged in. The first frame on a connection whose token can speak for several agents says
 * for which of them.
 * @throws Fault unauthenticated, forbidden
 */
export function speaker(session: NetworkSession, header: Header): void | Promise<void> {
  const { principal, state } = session;
  if (principal !== undefined) {
    mustBeOwn(principal, header);
    return undefined;
  }
  const { credential } = state;
  if (credential === undefined)
    throw new Fault("unauthenticated", "log in first, by AUTH {token, agentId} or Authorization: Bearer");
  return proved(session, credential, header.senderId).then((who) => session.admit(who));
}

/** The agent of a token, counted as one of its user's. @throws Fault full, unauthenticated, and what `speakFor` throws */
async function proved(session: NetworkSession, credential: Credential, agentId: string): Promise<Principal> {
  const principal = mustBeProved(await credential.speakFor(agentId));
  connectedOf(session.services).count(session, credential.owner, principal.agent);
  return principal;
}

/** @throws Fault unauthenticated */
function mustBeProved(principal: Principal): Principal {
  if (principal.trust === "proved") return principal;
  throw new Fault(
    "unauthenticated",
    `a token that others have, too, proves no agent here; broker token ${principal.agent} --jwt makes one of its own`,
  );
}

/** @throws Fault forbidden, SENDER_MISMATCH */
function mustBeOwn({ agent }: Principal, { senderId }: Header): void {
  if (senderId === agent) return;
  throw networkFault("forbidden", "SENDER_MISMATCH", `this connection speaks for ${agent}; senderId must say so`);
}
