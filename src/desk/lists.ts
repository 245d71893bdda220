import type { ListedAgent, ListedRoom, Principal } from "../core/index.js";
import type { Directory } from "../directory/index.js";

/** Agents that are online, by name. */
export function listAgents(directory: Directory): readonly ListedAgent[] {
  return directory.agents().map(({ name, displayName, dialect, trust, via, since }) => ({
    name,
    display_name: displayName,
    dialect,
    trust,
    ...(via !== undefined && { via }),
    since: new Date(since).toISOString(),
  }));
}

/** Rooms that `viewer` may know of, by name. */
export function listRooms(directory: Directory, viewer: Principal | undefined): readonly ListedRoom[] {
  return directory.rooms(viewer).map(({ name, members, inviteOnly }) => ({ name, members, invite_only: inviteOnly }));
}
