import { topicKind, type Envelope, type Services } from "#dialect";
import { systemId } from "./codec.js";
import type { NetworkEvent } from "./schema.js";
import { systemEvent } from "./system.js";
import type { NetworkSession } from "./state.js";

/** Who is told when which absent agent comes: whoever was told that it is not here (Agent Network §3.5). */
export class Awaited {
  /** Names and those who wait for them, in the order in which they were first waited for. */
  // bound: networkAwaitedTotalMax pairs, networkAwaitedMax of one session, names of 128 bytes · evicts: the oldest name
  // · owner: Awaited
  readonly #waiting = new Map<string, Set<NetworkSession>>();
  // bound: as above · evicts: a session when it ends, or nothing is left that it waits for · owner: Awaited
  readonly #names = new Map<NetworkSession, Set<string>>();
  #pairs = 0;

  /** `session` was told that `agent` is not here. */
  wait(session: NetworkSession, agent: string): void {
    const { networkAwaitedMax, networkAwaitedTotalMax } = session.limits;
    if (networkAwaitedMax < 1 || networkAwaitedTotalMax < 1) return;
    const names = this.#names.get(session) ?? new Set();
    if (names.has(agent)) return;
    const [oldest] = names;
    if (names.size >= networkAwaitedMax && oldest !== undefined) this.#end(session, oldest);
    if (this.#pairs >= networkAwaitedTotalMax)
      for (const name of this.#waiting.keys()) {
        this.#endAll(name);
        break;
      }
    names.add(agent);
    this.#names.set(session, names);
    const sessions = this.#waiting.get(agent) ?? new Set();
    sessions.add(session);
    this.#waiting.set(agent, sessions);
    this.#pairs += 1;
  }

  /** The agent is here: whoever waits for it is told, once; thousands in as many turns as it takes (`later`). */
  arrived(agent: string, later: (run: () => void) => void): void {
    const sessions = this.#endAll(agent);
    const tellSome = (from: number): void => {
      const next = from + toldAtOnce;
      for (const session of sessions.slice(from, next)) tell(session, agent);
      if (next < sessions.length)
        later(() => {
          tellSome(next);
        });
    };
    tellSome(0);
  }

  /** The session has ended. */
  forget(session: NetworkSession): void {
    for (const name of [...(this.#names.get(session) ?? [])]) this.#end(session, name);
  }

  #endAll(agent: string): readonly NetworkSession[] {
    const sessions = [...(this.#waiting.get(agent) ?? [])];
    for (const session of sessions) this.#end(session, agent);
    return sessions;
  }

  #end(session: NetworkSession, agent: string): void {
    const sessions = this.#waiting.get(agent);
    if (sessions?.delete(session) !== true) return;
    if (sessions.size === 0) this.#waiting.delete(agent);
    const names = this.#names.get(session);
    names?.delete(agent);
    if (names?.size === 0) this.#names.delete(session);
    this.#pairs -= 1;
  }
}

/** What a session hears: if it is that an agent has turned out not to be here, it is told when that comes. */
export function heard(session: NetworkSession, { senderId, content }: NetworkEvent): void {
  if (senderId !== systemId || content["errorCode"] !== "RECIPIENT_NOT_FOUND") return;
  const { to } = content["details"] as Readonly<Record<string, unknown>>; // as the broker has written it
  if (typeof to === "string" && topicKind(to) === "agent") awaitedOf(session.services).wait(session, to);
}

/** Those of this broker. */
export function awaitedOf(services: Services): Awaited {
  return services.once("awaited", () => new Awaited());
}

/** So many are told in one turn of the loop. */
const toldAtOnce = 100;

function tell(session: NetworkSession, agent: string): void {
  // Both may have ceased to be contacts since.
  if (session.services.directory.contacts.mayMeet(session.principal?.agent ?? "", agent))
    session.send(systemEvent(session, "PRESENCE", { agentId: agent, status: "online" }));
}

/** The agent of which an event tells that it is online; undefined for every other event. */
export function arrivalOf({ content: { kind, data } }: Envelope): string | undefined {
  if (kind !== "agent.online" || typeof data !== "object" || data === null || !("agent" in data)) return undefined;
  return typeof data.agent === "string" ? data.agent : undefined;
}
