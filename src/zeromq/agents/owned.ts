import { isReserved } from "../../core/index.js";
import type { Directory } from "../../directory/index.js";
import type { Identity } from "../../identity/index.js";

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
