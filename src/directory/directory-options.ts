import {
  readDurability,
  type Clock,
  type Durability,
  type Exchange,
  type Limits,
  type Principal,
  type Router,
  type Slices,
  type WrittenDurability,
} from "../core/index.js";
import type { ContactsOptions } from "./contact-rule.js";

/** The parts that {@link DirectoryMemory} uses, and the rooms that the configuration names. */
export interface DirectoryOptions {
  readonly router: Router;
  readonly exchange: Exchange;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Rooms that always exist, beside #general and #agents; with how they are remembered, they are durable. */
  readonly configuredRooms?: readonly ConfiguredRoom[];
  /** For the end of connections and presences: thousands may end in one moment. */
  readonly endings: Slices;
  /** Who owns the mailbox of a name, so that it can be told something while it is away; undefined if it has none. */
  readonly boxOwner?: ((name: string) => Principal | undefined) | undefined;
  /** True if the memberships of this speaker's name outlive its connections (protocols §10.3); if absent, nobody's do. */
  readonly outlives?: (principal: Principal) => boolean;
  /** Agents of some dialects have to do with approved contacts only; absent: all with all. */
  readonly contacts?: ContactsOptions;
  /** Is told of what went wrong when something was told later than it happened. */
  readonly failed?: ((thrown: unknown) => void) | undefined;
}

/** A room of the configuration: its name, or its name and how it is remembered. */
export type ConfiguredRoom = string | { readonly name: string; readonly durable: true | WrittenDurability };

/** The name of a room of the configuration. */
export function nameOf(room: ConfiguredRoom): string {
  return typeof room === "string" ? room : room.name;
}

/** How it is remembered, if it is durable. */
export function durableOf(room: ConfiguredRoom): readonly (readonly [name: string, durability: Durability])[] {
  if (typeof room === "string") return [];
  return [[room.name, room.durable === true ? {} : readDurability(room.durable)]];
}
