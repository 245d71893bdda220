import {
  checkName,
  processProof,
  type AgentOptions,
  type MemoryHome,
  type MemoryLink,
  type MemoryPresence,
} from "../clients/typescript/agent/index.js";
import { Fault, type Envelope, type Exchange, type Message } from "./core/index.js";
import type { Asker, Askers } from "./desk/index.js";
import type { Directory, Seat } from "./directory/index.js";
import type { Identity } from "./identity/index.js";

/** The name that local agents speak by, in lists. */
const dialect = "local";

/** What agents in the broker's own process need of its parts. */
export interface LocalAgentsContext {
  readonly exchange: Exchange;
  readonly newId: () => string;
  readonly directory: Directory;
  readonly identity: Pick<Identity, "isProtected">;
  /** Names that the configuration keeps for agents of the broker's own program, and for those with a token. */
  readonly reserved: readonly string[];
  /** The proof by which the mailbox of a name was opened; undefined if it has none. */
  readonly boxProof: (name: string) => string | undefined;
  /** Whoever else listens to the name hears it no longer. */
  readonly taken: (name: string) => void;
}

/** The agents in the broker's own process: under which names they are here, and how they sit at the desk. */
export class LocalAgents implements Askers {
  // bound: as many as the program makes · evicts: an agent when it leaves · owner: LocalAgents
  readonly #here = new Map<object, { readonly link: MemoryLink; readonly seat: Seat }>();
  // bound: one for each agent here that waits for an answer · evicts: with the answer, or when the agent leaves · owner:
  // LocalAgents
  readonly #waiting = new Map<object, () => void>();
  readonly #context: LocalAgentsContext;

  constructor(context: LocalAgentsContext) {
    this.#context = context;
  }

  /** Where an agent of these options connects; `left` is called once it is gone. */
  home({ exclusive = true }: Pick<AgentOptions, "exclusive">, left: () => void): MemoryHome {
    const { exchange, newId } = this.#context;
    return { exchange, newId, arrive: (link) => this.#arrive(link, exclusive, left) };
  }

  askerOf({ origin }: Message, { from }: Envelope): Asker | undefined {
    const here = origin === undefined ? undefined : this.#here.get(origin);
    if (here === undefined) return undefined;
    const { link, seat } = here;
    return {
      chargedTo: `desk ${from}`,
      seats: [seat],
      refused: (notice) => {
        link.tell(notice);
      },
      whenGone: (run) => {
        this.#waiting.set(link, run);
        return () => void this.#waiting.delete(link);
      },
    };
  }

  #arrive(link: MemoryLink, exclusive: boolean, left: () => void): MemoryPresence {
    const { directory, taken } = this.#context;
    const { agent: name } = link.principal;
    this.#checkName(name, exclusive);
    const presence = directory.arrive({
      principal: link.principal,
      dialect,
      putOut: (room) => {
        link.putOut(room);
      },
    });
    const seat: Seat = {
      presence,
      wants: (topic) => link.wants(topic),
      join: (room) => link.join(room),
      leave: (room) => link.leave(room),
    };
    this.#here.set(link, { link, seat });
    taken(name);
    return {
      join: (room) => directory.join(presence, room, { create: true }),
      leave: (room) => directory.leave(presence, room),
      depart: () => {
        this.#here.delete(link);
        this.#waiting.get(link)?.();
        presence.depart();
        left();
      },
    };
  }

  /** @throws Fault malformed, conflict, unauthenticated */
  #checkName(name: string, exclusive: boolean): void {
    const { directory, identity, reserved, boxProof } = this.#context;
    checkName(name);
    const here = directory.agent(name);
    if (here !== undefined && (here.dialect !== dialect || exclusive))
      throw new Fault(
        "conflict",
        here.dialect === dialect
          ? `an agent of this program is ${name} already, and both would do the same work: close it, choose another ` +
              "name, or say exclusive: false if they are to share this one"
          : `another agent is ${name} now; choose another name`,
      );
    const isOurs = reserved.includes(name) || boxProof(name) === processProof(name);
    if (here === undefined && identity.isProtected(name) && !isOurs)
      throw new Fault(
        "unauthenticated",
        `the name ${name} has an owner who proves it; choose another, or reserve it for this program (reserved: ` +
          `["${name}"] in the configuration)`,
      );
  }
}
