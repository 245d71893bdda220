import {
  FairShares,
  isOrigin,
  partyOf,
  type Limits,
  type Message,
  type Party,
  type Router,
  type Share,
  type Subscriber,
} from "../core/index.js";
import { ReadyPast, type KeptMessage, type Past } from "./past.js";

/** A message of a room. No frame that was rendered for its receivers stays in memory with it. */
interface RoomMessage extends KeptMessage {
  readonly history: RoomHistory;
  readonly past: Past;
}

/** The last messages of one public room. It subscribes like a member but does not count as a receiver. */
export class RoomHistory implements Subscriber {
  /** Bytes of all messages kept here. */
  bytes = 0;
  #kept: Share<RoomMessage>[] = [];
  readonly #histories: Histories;

  constructor(histories: Histories) {
    this.#histories = histories;
  }

  deliver(message: Message): boolean {
    this.#histories.keep(this, message);
    return false;
  }

  /** Adds a message; beyond the limits of one room the oldest ones are removed. */
  add(kept: Share<RoomMessage>, limits: HistoryLimits): void {
    this.#kept.push(kept);
    this.bytes += kept.item.payload.length;
    while (this.#kept.length > limits.historyPerRoomMax || this.bytes > limits.historyPerRoomMaxBytes) {
      const [oldest] = this.#kept;
      if (oldest === undefined) return;
      this.remove(oldest.item);
    }
  }

  /** Removes a message. */
  remove(message: RoomMessage): void {
    const at = this.#kept.findIndex(({ item }) => item === message);
    const [share] = at === -1 ? [] : this.#kept.splice(at, 1);
    if (share === undefined) return;
    share.end();
    this.bytes -= message.payload.length;
    this.#histories.bytes -= message.payload.length;
    this.#histories.ready.forget(message);
  }

  /** The last `count` messages, oldest first. */
  last(count: number): readonly Past[] {
    return count >= 1 ? this.#kept.slice(-Math.floor(count)).map(({ item: { past } }) => past) : [];
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
  /** What was asked for lately. */
  readonly ready: ReadyPast;
  readonly #shares = new FairShares<RoomMessage>();
  // bound: connections that have spoken in a room · evicts: goes with its connection · owner: Histories
  readonly #parties = new WeakMap<object, Party>();
  readonly #limits: HistoryLimits;

  constructor(limits: HistoryLimits) {
    this.#limits = limits;
    this.ready = new ReadyPast(limits.historyPerRoomMaxBytes);
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
    const past: Past = { bytes: payload.length, message: () => this.ready.of(kept) };
    const kept: RoomMessage = { payload, topic, receivedAt, trust, history, past };
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
