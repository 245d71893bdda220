import assert from "node:assert/strict";
import { Fault, type FaultCode } from "../core/index.js";
import { defineDialect, type AnyDialect, type Frame, type Phrasebook } from "../dialect/index.js";
import type { Conversation } from "./conversation.js";
import { ConformanceWorld } from "./world.js";

/**
 * What a dialect may leave out. The suite leaves the cases about it out only where the subject says so. Of a dialect
 * without tokens it checks that a login proves nothing. `agent-allowance`: an agent has one allowance over all its
 * connections; without it each connection has its own, so that whoever connects again may say more. `shared-token`: a
 * token that others have, too, logs in, and proves nothing; without it whoever proves nothing is not let in.
 */
export type Feature = "tokens" | "shared-token" | "history" | "lists" | "agent-allowance";

/** What a frame answers. */
export interface Answered {
  /** Of the question. */
  readonly id: string;
  readonly kind: string;
  readonly data: unknown;
}

/** How a client of a dialect asks the broker something. */
export interface Questions {
  ask(kind: string, data: object | undefined, id: string): Frame;
  /** What a frame answers, if it answers a question. */
  answerOf(frame: Frame): Answered | undefined;
  /** The id of the question that a frame refuses, if it refuses one. */
  refusedIdOf(frame: Frame): string | undefined;
}

/** What the suite needs to know of every dialect. */
export interface SpokenSubject {
  readonly dialect: AnyDialect;
  /** Where it answers; its first path by default. */
  readonly path?: string;
  /** How a client speaks it; the dialect's own by default. */
  readonly phrasebook?: Phrasebook;
  /** A frame whose command does not exist; absent where commands have no names. */
  readonly command?: (type: string) => Frame;
  /**
   * True: its sessions are viewers (`Session.view`), which have no name, no room and no list. What is about those is left
   * out then, and so is what agents say to each other; see {@link ViewerSubject}.
   */
  readonly viewers?: boolean;
  readonly without?: readonly Feature[];
}

/**
 * A dialect whose sessions are viewers. Of its phrasebook, `login` shows a token (the world has `viewing NAME`, which
 * may all, and `observing NAME`), `say` commands an agent (each text another command), and `textOf` reads what that has answered.
 */
export interface ViewerSubject extends SpokenSubject {
  readonly viewers: true;
}

/** A dialect under test whose sessions are agents: the dialect, and the frames by which the suite speaks it. */
export interface ConformanceSubject extends SpokenSubject {
  readonly viewers?: false;
  readonly join: (room: string) => Frame;
  readonly leave: (room: string) => Frame;
  /** Joins, and asks for the last `count` messages of the room. */
  readonly joinWithHistory?: (room: string, count: number) => Frame;
  /** Asks for a list of agents or of rooms. */
  readonly list?: () => Frame;
  /** Takes another name; absent where a session keeps its name. */
  readonly rename?: (name: string) => Frame;
  /** Who speaks, in a frame that tells a text: a name as `welcomed` gives it. */
  readonly senderOf: (frame: Frame) => string | undefined;
  /**
   * A text to an agent, a `#room` or `all` from a client that writes another sender than itself; absent where a frame
   * has no place for a sender.
   */
  readonly forged?: (to: string, text: string, from: string) => Frame;
  /** Absent where the dialect has no words for questions to the broker. */
  readonly questions?: Questions;
}

/** One thing that every dialect must do. `run` rejects, with the reason, if this one does not. */
export interface ConformanceCase {
  /**
   * What it is about: `conversation`, `robustness`, `rooms`, `history`, `secrecy`, `tokens`, `costs`, `names`, `desk`,
   * `description`.
   */
  readonly section: string;
  /** A sentence that begins with a verb. */
  readonly name: string;
  readonly run: () => Promise<void> | void;
}

/** Somebody who has logged in. */
export interface Party {
  readonly client: Conversation;
  /** The name by which others address it. */
  readonly name: string;
}

/** Without TypeScript nobody else says what a subject lacks. @throws Error */
export function mustBeWhole(subject: ConformanceSubject): void {
  const missing = (["join", "leave", "senderOf"] as const).filter((part) => typeof subject[part] !== "function");
  if (missing.length > 0) throw new Error(`the subject lacks ${missing.join(", ")} (see ConformanceSubject)`);
}

/** A subject with everything that can be left out filled in, and what the sections do with it. */
export class Speaker<S extends SpokenSubject = ConformanceSubject> {
  readonly dialect: AnyDialect;
  readonly path: string;
  readonly phrasebook: Phrasebook;
  readonly subject: S;

  constructor(subject: S) {
    const { dialect } = subject;
    const phrasebook = subject.phrasebook ?? dialect.phrasebook;
    const path = subject.path ?? dialect.paths[0];
    if (phrasebook === undefined) throw new Error(`${dialect.name} has no phrasebook: the suite cannot speak it`);
    if (path === undefined) throw new Error(`${dialect.name} has no path: the suite cannot reach it`);
    this.dialect = dialect;
    this.phrasebook = phrasebook;
    this.path = path;
    this.subject = subject;
  }

  has(feature: Feature): boolean {
    return this.subject.without?.includes(feature) !== true;
  }

  world(limits: Readonly<Record<string, number>> = {}): ConformanceWorld {
    return new ConformanceWorld([this.dialect], { limits });
  }

  /** Says the frames that log in. @returns the client, and its name if it was welcomed */
  async tries(
    world: ConformanceWorld,
    name: string,
    token?: string,
    from: { readonly remote?: string } = {},
  ): Promise<Partial<Party> & Pick<Party, "client">> {
    const client = world.connect(this.path, from);
    for (const frame of this.phrasebook.login(name, token)) await client.says(frame);
    const welcomed = client.connection.frames.flatMap((frame) => this.phrasebook.welcomed(frame, name) ?? [])[0];
    if (welcomed === undefined) return { client };
    client.signs = (frame) => this.saidBy(welcomed, frame);
    return { client, name: welcomed };
  }

  /** Logs in; with the agent's own token where there are tokens, as a viewer with one that may all. */
  async enters(world: ConformanceWorld, wanted: string): Promise<Party> {
    const { client, name } = await this.tries(world, wanted, this.tokenOf(wanted));
    const heard = client.connection.frames.map((frame) => frame.toString().slice(0, 200));
    assert(name !== undefined, `${wanted} is not welcomed; it heard ${JSON.stringify(heard)}`);
    if (this.subject.viewers !== true)
      assert.equal(world.directory.agent(name)?.dialect, this.dialect.name, `${wanted} is in the directory`);
    return { client, name };
  }

  /** The token that lets this client in with all that it may; undefined where there are no tokens. */
  tokenOf(name: string): string | undefined {
    if (this.subject.viewers === true) return `viewing ${name}`;
    return this.has("tokens") ? `own ${name}` : undefined;
  }

  /** A frame as this agent says it. */
  saidBy(name: string, frame: Frame): Frame {
    return this.phrasebook.spokenBy?.(frame, name) ?? frame;
  }

  texts({ client }: Pick<Party, "client">): readonly string[] {
    return client.connection.frames.flatMap((frame) => this.phrasebook.textOf(frame) ?? []);
  }

  refusals({ client }: Pick<Party, "client">): readonly string[] {
    return client.connection.frames.flatMap((frame) => this.phrasebook.refusalOf(frame)?.code ?? []);
  }

  /** The dialect's own word for a fault; undefined if it only closes the connection. */
  codeOf(code: FaultCode): string | undefined {
    let told: string | undefined;
    this.dialect.with((itself) => {
      const probe = defineDialect({
        ...itself,
        codec: (session) => {
          const codec = itself.codec(session);
          const { reply } = itself.refuse(new Fault(code, "because"), undefined, session);
          if (reply !== undefined) told = this.phrasebook.refusalOf(codec.encode(reply))?.code;
          return codec;
        },
      });
      new ConformanceWorld([probe]).connect(this.path);
    });
    return told;
  }
}
