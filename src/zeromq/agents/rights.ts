import {
  agentNameProblem,
  cutText,
  everyone,
  Fault,
  hearFault,
  isAgentName,
  isPacked,
  isReserved,
  isRoom,
  seemsControl,
  shownTopic,
  sightOf,
  subscriptionKind,
} from "../../core/index.js";
import type { Directory } from "../../directory/index.js";
import { looksOwned, type Identity } from "../../identity/index.js";
import type { ZmtpPeer } from "../wire/index.js";

/** The parts that know whose a name is. */
export interface NameOwners {
  readonly identity: Pick<Identity, "isProtected" | "protectedLike" | "proxied">;
  readonly directory: Pick<Directory, "agent">;
  /** Shared topics that are nobody's name. */
  readonly dataTopics: readonly string[];
}

/**
 * True if nobody may claim the name on ZeroMQ: it is reserved, it has an owner who proves it, or a session of another
 * dialect uses it now (protocols §1.8).
 */
export function isOwned(name: string, { identity, directory }: NameOwners): boolean {
  if (isReserved(name) || identity.isProtected(name)) return true;
  const agent = directory.agent(name);
  return agent !== undefined && agent.dialect !== "zmq";
}

/** A name with an owner, or one that looks like it, is refused to a client that proves nothing. */
export function ownedFault(name: string, { identity }: Pick<NameOwners, "identity">): Fault {
  const like = identity.protectedLike(name);
  if (like !== undefined) return new Fault("forbidden", looksOwned(name, like));
  return new Fault(
    "forbidden",
    `the name ${name} has an owner, or is in use in another dialect: connect by PLAIN with its token ` +
      `(broker token ${name}), or use another name`,
  );
}

/** A name that nobody owns, and that somebody uses now in another dialect; undefined for every other. */
function inUseFault(name: string, { identity }: Pick<NameOwners, "identity">): Fault | undefined {
  if (isReserved(name) || identity.isProtected(name)) return undefined;
  return new Fault(
    "conflict",
    `another agent is ${name} now, in another dialect: use another name, or connect by PLAIN with its token ` +
      `(broker token ${name})`,
  );
}

/**
 * Why no connection may ever declare this name by `X-Agent`; undefined if one may. A name that somebody else has now is
 * no such reason: it may be free later.
 */
export function declaredFault(name: string, { dataTopics }: Pick<NameOwners, "dataTopics">): Fault | undefined {
  const problem = dataTopics.includes(name)
    ? "is a shared topic of this broker's configuration (topics)"
    : isPacked(name)
      ? "is no text in UTF-8 without control characters"
      : agentNameProblem(name);
  if (problem === undefined) return undefined;
  const shown = cutText(shownTopic(name));
  return new Fault("malformed", `X-Agent: ${shown} cannot be an agent's name, it ${problem}; choose another`);
}

/**
 * Why a subscription that may be heard is not what it seems to be meant as: it looks like a room or a name and can be
 * neither (ZeroMQ §6.9). Undefined for every other topic, since any bytes are one.
 */
export function meantOtherwise(topic: string, { dataTopics }: Pick<NameOwners, "dataTopics">): Fault | undefined {
  if (subscriptionKind(topic) !== "exact" || isPacked(topic) || topic === everyone || dataTopics.includes(topic))
    return undefined;
  if (seemsControl(topic)) return undefined; // it sleeps, and its author is told
  if (topic.startsWith("#")) {
    if (isRoom(topic)) return undefined;
    return new Fault(
      "malformed",
      `${cutText(topic)} is no room, only a topic: a room is # and 1 to 64 of A-Z a-z 0-9 _ - . (not the last), and not #all`,
    );
  }
  const name = topic.normalize("NFC").trim().replace(/\s+/gu, " ").replace(/^[@~]/, "");
  if (topic === name ? !isReserved(topic) : !isAgentName(name)) return undefined;
  const problem = agentNameProblem(topic);
  if (problem === undefined) return undefined;
  const remedy = topic === name ? "choose another" : `subscribe to ${cutText(name)}`;
  return new Fault("malformed", `${cutText(topic)} is nobody's name, only a topic: it ${problem}; ${remedy}`);
}

/**
 * Why a connection may not hear a subscription now; undefined if it may (ZeroMQ §6.2, §6.5). Listening to everything is
 * for connections of this machine and for tokens with scope `observe` or `inspect`; names are for their owners. Rooms are the
 * directory's business and not decided here.
 */
export function subscriptionFault(
  topic: string,
  { principal, isLocal }: Pick<ZmtpPeer, "principal" | "isLocal">,
  owners: NameOwners,
): Fault | undefined {
  const observes = principal === undefined ? isLocal : sightOf(principal.scopes) !== undefined;
  if (subscriptionKind(topic) !== "exact") {
    if (observes) return undefined;
    return new Fault(
      "forbidden",
      `listening to everything${topic === "" ? "" : ` that begins with ${topic}`} needs a token with scope observe, ` +
        "or inspect to hear direct messages, too (broker token NAME --scope observe)",
    );
  }
  if (topic.startsWith("$") && !isPacked(topic)) return hearFault(topic, observes);
  if (seemsControl(topic))
    return new Fault(
      "forbidden",
      `${cutText(topic)} begins as the names of sessions that command agents do, and they alone hear what is for them`,
    );
  if (!isAgentName(topic) || owners.dataTopics.includes(topic)) return undefined;
  if (principal === undefined)
    return isOwned(topic, owners) ? (inUseFault(topic, owners) ?? ownedFault(topic, owners)) : undefined;
  if (topic === principal.agent || owners.identity.proxied(principal).has(topic)) return undefined;
  return new Fault(
    "forbidden",
    `${topic} is not your name: with a token you hear what is for ${principal.agent}; ` +
      "a shared topic has to be listed under topics in the broker's configuration",
  );
}
