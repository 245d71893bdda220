import type { z } from "zod";
import { Fault, itemsOfBytes, type Content, type Principal, type Scope } from "../core/index.js";
import { bytesOf, type Directory, type Past, type Presence } from "../directory/index.js";
import { readFields } from "./fields.js";
import type { DeskLists, LongText } from "./lists.js";

/**
 * A seat is one of the asker's own connections, through which it can join rooms: membership belongs to a connection and
 * ends with it.
 */
export interface Seat {
  readonly presence: Presence;
  /** True if the connection subscribed to `topic` itself. */
  readonly wants: (topic: string) => boolean;
  /** @throws Fault as `Directory.join` does */
  readonly join: (room: string) => boolean;
  /** @throws Fault as `Directory.leave` does */
  readonly leave: (room: string) => boolean;
}

/** Who asks, and where the desk looks for the answer. */
export interface Ask {
  /** The name that the answer goes to. */
  readonly asker: string;
  /** Empty for an agent of another dialect than ZeroMQ. */
  readonly seats: readonly Seat[];
  /** Which of the connections of the asker's name came first: 1 is the first. Undefined for an instance not there. */
  readonly place?: (instance: string) => number | undefined;
  /** The proved principal for whom rooms are shown; undefined shows what everybody may see. */
  readonly viewer: Principal | undefined;
  readonly directory: Directory;
  /** Long lists, written once for all who ask. */
  readonly lists: DeskLists;
  /** What `broker.status` answers. */
  readonly status: () => Readonly<Record<string, unknown>>;
}

/** A scope that a kind of request can be reserved for. */
export type Right = Extract<Scope, "operate">;

const lacksRight: Readonly<Record<Right, string>> = {
  operate: "only the operator asks for this: connect by PLAIN with the operator-token of the data directory",
};

/** What the desk says to a request. */
export interface Answer {
  readonly message: string;
  readonly data?: unknown;
  /** Past messages that follow the answer. */
  readonly replay?: readonly Past[];
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
  /** What has to be kept is kept before the answer: then it is a promise. @throws Fault */
  readonly run: (ask: Ask, fields: z.output<Request>) => AnswerOf<Data> | Promise<AnswerOf<Data>>;
  /** The past messages that the answer will replay: they are made ready before `run`, in slices. Never throws. */
  readonly past?: (ask: Ask, fields: z.output<Request>) => readonly Past[];
  /** The same answer as JSON, `kind` included, for one that is long and that many ask for. @throws Fault */
  readonly text?: (ask: Ask, fields: z.output<Request>) => LongText;
}

/** A request whose right and fields have been checked. */
export interface ReadRequest {
  readonly length: number;
  readonly past: (() => readonly Past[]) | undefined;
  /** @throws Fault */
  run(): Answer | Promise<Answer>;
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
  const { request, answer, right, length, past, run, text } = row;
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
        past: past && (() => past(ask, fields)),
        run: () => run(ask, fields),
        text: text && (() => text(ask, fields)),
      };
    },
  };
}

/** True if `viewer` may ask for what needs `right`. */
export function hasRight(viewer: Principal | undefined, right: Right | undefined): boolean {
  return right === undefined || viewer?.scopes.has(right) === true;
}
