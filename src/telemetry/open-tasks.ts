import { brokerTopic, isAgentName, patienceMs, type Clock, type Envelope, type Limits } from "../core/index.js";
import { saysFailure, type CountedSender, type Overheard, type OverheardListener } from "./overhearing.js";

/** Requests of one pair that are followed, and of all; what is asked beyond them changes no state. */
const perPairMax = 32;
const tasksMax = 50_000;

/** A request that somebody owes the answer to, and somebody waits for. */
export interface Task {
  readonly asker: string;
  readonly asked: string;
  readonly messageId: string;
  readonly conversationId: string | undefined;
  /** Monotonic, milliseconds. */
  readonly at: number;
  /** It counts for who asks, and for who is asked: what is hidden counts for agents only that are hidden themselves. */
  readonly ofAsker: boolean;
  readonly ofAsked: boolean;
  /** It says how long it waits: when that is over, who was asked has failed. */
  readonly isTimed: boolean;
  /** Who was asked has been here since then. */
  isOwed: boolean;
}

/**
 * What became of a request. `failed`: the answer says `data.error`. `late`: the time that it gave is over. `cancelled`:
 * who asked is gone, or needs no answer any more. `forgotten`: it gave no time, and `requestTimeoutMs` are over, or its
 * answer may have passed without being looked at.
 */
export type TaskEnd = "answered" | "failed" | "late" | "cancelled" | "forgotten";

/** Hears of requests as they come and go. */
export interface TaskListener {
  opened(task: Task): void;
  /** `latencyMs`: from the request to its answer. */
  ended(task: Task, end: TaskEnd, latencyMs: number | undefined): void;
}

/** What {@link OpenTasks} is made of. */
export interface OpenTasksParts {
  readonly clock: Pick<Clock, "monotonic" | "after">;
  readonly limits: Pick<Limits, "requestTimeoutMs" | "requestMaxMs">;
  readonly isOnline: (agent: string) => boolean;
  /** True for an agent that `inspect` alone sees. */
  readonly isHidden: (agent: string) => boolean;
  /** They hear of each in this order. */
  readonly listeners: readonly TaskListener[];
}

interface Entry {
  readonly task: Task;
  readonly pair: string;
  readonly cancel: () => void;
}

/**
 * Who owes an answer and who waits for one, from what is overheard. A response belongs to the request that it names,
 * else to the oldest one of its addressee to its sender. Requests to rooms, to `all` and to data topics expect no
 * answer, and what is sealed is not looked at.
 */
export class OpenTasks implements OverheardListener {
  readonly #parts: OpenTasksParts;
  // bound: 50,000 (tasksMax), 32 of a pair · evicts: one when it is answered, cancelled or its time is over ·
  // owner: OpenTasks
  readonly #byPair = new Map<string, Set<Entry>>();
  // bound: as #byPair · evicts: with it · owner: OpenTasks
  readonly #byAsker = new Map<string, Set<Entry>>();
  // bound: as #byPair · evicts: with it, or when who was asked goes · owner: OpenTasks
  readonly #byAsked = new Map<string, Set<Entry>>();
  #size = 0;

  constructor(parts: OpenTasksParts) {
    this.#parts = parts;
  }

  /** Requests that are followed now. */
  get size(): number {
    return this.#size;
  }

  /** How many answers it owes. */
  owes(agent: string): number {
    return this.#byAsked.get(agent)?.size ?? 0;
  }

  /** True if it waits for an answer. */
  waits(agent: string): boolean {
    for (const { task } of this.#byAsker.get(agent) ?? []) if (task.ofAsker) return true;
    return false;
  }

  heard(message: Overheard): void {
    const { type, envelope } = message;
    if (envelope === undefined) return;
    if (type === "response") this.#answer(message, envelope);
    else if (type === "request" && !message.shared && isAgentName(message.to)) this.#ask(message, envelope);
  }

  /** Whether somebody answers there is not known: what may have been answered is forgotten. */
  counted(topic: string, _count: number, _bytes: number, sender?: CountedSender): void {
    const asked = sender === undefined ? this.#byAsker.get(topic) : this.#byPair.get(`${topic}\n${sender.from}`);
    for (const entry of [...(asked ?? [])]) this.#end(entry, "forgotten");
  }

  /** An agent is gone: nobody waits for what it has asked; what it owes may still be answered when it is back. */
  departed(agent: string): void {
    for (const entry of [...(this.#byAsker.get(agent) ?? [])]) this.#end(entry, "cancelled");
    for (const { task } of this.#byAsked.get(agent) ?? []) task.isOwed = false;
    this.#byAsked.delete(agent);
  }

  /**
   * A coordination that the broker ran is over: whoever has not voted owes it nothing. Whoever has was heard already, or
   * is with the message that decided it.
   */
  decided(conversationId: string, hasVoted: (agent: string) => boolean): void {
    for (const entry of [...(this.#byAsker.get(brokerTopic) ?? [])])
      if (entry.task.conversationId === conversationId && !hasVoted(entry.task.asked)) this.#end(entry, "cancelled");
  }

  /** Forgets all without a word. */
  clear(): void {
    for (const entries of this.#byPair.values()) for (const { cancel } of entries) cancel();
    for (const map of [this.#byPair, this.#byAsker, this.#byAsked]) map.clear();
    this.#size = 0;
  }

  #ask({ from, to, messageId, at, now, hidden }: Overheard, envelope: Envelope): void {
    const { clock, limits, isOnline, isHidden, listeners } = this.#parts;
    const ofAsker = !hidden || isHidden(from);
    const ofAsked = !hidden || isHidden(to);
    const pair = `${from}\n${to}`;
    const isFull = this.#size >= tasksMax || (this.#byPair.get(pair)?.size ?? 0) >= perPairMax;
    if (isFull || !(ofAsker || ofAsked)) return;
    const patience = patienceMs(envelope, now);
    const waitMs = Math.min(Math.max(patience ?? limits.requestTimeoutMs, 0), limits.requestMaxMs);
    const task: Task = {
      asker: from,
      asked: to,
      messageId,
      conversationId: envelope.conversation_id,
      at,
      ofAsker,
      ofAsked,
      isTimed: patience !== undefined,
      isOwed: ofAsked && isOnline(to),
    };
    const cancel = clock.after(waitMs, () => {
      this.#end(entry, task.isTimed ? "late" : "forgotten");
    });
    const entry: Entry = { task, pair, cancel };
    add(this.#byPair, pair, entry);
    add(this.#byAsker, from, entry);
    if (task.isOwed) add(this.#byAsked, to, entry);
    this.#size += 1;
    for (const listener of listeners) listener.opened(task);
  }

  #answer({ from, to, inReplyTo, at }: Overheard, envelope: Envelope): void {
    for (const entry of this.#byPair.get(`${to}\n${from}`) ?? []) {
      if (inReplyTo !== undefined && entry.task.messageId !== inReplyTo) continue;
      this.#end(entry, saysFailure(envelope) ? "failed" : "answered", at - entry.task.at);
      return;
    }
  }

  #end(entry: Entry, end: TaskEnd, latencyMs?: number): void {
    const { task, pair, cancel } = entry;
    cancel();
    remove(this.#byPair, pair, entry);
    remove(this.#byAsker, task.asker, entry);
    remove(this.#byAsked, task.asked, entry);
    this.#size -= 1;
    for (const listener of this.#parts.listeners) listener.ended(task, end, latencyMs);
  }
}

function add(map: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const entries = map.get(key);
  if (entries === undefined) map.set(key, new Set([entry]));
  else entries.add(entry);
}

function remove(map: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const entries = map.get(key);
  if (entries?.delete(entry) === true && entries.size === 0) map.delete(key);
}
