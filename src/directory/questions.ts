import type { Content, Principal } from "../core/index.js";
import type { Presence, Recalled } from "./directory.js";
import type { Past } from "./past.js";

/*
 * Questions to the broker (protocols §2.1): what a transport says of whoever asks, and how the answer gets there.
 * `src/desk` answers; it knows no transport, and transports need not know it.
 */

/**
 * A seat is one of the asker's own connections, through which it can join rooms: membership belongs to a connection and
 * ends with it, but for sessions whose mailbox says otherwise (protocols §10.3).
 */
export interface Seat {
  readonly presence: Presence;
  /** True if messages on `topic` get to it without more ado. */
  readonly wants: (topic: string) => boolean;
  /**
   * To be waited for before `join`, if it is something; absent where memberships end with the connection.
   * @throws Fault as `Directory.readyToJoin` does
   */
  readonly ready?: (room: string) => Promise<void> | undefined;
  /** To be waited for behind `leave`, and when a room was made; as `Directory.kept`. */
  readonly kept?: () => Promise<void> | undefined;
  /** @throws Fault as `Directory.join` does */
  readonly join: (room: string) => boolean;
  /** @throws Fault as `Directory.leave` does */
  readonly leave: (room: string) => boolean;
}

/** Who asks, as its transport knows it. */
export interface Questioner {
  /** Whose rate pays: a connection or session where there is one, never a name that is only claimed. */
  readonly chargedTo: string;
  /** Empty for who has no connection of its own here. */
  readonly seats: readonly Seat[];
  /** Which of the connections of the asker's name came first: 1 is the first. Undefined for an instance not there. */
  readonly place?: (instance: string) => number | undefined;
  /**
   * Runs something once nobody would hear an answer any more.
   * @returns what calls it off
   */
  readonly whenGone: (run: () => void) => () => void;
  /** It asks something that it can pay for: it is there, and lists may show it. */
  readonly seen?: () => void;
}

/** What is asked, and by whom. */
export interface Question extends Questioner {
  /** The name that asks. */
  readonly from: string;
  /** Anything that a stranger says. */
  readonly kind: string;
  /** The fields stand in `data` or, failing that, in the content itself. */
  readonly content: Content;
  /** For whom rooms are shown and whose scopes count; undefined is shown what everybody may see. */
  readonly viewer: Principal | undefined;
  /** False: nothing is waited for; what there is now is the answer. */
  readonly waits?: boolean;
}

/** An answer: a message's content, whose kind is that of the question. */
export type AnswerContent = Content & { readonly kind: string };

/** An answer's content that is written already: a long list is written once for all who ask. */
export interface WrittenContent {
  /** `{"message":…,"data":…,"kind":…}` */
  readonly text: string;
  /** The same in UTF-8. */
  readonly bytes: Buffer;
}

/** How the answer to one question gets to who asked. */
export interface Reply {
  /** Makes a past message ready that will follow the answer: work for one slice. */
  ready(past: Past): void;
  /** The answer; `replay`: past messages that follow it; `heardBy`: called for each connection that got them. */
  answered(content: AnswerContent, replay: readonly Past[], heardBy?: Recalled["heardBy"]): void;
  written(content: WrittenContent): void;
}

/** A question that was taken. */
export interface Asked {
  /**
   * `beside`: the answer may be long in coming, and what else is asked does not wait for it; `inTurn`: it is under way.
   */
  readonly how: "inTurn" | "beside";
  /** Resolves when the answer was given, rejects with a Fault if there is none; undefined if it was given at once. */
  readonly done: void | Promise<void>;
}

/** Answers questions to the broker. */
export interface Answerer {
  /** @throws Fault what refuses the question itself; `Asked.done` rejects with what is found out later */
  ask(question: Question, reply: Reply): Asked;
}
