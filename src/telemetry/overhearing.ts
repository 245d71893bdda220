import {
  brokerTopic,
  isAgentName,
  Message,
  shownTopic,
  topicKind,
  type ByteWatcher,
  type Envelope,
  type Exchange,
  type MessageType,
  type Priority,
} from "../core/index.js";

/** A message between agents that has gone by. */
export interface Overheard {
  readonly from: string;
  /** The topic, as people read it: an agent, a `#room`, `all`, a data topic; `$broker` hears votes. */
  readonly to: string;
  readonly messageId: string;
  readonly type: MessageType;
  readonly inReplyTo: string | undefined;
  readonly priority: Priority;
  /** Of its payload as JSON, or of the frame that its dialect hands on as it came. */
  readonly bytes: number;
  /** Monotonic milliseconds, and wall clock. */
  readonly at: number;
  readonly now: number;
  readonly sealed: boolean;
  /** `inspect` alone may know of it: sealed, in an invite-only room, from or for an agent that is listed to its contacts only. */
  readonly hidden: boolean;
  /** It can be heard by more than one agent: a room, `all`, a data topic. */
  readonly shared: boolean;
  /** Undefined: sealed. */
  readonly envelope: Envelope | undefined;
}

/** Who says that it has sent what was counted. */
export type CountedSender = Pick<Overheard, "from" | "hidden" | "shared" | "at" | "now">;

/** Hears what goes by while somebody looks. */
export interface OverheardListener {
  heard(message: Overheard): void;
  /**
   * ZeroMQ messages that passed as bytes beyond what is looked at, up to 100 ms ago: only their topic is known, their
   * bytes with their framing, and, where no parser is needed to find it, their sender.
   */
  counted(topic: string, count: number, bytes: number, sender?: CountedSender): void;
}

/** What goes by, and who may know of it. */
export interface OverhearingParts {
  readonly exchange: Pick<Exchange, "follow" | "followAside" | "router" | "clock">;
  /** Topics that are nobody's name, whatever they look like. */
  readonly dataTopics: Iterable<string>;
  /** True for an agent that is listed to its contacts only. */
  readonly isHidden: (agent: string) => boolean;
  /** Is told what a listener threw. */
  readonly failed: (thrown: unknown) => void;
}

/** What passes as bytes is looked at anew for so long, milliseconds. */
const windowMs = 100;
/** So much of it is read in that time: at 5,000 messages a second everything is exact, and reading takes 3 % of a core. */
const budgetOfAll = { messages: 500, bytes: 1024 * 1024 };
/** And so much beside it of topics that say little, so that one who floods hides nobody else. */
const budgetOfQuiet = { messages: 500, bytes: 256 * 1024 };
/** A topic that said more in that time is not quiet. */
const quietMax = 5;

/** Senders that are told apart in that time; what others say is counted by its topic alone. */
const sendersMax = 1_000;

interface Count {
  count: number;
  bytes: number;
}

/** What passed as bytes to one topic since the window began. */
interface Tally extends Count {
  readonly topic: string;
  seen: number;
  /** Beyond what was seen, by who says that it is the sender; the rest is in `count` and `bytes`. */
  senders: Map<string, Count> | undefined;
  /** The last of them: most topics hear one sender for long. */
  from: string | undefined;
  ofLast: Count | undefined;
}

/**
 * Hears what agents say to each other, whatever way it takes: what the exchange routes, sealed messages (who, for whom,
 * how much), what the broker itself asks, and what passes as bytes. Heard once, when it is said: what a mailbox or the
 * log of a room gives out later was heard when it came, and what is said again to who asks for the past is not heard.
 * Talk is between agents: questions to the broker and its answers, its events and what agents report of themselves are
 * none; commands of operators, and what the broker asks agents (votes) with their responses, are.
 */
export class Overhearing {
  readonly #parts: OverhearingParts;
  readonly #dataTopics: ReadonlySet<string>;
  #listeners: readonly OverheardListener[] = [];
  #ends: readonly (() => void)[] = [];
  // bound: topics with receivers (zmqSubscriptionsTotalMaxBytes) · evicts: all of them every 100 ms · owner: Overhearing
  readonly #tallies = new Map<string, Tally>();
  /** That of the last run. */
  #last: Tally | undefined;
  #ofAll = { ...budgetOfAll };
  #ofQuiet = { ...budgetOfQuiet };
  #senders = 0;
  #cancelWindow: (() => void) | undefined;

  constructor(parts: OverhearingParts) {
    this.#parts = parts;
    this.#dataTopics = new Set(parts.dataTopics);
  }

  /** Begins to listen; until then it costs nothing. */
  start(): void {
    if (this.#ends.length > 0) return;
    const { exchange } = this.#parts;
    const heard = (envelope: Envelope, message: Message): void => {
      if (isTalk(envelope, message.topic)) this.#hear(envelope, message);
    };
    const watcher: ByteWatcher = {
      passed: (topic, count, bytes) => this.#passed(topic, count, bytes),
      saw: (topic, payload, bytes) => {
        this.#saw(topic, payload, bytes);
      },
      sender: (_topic, from, count, bytes) => {
        this.#sentBy(from, count, bytes);
      },
    };
    this.#ends = [exchange.follow(heard), exchange.followAside(heard), exchange.router.passing.watch(watcher)];
  }

  /** Ends it. What was counted and not told yet is dropped. */
  stop(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
    this.#cancelWindow?.();
    this.#begin();
  }

  /** The returned function ends it. */
  add(listener: OverheardListener): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  #hear(envelope: Envelope, message: Message): void {
    const { exchange, isHidden } = this.#parts;
    const { from } = envelope;
    const kind = topicKind(message.topic);
    const to = shownTopic(message.topic);
    const inviteOnly = message.hidden || (kind === "room" && exchange.router.route(message.topic)?.hidden === true);
    const overheard: Overheard = {
      from,
      to,
      messageId: envelope.message_id,
      type: envelope.type,
      inReplyTo: envelope.in_reply_to === "" ? undefined : envelope.in_reply_to,
      priority: envelope.priority,
      bytes: message.raw?.frame.length ?? message.payload.length,
      at: exchange.clock.monotonic(),
      now: exchange.clock.now(),
      sealed: message.sealed,
      hidden: message.sealed || inviteOnly || isHidden(from) || isHidden(to),
      shared: this.#isShared(message.topic),
      envelope: message.sealed ? undefined : envelope,
    };
    this.#tell((listener) => {
      listener.heard(overheard);
    });
  }

  #isShared(topic: string): boolean {
    const kind = topicKind(topic);
    return kind === "room" || kind === "everyone" || kind === "data" || this.#dataTopics.has(topic);
  }

  /** Counts a run of bytes. @returns how many of its messages are looked at */
  #passed(topic: string, count: number, bytes: number): number {
    let tally = this.#last;
    if (tally?.topic !== topic) {
      tally = this.#tallies.get(topic) ?? this.#first(topic);
      this.#last = tally;
    }
    const { seen } = tally;
    const ofQuiet = Math.min(quietMax - seen, this.#ofQuiet.messages);
    const wanted = Math.min(count, Math.max(this.#ofAll.messages, ofQuiet));
    tally.count += count;
    tally.bytes += bytes;
    return wanted;
  }

  #first(topic: string): Tally {
    this.#cancelWindow ??= this.#parts.exchange.clock.after(windowMs, () => {
      const tallies = [...this.#tallies.values()];
      this.#begin();
      for (const each of tallies) this.#tellCounts(each);
    });
    const tally: Tally = { topic, seen: 0, count: 0, bytes: 0, senders: undefined, from: undefined, ofLast: undefined };
    this.#tallies.set(topic, tally);
    return tally;
  }

  /** Of the run that was counted last. */
  #sentBy(from: string, count: number, bytes: number): void {
    const tally = this.#last;
    if (tally === undefined) return;
    const known = tally.from === from ? tally.ofLast : this.#countOf(tally, from);
    if (known === undefined) return;
    known.count += count;
    known.bytes += bytes;
    tally.count -= count;
    tally.bytes -= bytes;
  }

  /** Undefined: there are too many. */
  #countOf(tally: Tally, from: string): Count | undefined {
    const senders = (tally.senders ??= new Map<string, Count>());
    let known = senders.get(from);
    if (known === undefined) {
      if (this.#senders >= sendersMax) return undefined;
      this.#senders += 1;
      senders.set(from, (known = { count: 0, bytes: 0 }));
    }
    tally.from = from;
    tally.ofLast = known;
    return known;
  }

  #tellCounts({ topic, count, bytes, senders }: Tally): void {
    const { exchange, isHidden } = this.#parts;
    const to = shownTopic(topic);
    if (count > 0)
      this.#tell((listener) => {
        listener.counted(to, count, bytes);
      });
    if (senders === undefined) return;
    const same = { shared: this.#isShared(topic), at: exchange.clock.monotonic(), now: exchange.clock.now() };
    for (const [from, said] of senders) {
      const sender = { ...same, from, hidden: isHidden(from) || isHidden(to) };
      this.#tell((listener) => {
        listener.counted(to, said.count, said.bytes, sender);
      });
    }
  }

  #begin(): void {
    this.#cancelWindow = undefined;
    this.#tallies.clear();
    this.#last = undefined;
    this.#ofAll = { ...budgetOfAll };
    this.#ofQuiet = { ...budgetOfQuiet };
    this.#senders = 0;
  }

  /** Reads one of the messages that were just counted. What is none of an agent stays counted. */
  #saw(topic: string, payload: Buffer, bytes: number): void {
    const tally = this.#last;
    if (tally === undefined) return;
    const budget = this.#ofAll.messages > 0 ? this.#ofAll : this.#ofQuiet;
    budget.messages -= 1;
    tally.seen += 1;
    if (payload.length > budget.bytes) return;
    budget.bytes -= payload.length;
    const { clock } = this.#parts.exchange;
    const message = Message.fromPayload(payload, {
      topic,
      receivedAt: clock.now(),
      trust: "claimed",
      origin: undefined,
    });
    const { envelope } = message;
    if (envelope === undefined || !isAgentName(envelope.from)) return;
    tally.count -= 1;
    tally.bytes -= bytes;
    this.#hear(envelope, message);
  }

  #tell(call: (listener: OverheardListener) => void): void {
    for (const listener of this.#listeners) {
      try {
        call(listener);
      } catch (thrown) {
        this.#parts.failed(thrown);
      }
    }
  }
}

/** True if agents say it to each other: see {@link Overhearing}. */
function isTalk({ type, replay }: Envelope, topic: string): boolean {
  if (replay === true) return false;
  if (topic === brokerTopic) return type === "response";
  return topicKind(topic) !== "broker";
}

/** True for a response by which its sender says that it could not do what was asked: `data.error` (Visualisation §5.1). */
export function saysFailure({ content }: Envelope): boolean {
  const { data } = content;
  return typeof data === "object" && data !== null && "error" in data && data.error != null && data.error !== false;
}
