import type { z } from "zod";
import { Fault, itemsOfBytes, type Content, type Principal, type Scope } from "../core/index.js";
import { bytesOf, type Directory, type Past, type Recalled, type Seat } from "../directory/index.js";
import type { Mailboxes } from "../mailbox/index.js";
import type { Capabilities } from "../telemetry/capabilities.js";
import type { Coordinations } from "../telemetry/coordination/index.js";
import type { Coordinator } from "../telemetry/telemetry.js";
import type { MultiAgents } from "../telemetry/multi-agents.js";
import { readFields } from "./fields.js";
import type { Forget } from "./forget.js";
import type { DeskLists, LongText } from "./lists.js";
import type { Office } from "./office.js";

/** Who asks, and where the desk looks for the answer. */
export interface Ask {
  /** The name that the answer goes to. */
  readonly asker: string;
  /** Its own connections; empty for who has none here. */
  readonly seats: readonly Seat[];
  /** Which of the connections of the asker's name came first: 1 is the first. Undefined for an instance not there. */
  readonly place?: (instance: string) => number | undefined;
  /** The proved principal for whom rooms are shown; undefined shows what everybody may see. */
  readonly viewer: Principal | undefined;
  readonly directory: Directory;
  readonly mailboxes: Mailboxes;
  /** Whose rate pays; a connection where there is one. */
  readonly chargedTo: string;
  /** Long lists, written once for all who ask. */
  readonly lists: DeskLists;
  /** What `broker.status` answers. */
  readonly status: () => Readonly<Record<string, unknown>>;
  /** Erases what is kept of a user; absent where nothing is. */
  readonly forget?: Forget | undefined;
  /** Runs coordinations, and knows what is announced of others; absent where nobody does. */
  readonly coordination?: DeskCoordination | undefined;
  /** What only the operator is told; absent where nothing is known. */
  readonly office?: Office | undefined;
  /** What agents say that they can do; absent where nobody hears it. */
  readonly capabilities?: Pick<Capabilities, "agentsWith" | "found" | "bytesOf"> | undefined;
  /** How operators have set up multi-agents; absent where nobody keeps it. */
  readonly multiAgents?: MultiAgents | undefined;
}

/** Coordinations, as the desk needs them. */
export interface DeskCoordination {
  readonly coordinator: Coordinator;
  readonly coordinations: Pick<Coordinations, "events" | "of">;
}

/** A scope that a kind of request can be reserved for. */
export type Right = Extract<Scope, "operate" | "control">;

const lacksRight: Readonly<Record<Right, string>> = {
  control: "only who has the scope control asks for this: log in with a token that broker token --scope control made",
  operate:
    "only the operator asks for this: log in as operator with the operator-token of the data directory, " +
    "or with a token that broker token --scope operate made",
};

/** What the desk says to a request. */
export interface Answer {
  readonly message: string;
  readonly data?: unknown;
  /** Past messages that follow the answer. */
  readonly replay?: readonly Past[];
  /** Called for each connection that they were given to. */
  readonly heardBy?: Recalled["heardBy"];
}

/** An answer whose `data` fits its schema. */
type AnswerOf<Data extends z.ZodObject | undefined> = Answer &
  (Data extends z.ZodObject ? { readonly data: DeepReadonly<z.output<Data>> } : { readonly data?: undefined });

type DeepReadonly<T> = T extends readonly (infer One)[]
  ? readonly DeepReadonly<One>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** All about one `content.kind` that `$broker` answers. */
interface Row<Request extends z.ZodObject, Data extends z.ZodObject | undefined, Needed extends Right | undefined> {
  /** Fields of the request. */
  readonly request: Request;
  /** `content.data` of the answer; undefined if its text says everything. */
  readonly answer: Data;
  /** The scope that the asker must have; undefined: everybody may ask. */
  readonly right: Needed;
  /** The cost: how many items the answer will list at most. It is paid before anything is looked up. Never throws. */
  readonly length: (ask: Ask, fields: z.output<Request>) => number;
  /**
   * What has to be kept is kept before the answer: then it is a promise.
   * @param until aborted when it is time to answer with what there is, and when nobody would hear it any more; from the
   * beginning, where `waits` says nothing
   * @throws Fault
   */
  readonly run: (ask: Ask, fields: z.output<Request>, until: AbortSignal) => AnswerOf<Data> | Promise<AnswerOf<Data>>;
  /**
   * How long the answer may wait for something to happen, milliseconds, `brokerWaitMaxMs` at most: then it waits beside
   * the asker's other questions, one at a time, and `run` says it as soon as it is there. 0: it is said at once. Never
   * throws.
   */
  readonly waits?: (fields: z.output<Request>) => number;
  /** The past messages that the answer will replay: they are made ready before `run`, in slices. Never throws. */
  readonly past?: (ask: Ask, fields: z.output<Request>) => readonly Past[];
  /** The same answer as JSON, `kind` included, for one that is long and that many ask for. @throws Fault */
  readonly text?: (ask: Ask, fields: z.output<Request>) => LongText;
}

/** A request whose right and fields have been checked. */
export interface ReadRequest {
  readonly length: number;
  /** How long the answer may wait, milliseconds. */
  readonly waitMs: number;
  readonly past: (() => readonly Past[]) | undefined;
  /** @param until as in {@link Row} @throws Fault */
  run(until: AbortSignal): Answer | Promise<Answer>;
  /** @throws Fault */
  readonly text: (() => LongText) | undefined;
}

/** A row of the table of kinds, which keeps the types of its fields to itself. */
export interface Kind<Needed extends Right | undefined = Right | undefined> {
  readonly request: z.ZodObject;
  readonly answer: z.ZodObject | undefined;
  readonly right: Needed;
  /** @returns Fault forbidden or malformed if the request is refused */
  read(ask: Ask, content: Content): ReadRequest | Fault;
}

/** A row whose `run` and `length` know the fields of its request, and whose answer fits its schema. */
export function kind<
  Request extends z.ZodObject,
  Data extends z.ZodObject | undefined,
  Needed extends Right | undefined,
>(row: Row<Request, Data, Needed>): Kind<Needed> {
  const { request, answer, right, length, past, run, text, waits } = row;
  return {
    request,
    answer,
    right,
    read(ask, content) {
      if (right !== undefined && !hasRight(ask.viewer, right)) return new Fault("forbidden", lacksRight[right]);
      const fields = readFields(request, content);
      if (fields instanceof Fault) return fields;
      return {
        length: length(ask, fields) + itemsOfBytes(bytesOf(past?.(ask, fields) ?? [])),
        waitMs: waits?.(fields) ?? 0,
        past: past && (() => past(ask, fields)),
        run: (until) => run(ask, fields, until),
        text: text && (() => text(ask, fields)),
      };
    },
  };
}

/** True if `viewer` may ask for what needs `right`. */
export function hasRight(viewer: Principal | undefined, right: Right | undefined): boolean {
  return right === undefined || viewer?.scopes.has(right) === true;
}
