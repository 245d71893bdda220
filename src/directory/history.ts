import {
  FairShares,
  isOrigin,
  Message,
  partyOf,
  type Envelope,
  type Limits,
  type Party,
  type Router,
  type Share,
  type Subscriber,
  type Trust,
} from "../core/index.js";

/** A message as it is kept: bytes only, so that no frame rendered for its receivers stays in memory with it. */
interface KeptMessage {
  readonly payload: Buffer;
  readonly topic: string;
  readonly receivedAt: number;
  readonly trust: Trust;
  readonly history: RoomHistory;
}

/** The last messages of one public room. It subscribes like a member but does not count as a receiver. */
export class RoomHistory implements Subscriber {
  /** Bytes of all messages kept here. */
  bytes = 0;
  #kept: Share<KeptMessage>[] = [];
  readonly #histories: Histories;

  constructor(histories: Histories) {
    this.#histories = histories;
  }

  deliver(message: Message): boolean {
    this.#histories.keep(this, message);
    return false;
  }

  /** Adds a message; beyond the limits of one room the oldest ones are removed. */
  add(kept: Share<KeptMessage>, limits: HistoryLimits): void {
    this.#kept.push(kept);
    this.bytes += kept.item.payload.length;
    while (this.#kept.length > limits.historyPerRoomMax || this.bytes > limits.historyPerRoomMaxBytes) {
      const [oldest] = this.#kept;
      if (oldest === undefined) return;
      this.remove(oldest.item);
    }
  }

  /** Removes a message. */
  remove(message: KeptMessage): void {
    const at = this.#kept.findIndex(({ item }) => item === message);
    const [share] = at === -1 ? [] : this.#kept.splice(at, 1);
    if (share === undefined) return;
    share.end();
    this.bytes -= message.payload.length;
    this.#histories.bytes -= message.payload.length;
  }

  /** The last `count` messages, oldest first, as replays. */
  last(count: number): readonly Envelope[] {
    if (!(count >= 1)) return [];
    return this.#kept.slice(-Math.floor(count)).flatMap(({ item: { payload, topic, receivedAt, trust } }) => {
      const { envelope } = Message.fromPayload(payload, { topic, receivedAt, trust, origin: undefined });
      return envelope === undefined ? [] : [{ ...envelope, type: "inform" as const, replay: true }];
    });
  }

  /** Forgets everything. */
  clear(): void {
    for (const { item } of [...this.#kept]) this.remove(item);
  }
}

/** The limits of histories. */
export type HistoryLimits = Pick<Limits, "historyPerRoomMax" | "historyPerRoomMaxBytes" | "historyTotalMaxBytes">;

/** Whoever no connection stands for: the broker. */
const nobody: Party = { network: "", name: "" };

/**
 * The histories of all rooms. Together they stay below `historyTotalMaxBytes`: whoever has said the most in them makes
 * room with what it has said longest ago.
 */
export class Histories {
  /** Bytes of all histories. */
  bytes = 0;
  readonly #shares = new FairShares<KeptMessage>();
  // bound: connections that have spoken in a room · evicts: goes with its connection · owner: Histories
  readonly #parties = new WeakMap<object, Party>();
  readonly #limits: HistoryLimits;

  constructor(limits: HistoryLimits) {
    this.#limits = limits;
  }

  /** Starts to keep the messages of `room`. `close` ends it and removes them. */
  open(room: string, router: Router): { readonly history: RoomHistory; readonly close: () => void } {
    const history = new RoomHistory(this);
    const unsubscribe = router.subscribe(room, history);
    return {
      history,
      close: () => {
        unsubscribe();
        history.clear();
      },
    };
  }

  /** Keeps one message of a room. */
  keep(history: RoomHistory, message: Message): void {
    const { payload, topic, receivedAt, trust, origin } = message.keep();
    this.bytes += payload.length;
    const kept = { payload, topic, receivedAt, trust, history };
    history.add(this.#shares.add(kept, this.#partyOf(origin), Math.ceil(payload.length / 1024)), this.#limits);
    while (this.bytes > this.#limits.historyTotalMaxBytes) {
      const { excess } = this.#shares;
      if (excess === undefined) return;
      excess.history.remove(excess);
    }
  }

  #partyOf(origin: object | undefined): Party {
    if (!isOrigin(origin)) return nobody;
    let party = this.#parties.get(origin);
    if (party === undefined) this.#parties.set(origin, (party = partyOf(origin)));
    return party;
  }
}
