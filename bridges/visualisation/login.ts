import { Fault, type Credential, type Hello, type Principal, type Scope } from "#dialect";
import { controlNameOf } from "./commands/command-session.js";
import type { CommandOf } from "./schema.js";
import { settle, type Endpoint, type ViewerSession } from "./state.js";

/** The name under which tokens are looked at: an issuer may be trusted in some dialects only. */
const dialectName = "visualisation";

/** One of these opens an endpoint (Visualisation §1.3). */
const needed: Readonly<Record<Endpoint, readonly Scope[]>> = {
  agents: ["observe", "inspect"],
  graph: ["observe", "inspect"],
  control: ["control", "operate", "observe", "inspect"],
  all: ["control", "operate", "observe", "inspect"],
};

/**
 * Looks at the token of the upgrade, so that a wrong one is told at once; the handshake logs in by it (Visualisation
 * §1.2).
 * @throws Fault unauthenticated, forbidden, unavailable
 */
export async function authenticate({ bearer }: Hello, session: ViewerSession): Promise<undefined> {
  if (bearer === undefined) return undefined;
  const credential = await session.services.identity.bearer(bearer, dialectName);
  await viewerOf(credential, session.state.endpoint);
  session.state.credential = credential;
  return undefined;
}

/** The login by the handshake. @throws Fault unauthenticated, forbidden, unavailable, conflict */
export async function logIn(session: ViewerSession, { token }: CommandOf<"handshake">): Promise<void> {
  const { state, services } = session;
  const credential = token === undefined ? state.credential : await services.identity.bearer(token, dialectName);
  if (credential === undefined)
    throw new Fault(
      "unauthenticated",
      "no token has come: send it as Authorization: Bearer, as the subprotocol bearer.TOKEN, or as token in the handshake; " +
        "broker token NAME --jwt --scope observe makes one",
    );
  const principal = await viewerOf(credential, state.endpoint);
  const commands = state.endpoint === "control" || state.endpoint === "all";
  await session.view(principal, commands ? controlNameOf(session.id) : undefined);
  state.credential = undefined;
  settle(state, principal);
}

/**
 * A newer token of the same owner takes the place of the one before; if it is refused, the session is what it was
 * (Visualisation §1.8).
 * @throws Fault unauthenticated, forbidden, unavailable, conflict
 */
export async function refresh(session: ViewerSession, token: string): Promise<Principal> {
  const credential = await session.services.identity.bearer(token, dialectName);
  const principal = await viewerOf(credential, session.state.endpoint);
  if (principal.proof !== session.principal?.proof)
    throw new Fault("forbidden", "this token is of another owner than that of the login; open another connection");
  await session.raise(principal);
  settle(session.state, principal);
  return principal;
}

/** @throws Fault unauthenticated, forbidden: it opens nothing here */
async function viewerOf(credential: Credential, endpoint: Endpoint): Promise<Principal> {
  const principal = await credential.viewer();
  if (principal.trust !== "proved")
    throw new Fault(
      "unauthenticated",
      "a token that others have, too, opens nothing here; broker token NAME --jwt --scope observe makes one of your own",
    );
  const scopes = needed[endpoint];
  if (scopes.some((scope) => principal.scopes.has(scope))) return principal;
  throw new Fault(
    "forbidden",
    `the token has none of the scopes ${scopes.join(", ")}; broker token ${principal.agent} --jwt --scope ${scopes[0] ?? ""} makes one`,
  );
}
