import type { z } from "zod";
import { ListText, ListWriting, type Principal } from "../core/index.js";
import type { AgentEntry, Directory, RoomEntry, WrittenContent } from "../directory/index.js";
import type { listedAgent, listedRoom } from "./fields.js";

/** A text that is written in pieces: undefined until all of it is written. */
export type LongText = () => WrittenContent | undefined;

/** A content as JSON; as bytes once somebody needs them. */
class WrittenJson implements WrittenContent {
  readonly text: string;
  #bytes: Buffer | undefined;

  constructor(text: string) {
    this.text = text;
  }

  get bytes(): Buffer {
    return (this.#bytes ??= Buffer.from(this.text));
  }
}

/** The lists of everybody and everything, as JSON: what has not changed is not written again for the next asker. */
export class DeskLists {
  readonly #agents = new ListText<AgentEntry>((one) => JSON.stringify(agentListed(one)));
  readonly #rooms = new ListText<RoomEntry>((one) => JSON.stringify(roomListed(one)));
  /** As they stand in the message, between its quotes. */
  readonly #names = new ListText<AgentEntry | RoomEntry>(({ name }) => JSON.stringify(name).slice(1, -1), ", ");

  // bound: lists that the directory keeps · evicts: with the list · owner: DeskLists
  readonly #contents = new WeakMap<readonly object[], WrittenContent>();

  /** The content of the answer to `kind`, as JSON. */
  agents(kind: string, directory: Directory, asker: string): LongText {
    const writing = new ListWriting(directory.contacts.agentsFor(asker), this.#agents, this.#names);
    return () => {
      const agents = writing.advance();
      return agents && this.#written(kind, "agents", this.#agents, agents);
    };
  }

  rooms(kind: string, directory: Directory, viewer: Principal | undefined): LongText {
    return () => this.#written(kind, "rooms", this.#rooms, directory.rooms(viewer));
  }

  #written<T extends AgentEntry | RoomEntry>(
    kind: string,
    field: string,
    text: ListText<T>,
    list: readonly T[],
  ): WrittenContent {
    let content = this.#contents.get(list);
    if (content === undefined) {
      content = new WrittenJson(
        `{"message":"${this.#names.joined(list)}","data":{"${field}":${text.of(list)}},"kind":"${kind}"}`,
      );
      this.#contents.set(list, content);
    }
    return content;
  }
}

/** Agents that are online and that `asker` may see, by name. */
export function listAgents(directory: Directory, asker: string): readonly z.output<typeof listedAgent>[] {
  return directory.contacts.agentsFor(asker)().map(agentListed);
}

/** Rooms that `viewer` may know of, by name. */
export function listRooms(directory: Directory, viewer: Principal | undefined): readonly z.output<typeof listedRoom>[] {
  return directory.rooms(viewer).map(roomListed);
}

/** An agent as lists show it. */
export function agentListed({
  name,
  displayName,
  dialect,
  trust,
  via,
  since,
  connections,
}: AgentEntry): z.output<typeof listedAgent> {
  return {
    name,
    display_name: displayName,
    dialect,
    trust,
    ...(via !== undefined && { via }),
    since: new Date(since).toISOString(),
    ...(connections > 1 && { connections }),
  };
}

function roomListed({ name, members, away, inviteOnly, durable }: RoomEntry): z.output<typeof listedRoom> {
  const more = { ...(away !== undefined && { away }), invite_only: inviteOnly, ...(durable && { durable }) };
  return { name, members, ...more };
}
