import { Message, type Envelope, type Limits, type Router, type Subscriber, type Trust } from "../core/index.js";

/** A message as it is kept: bytes only, so that no frame rendered for its receivers stays in memory with it. */
interface KeptMessage {
  readonly payload: Buffer;
  readonly topic: string;
  readonly receivedAt: number;
  readonly trust: Trust;
}

/** The last messages of one public room. It subscribes like a member but does not count as a receiver. */
export class RoomHistory implements Subscriber {
  /** Bytes of all messages kept here. */
  bytes = 0;
  #kept: KeptMessage[] = [];
  readonly #histories: Histories;

  constructor(histories: Histories) {
    this.#histories = histories;
  }

  deliver(message: Message): boolean {
    this.#histories.keep(this, message);
    return false;
  }

  /** Adds a message; beyond the limits of one room the oldest ones are removed. */
  add(message: Message, limits: HistoryLimits): void {
    const { payload, topic, receivedAt, trust } = message.keep();
    this.#kept.push({ payload, topic, receivedAt, trust });
    this.bytes += payload.length;
    while (this.#kept.length > limits.historyPerRoomMax || this.bytes > limits.historyPerRoomMaxBytes) {
      this.bytes -= this.#kept.shift()?.payload.length ?? this.bytes;
    }
  }

  /** The last `count` messages, oldest first, as replays. */
  last(count: number): readonly Envelope[] {
    if (!(count >= 1)) return [];
    return this.#kept.slice(-Math.floor(count)).flatMap(({ payload, ...arrival }) => {
      const { envelope } = Message.fromPayload(payload, { ...arrival, origin: undefined });
      return envelope === undefined ? [] : [{ ...envelope, type: "inform" as const, replay: true }];
    });
  }

  /** Forgets everything. */
  clear(): void {
    this.#kept = [];
    this.bytes = 0;
  }
}

/** The limits of histories. */
export type HistoryLimits = Pick<Limits, "historyPerRoomMax" | "historyPerRoomMaxBytes" | "historyTotalMaxBytes">;

/** The histories of all rooms. Together they stay below `historyTotalMaxBytes`. */
export class Histories {
  /** Bytes of all histories. */
  bytes = 0;
  // bound: roomsMax · evicts: beyond historyTotalMaxBytes the room that has been silent longest is forgotten · owner:
  // Histories
  readonly #bySilence = new Set<RoomHistory>();
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
        this.#forget(history);
      },
    };
  }

  /** Keeps one message of a room. */
  keep(history: RoomHistory, message: Message): void {
    const before = history.bytes;
    history.add(message, this.#limits);
    this.bytes += history.bytes - before;
    this.#bySilence.delete(history);
    this.#bySilence.add(history);
    for (const silent of this.#bySilence) {
      if (this.bytes <= this.#limits.historyTotalMaxBytes) return;
      this.#forget(silent);
    }
  }

  #forget(history: RoomHistory): void {
    this.bytes -= history.bytes;
    history.clear();
    this.#bySilence.delete(history);
  }
}
