import {
  Fault,
  Slices,
  agentNameProblem,
  notThere,
  type Durability,
  type Envelope,
  type Limits,
  type Message,
  type Principal,
} from "../core/index.js";
import type { LogBounds, RoomLogs } from "../room-log/index.js";
import type { Table } from "../storage/table.js";
import { Agents, PresenceMemory } from "./agents.js";
import { AwayMembers, type LostMembership } from "./away-members.js";
import { AwayRows, type AwayRow } from "./away-rows.js";
import { ContactRule, openContacts } from "./contact-rule.js";
import { durableOf, nameOf, type DirectoryOptions } from "./directory-options.js";
import type {
  AgentEntry,
  Arriving,
  AwayEntry,
  CreateOptions,
  Directory,
  Glance,
  JoinOptions,
  LeaveOptions,
  Presence,
  PresenceWatcher,
  Recalled,
  RoomEntry,
  Wanted,
} from "./directory.js";
import { DurableRooms } from "./durable-rooms.js";
import { DirectoryEvents } from "./events.js";
import { Histories } from "./history.js";
import { KeptRooms, type RoomRow } from "./kept-rooms.js";
import { beginning } from "./listing.js";
import { Memberships } from "./memberships.js";
import type { Past } from "./past.js";
import { Presences } from "./presences.js";
import { cannotSpeak, mustBeProvedOnZmq, mustBeRoom, ownerOf, type Room, type RoomUpkeep } from "./room.js";
import { Rooms } from "./rooms.js";

const nothing: Recalled = { past: [], next: undefined, gap: false, more: false, heardBy: () => undefined };

/** Rooms that always exist (protocols §1.9). */
const standingRooms: readonly string[] = ["#general", "#agents"];

/** The directory of one broker, in memory. */
export class DirectoryMemory implements Directory {
  readonly contacts: ContactRule;
  readonly #agents: Agents;
  readonly #rooms: Rooms;
  readonly #histories: Histories;
  readonly #events: DirectoryEvents;
  readonly #options: DirectoryOptions;
  readonly #memberships: Memberships;
  readonly #away: AwayMembers;
  readonly #presences: Presences;
  readonly #durable: DurableRooms;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#agents = new Agents(options.limits);
    this.contacts = new ContactRule(this.#agents, options.limits, options.clock, options.contacts ?? openContacts);
    if (this.contacts.isListed) options.exchange.screen((from, to) => this.contacts.refusal(from, to));
    this.#events = new DirectoryEvents(
      options.exchange,
      new Slices(options.clock, { failed: options.failed, first: options.endings }),
      (dialect) => this.contacts.isListedIn(dialect),
    );
    this.#histories = new Histories(options.limits);
    const rooms = (this.#rooms = new Rooms(options.limits, options.clock, {
      upkeep: (name, inviteOnly) => this.#upkeep(name, inviteOnly),
      vacate: (room) => {
        this.#memberships.vacate(room);
      },
    }));
    const memberships = (this.#memberships = new Memberships(this.#agents, rooms, this.#events, options.limits));
    const away = (this.#away = new AwayMembers({
      agents: this.#agents,
      rooms,
      memberships,
      clock: options.clock,
      limits: options.limits,
      outlives: options.outlives ?? (() => false),
    }));
    this.#presences = new Presences({
      agents: this.#agents,
      rooms,
      memberships,
      away,
      events: this.#events,
      clock: options.clock,
      endings: options.endings,
    });
    const { configuredRooms = [], limits, router } = options;
    for (const name of new Set([...standingRooms, ...configuredRooms.map(nameOf)]))
      this.#rooms.make(name, { configured: true });
    this.#durable = new DurableRooms({
      rooms,
      router,
      limits,
      upkeep: (name, inviteOnly) => this.#upkeep(name, inviteOnly),
      configured: new Map(configuredRooms.flatMap(durableOf)),
    });
  }

  arrive(arriving: Arriving): Presence {
    const presence = this.#presences.arrive(arriving);
    this.contacts.arrived(presence.name, presence.dialect);
    return presence;
  }

  command(name: string): () => void {
    return this.#presences.command(name);
  }

  agent(name: string): AgentEntry | undefined {
    return this.#agents.get(name)?.entry();
  }

  watch(watcher: PresenceWatcher): () => void {
    return this.#events.watch(watcher);
  }

  get nonZmqPresences(): number {
    return this.#presences.nonZmq;
  }

  get agentCount(): number {
    return this.#agents.size;
  }

  get roomCount(): number {
    return this.#rooms.size;
  }

  memberCount(room: string, viewer: Principal | undefined): number {
    const known = this.#rooms.get(room);
    return known?.isOpenTo(viewer) === true ? known.members.size : 0;
  }

  agents(): readonly AgentEntry[] {
    return this.#agents.listing();
  }

  rooms(viewer: Principal | undefined): readonly RoomEntry[] {
    return this.#rooms
      .all()
      .filter((room) => room.isOpenTo(viewer))
      .map((room) => room.entry());
  }

  glance(most: number): Glance {
    return {
      agents: beginning(this.#agents.all(), most, (agent) => {
        const entry = agent.listed ? agent.entry() : undefined;
        return entry === undefined || this.contacts.isListedIn(entry.dialect) ? undefined : entry;
      }),
      rooms: beginning(this.#rooms.unsorted(), most, (room) => (room.isOpenTo(undefined) ? room.entry() : undefined)),
    };
  }

  mustSee(room: string, viewer: Principal | undefined): void {
    this.#rooms.visible(room, viewer);
  }

  members(room: string, viewer: Principal | undefined): readonly string[] {
    const { away, listing, members } = this.#rooms.visible(room, viewer);
    return listing.of(members, (name) => this.#agents.get(name)?.listed === true || away.has(name));
  }

  away(room: string, viewer: Principal | undefined): readonly AwayEntry[] {
    const { away } = this.#rooms.visible(room, viewer);
    return [...away].sort().flatMap((name) => this.#away.entryOf(name) ?? []);
  }

  join(presence: Presence, room: string, options: JoinOptions): boolean {
    const member = this.#here(presence);
    const known = this.#memberships.mayJoin(member, room, options);
    const isNew = !member.rooms.has(room);
    if (known !== undefined && isFull(known, member, this.#options.limits) && !this.#away.makePlace(known))
      throw noPlace(room);
    const entered = known ?? this.#announced(this.#rooms.make(room, { configured: false, maker: member }));
    this.#memberships.enter(member, entered);
    this.#away.entered(member, entered);
    return isNew;
  }

  readyToJoin(presence: Presence, room: string, options: JoinOptions): Promise<void> | undefined {
    const member = this.#here(presence);
    const known = this.#memberships.mayJoin(member, room, options);
    if (known?.away.size === 0 && isFull(known, member, this.#options.limits)) throw noPlace(room);
    return this.#away.ready(member, room);
  }

  kept(presence: Presence): Promise<void> | undefined {
    return this.#away.kept(this.#known(presence));
  }

  leave(presence: Presence, room: string, { renames = false }: LeaveOptions = {}): boolean {
    const member = this.#known(presence);
    mustBeRoom(room);
    const known = this.#rooms.visible(room, member.principal);
    if (!member.rooms.has(room)) return false;
    if (!renames) this.#away.leaving(member, known);
    const lingering = this.#agents.get(member.name)?.lingering?.presence;
    for (const through of [lingering, member]) if (through !== undefined) this.#memberships.exit(through, known);
    return true;
  }

  create(presence: Presence, room: string, options: CreateOptions): Promise<void> {
    const { durable, inviteOnly } = options;
    const member = this.#here(presence);
    mustBeRoom(room);
    if (this.#rooms.get(room) !== undefined)
      throw new Fault("conflict", `there is a room ${room} already; choose another name`);
    if (inviteOnly) {
      mustBeProvedOnZmq(member, room);
      // A subscriber of this topic from before the room existed would go on hearing it.
      if (this.#options.router.route(room) !== undefined)
        throw new Fault("conflict", `somebody listens to ${room} already; choose another name`);
    }
    const wish = durable && this.#durable.wish(durable, ownerOf(member), member.principal);
    this.#memberships.mayJoinMore(member);
    const { room: made, kept } = inviteOnly
      ? this.#rooms.makeInviteOnly(room, member)
      : { room: this.#rooms.make(room, { configured: false, maker: member }), kept: undefined };
    if (wish !== undefined) made.state = "making";
    const isThere = kept === undefined && wish === undefined;
    this.#memberships.enter(member, isThere ? this.#announced(made) : made);
    this.#away.entered(member, made);
    const stays = this.#away.kept(member) ?? Promise.resolve();
    return isThere ? stays : this.#keepNew(made, kept, wish).then(() => stays);
  }

  /** The maker is in the room at once and can speak there. Others hear of both when they are on disk. */
  async #keepNew(
    room: Room,
    kept: Promise<void> | undefined,
    wish: ReturnType<DurableRooms["wish"]> | undefined,
  ): Promise<void> {
    await kept;
    if (wish !== undefined) {
      const state = room.inviteOnly && kept !== undefined ? "kept" : "passing";
      room.state = "making";
      try {
        await this.#durable.begin(room, wish.bounds, wish.owner);
      } catch (thrown) {
        this.#rooms.giveUp(room);
        throw thrown;
      }
      room.state = state;
    }
    this.#announced(room);
    this.#memberships.tell(room);
  }

  invite(presence: Presence, room: string, agent: string): Promise<void> {
    const member = this.#here(presence);
    mustBeRoom(room);
    const problem = agentNameProblem(agent);
    if (problem !== undefined) throw new Fault("malformed", `the invited agent's name ${problem}`);
    const known = this.#rooms.visible(room, member.principal);
    if (!known.isMember(member.principal)) throw new Fault("forbidden", `only members invite; join ${room} first`);
    this.contacts.mustMeet(member.name, agent);
    const invitees = this.#agents.get(agent)?.principals() ?? this.#awayOwner(agent);
    if (invitees === undefined) throw new Fault("not-found", `${notThere(agent)}; invite it when it is online`);
    const kept = known.inviteOnly ? this.#rooms.invite(known, invitees, member) : undefined;
    const tell = (): void => {
      this.#events.invited(known, member, agent);
    };
    if (kept !== undefined) return kept.then(tell);
    tell();
    return Promise.resolve();
  }

  isReachable(name: string): boolean {
    return (
      this.#agents.get(name) !== undefined || this.#awayOwner(name) !== undefined || this.#presences.commands(name)
    );
  }

  #awayOwner(name: string): readonly Principal[] | undefined {
    const owner = this.#options.boxOwner?.(name);
    return owner === undefined ? undefined : [owner];
  }

  mayHear(principal: Principal | undefined, room: string): boolean {
    return this.#rooms.get(room)?.isOpenTo(principal) ?? true;
  }

  refusal(message: Message): Fault | undefined {
    const room = this.#rooms.get(message.topic);
    return room?.inviteOnly !== true || message.origin === undefined ? undefined : cannotSpeak(room, message.speaker);
  }

  async keep(room: string, durable: Durability | false, viewer: Principal | undefined): Promise<LogBounds | undefined> {
    return this.#durable.keep(this.#rooms.visible(room, viewer), durable, viewer);
  }

  recall(room: string, wanted: Wanted, viewer: Principal | undefined, joining = false): Recalled {
    if (joining && this.#rooms.get(room) === undefined) return nothing;
    return this.#durable.recall(this.#rooms.visible(room, viewer), wanted, viewer, joining);
  }

  past(room: string, count: number, viewer: Principal | undefined): readonly Past[] {
    const known = this.#rooms.get(room);
    if (known?.isOpenTo(viewer) !== true) return [];
    return this.#durable.recall(known, { count }, viewer, true).past;
  }

  history(room: string, count: number, viewer: Principal | undefined): readonly Envelope[] {
    this.mustSee(room, viewer);
    return this.past(room, count, viewer).flatMap((past) => past.message()?.envelope ?? []);
  }

  /** Restores the invite-only rooms that `table` holds, and keeps them there from now on. @throws Fault unavailable */
  keepRooms(table: Table<RoomRow>): Promise<void> {
    return this.#rooms.load(new KeptRooms(table));
  }

  /** Restores the durable rooms that are on disk, and makes those of the configuration. @throws Fault unavailable */
  remember(logs: RoomLogs): Promise<void> {
    return this.#durable.load(logs);
  }

  /**
   * Gives back the memberships that outlived their connections, once rooms and mailboxes are there, and keeps them in
   * `table` from now on.
   * @returns those that could not be given back
   */
  keepAway(table: Table<AwayRow>): readonly LostMembership[] {
    return this.#away.load(new AwayRows(table));
  }

  /** The mailbox of a name has changed. Resolves when what follows from that for its rooms is on disk. */
  async reviewAway(agent: string): Promise<void> {
    await this.#away.review(agent);
  }

  close(): void {
    if (this.#presences.closed) return;
    this.#events.finish();
    this.#presences.close();
    this.#rooms.close();
  }

  /** A public room keeps its history; the topic of an invite-only room gets a guard that checks each speaker. */
  #upkeep(name: string, inviteOnly: boolean): RoomUpkeep {
    const { router } = this.#options;
    if (!inviteOnly) return this.#histories.open(name, router);
    return { history: undefined, close: router.guard(name, (message) => this.refusal(message)) };
  }

  #announced(room: Room): Room {
    this.#events.created(room);
    return room;
  }

  /** The presence, if it belongs to this directory. */
  #known(presence: Presence): PresenceMemory {
    if (presence instanceof PresenceMemory) return presence;
    throw new Fault("internal", "this presence belongs to another directory");
  }

  #here(presence: Presence): PresenceMemory {
    const member = this.#known(presence);
    if (member.state !== "here") throw new Fault("going-away", `${member.name} has left; connect again`);
    return member;
  }
}

/** True if a room has no place for somebody of another name than those in it. */
function isFull({ members }: Room, { name }: PresenceMemory, { roomMembersMax }: Limits): boolean {
  return !members.has(name) && members.size >= roomMembersMax;
}

function noPlace(room: string): Fault {
  return new Fault("full", `${room} has as many members as a room can; try another`);
}
