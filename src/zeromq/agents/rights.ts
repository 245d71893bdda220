import {
  Fault,
  brokerTopic,
  cutText,
  eventsTopic,
  isAgentName,
  isReserved,
  subscriptionKind,
  telemetryTopic,
} from "../../core/index.js";
import type { Directory } from "../../directory/index.js";
import type { Identity } from "../../identity/index.js";
import type { ZmtpPeer } from "../wire/index.js";
import type { ZeromqContext } from "./context.js";

/** Who knows whose a name is. */
export interface NameKeepers {
  readonly identity: Pick<Identity, "isProtected">;
  readonly directory: Pick<Directory, "agent">;
}

/**
 * True if nobody may claim the name on ZeroMQ: it is reserved, has an owner who proves it, or is borne by a session of
 * another dialect now
 * (protocols §1, conflict: a newcomer does not take a live name).
 */
export function isOwned(name: string, { identity, directory }: NameKeepers): boolean {
  if (isReserved(name) || identity.isProtected(name)) return true;
  const bearer = directory.agent(name);
  return bearer !== undefined && bearer.dialect !== "zmq";
}

/** What decides over names. */
export type House = Pick<ZeromqContext, "identity" | "dataTopics"> & NameKeepers;

/** A name with an owner, refused to somebody who proves nothing. */
export function ownedName(name: string): Fault {
  return new Fault(
    "forbidden",
    `the name ${name} has an owner, or is in use in another dialect: connect by PLAIN with its token (broker token ${name}), or use another name`,
  );
}

/** Why a connection may not declare this name by `X-Agent`, or undefined if it may. */
export function declaredFault(name: string, house: House): Fault | undefined {
  if (!isAgentName(name) || house.dataTopics.includes(name))
    return new Fault("malformed", `X-Agent: ${cutText(name)} cannot be an agent's name; choose another`);
  return isOwned(name, house) ? ownedName(name) : undefined;
}

/**
 * Why a subscription has to sleep, or undefined if it is heard. Rooms are the directory's business.
 * Listening to everything is for connections of this machine, or for a token with scope `observe`; names are for their
 * owners.
 */
export function subscriptionFault(
  topic: string,
  peer: Pick<ZmtpPeer, "principal" | "isLocal">,
  house: House,
): Fault | undefined {
  const { principal, isLocal } = peer;
  const observes = principal === undefined ? isLocal : principal.scopes.has("observe");
  if (subscriptionKind(topic) !== "exact") {
    if (observes) return undefined;
    return new Fault(
      "forbidden",
      `listening to everything${topic === "" ? "" : ` that begins with ${topic}`} needs a token with scope observe (broker token NAME --scope observe)`,
    );
  }
  if (topic.startsWith("$")) return brokersFault(topic, observes);
  if (!isAgentName(topic) || house.dataTopics.includes(topic)) return undefined;
  if (principal === undefined) return isOwned(topic, house) ? ownedName(topic) : undefined;
  if (topic === principal.agent || house.identity.proxied(principal).has(topic)) return undefined;
  return new Fault(
    "forbidden",
    `${topic} is not your name: with a token you hear what is for ${principal.agent}; a shared topic has to stand under topics in the broker's configuration`,
  );
}

function brokersFault(topic: string, observes: boolean): Fault | undefined {
  if (topic === eventsTopic) return undefined;
  if (topic === brokerTopic)
    return new Fault("forbidden", `what is for the broker is heard by the broker only; subscribe to ${eventsTopic}`);
  if (topic !== telemetryTopic)
    return new Fault(
      "unsupported",
      `there is no topic ${topic}; the broker's are ${brokerTopic}, ${eventsTopic} and ${telemetryTopic}`,
    );
  return observes
    ? undefined
    : new Fault("forbidden", `${topic} needs a token with scope observe (broker token NAME --scope observe)`);
}
