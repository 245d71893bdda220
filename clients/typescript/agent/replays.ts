import { randomUUID } from "node:crypto";
import { brokerTopic, Fault, LoopClock, type Clock, type Envelope } from "../../../src/core/index.js";
import { listedCount } from "./incoming.js";

/** One question for a room's past. */
interface Asked {
  readonly room: string;
  readonly heard: Envelope[];
  /** So many messages follow the answer; undefined before it. */
  count: number | undefined;
  readonly resolve: (past: readonly Envelope[]) => void;
  readonly reject: (fault: Fault) => void;
}

/** The past of a room may follow answers of these kinds, also those that another program of the name has asked for. */
const followedKinds = /^room\.(history|join)$/;

/**
 * The past of rooms that an agent has asked for. The broker sends it right behind its answer, on the agent's own topic,
 * and nothing between them (protocols §1.12).
 */
export class Replays {
  // bound: pendingMax, as each is a request that waits · evicts: when its past is whole, lost or late · owner: Replays
  readonly #asked = new Map<string, Asked>();
  readonly #name: string;
  readonly #clock: Clock;
  /** The question whose answer came last: what comes now is for it. */
  #current: Asked | undefined;

  /** @param name the agent that asks */
  constructor(name: string, clock: Clock = new LoopClock()) {
    this.#name = name;
    this.#clock = clock;
  }

  /**
   * Waits for what follows the answer to the request `id`.
   * @returns the messages, oldest first, and how to wait no longer
   * @throws Fault timeout, slow-consumer (some of them were dropped on their way), going-away
   */
  want(
    id: string,
    room: string,
    timeoutMs: number,
  ): { readonly past: Promise<readonly Envelope[]>; forget(this: void): void } {
    let forget: () => void = () => undefined;
    const past = new Promise<readonly Envelope[]>((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => {
        asked.reject(new Fault("timeout", `the past of ${room} did not come within ${timeoutMs} ms; ask for it again`));
      });
      forget = () => {
        cancel();
        this.#asked.delete(id);
        if (this.#current === asked) this.#current = undefined;
      };
      const asked: Asked = {
        room,
        heard: [],
        count: undefined,
        resolve: (messages) => {
          forget();
          resolve(messages);
        },
        reject: (fault) => {
          forget();
          reject(fault);
        },
      };
      this.#asked.set(id, asked);
    });
    return { past, forget };
  }

  /** Asks for a room's past by `ask`, and waits for the answer and for what follows it. @throws Fault as {@link want} */
  async ask(
    room: string,
    timeoutMs: number,
    ask: (messageId: string) => Promise<Envelope>,
  ): Promise<{ readonly messages: readonly Envelope[]; readonly answer: Envelope }> {
    const messageId = randomUUID();
    const { past, forget } = this.want(messageId, room, timeoutMs);
    const [messages, answer] = await Promise.all([past, ask(messageId)]).finally(forget);
    return { messages, answer };
  }

  /** An answer has come: what follows is for it, and no more of what followed the one before. */
  answered(answer: Envelope): void {
    const { in_reply_to: id, type, from, content } = answer;
    if (type !== "response") return;
    const asked = id === undefined ? undefined : this.#asked.get(id);
    if (asked === undefined && !(from === brokerTopic && followedKinds.test(content.kind ?? ""))) return;
    this.#current?.reject(lost(this.#current.room));
    if (asked === undefined) return;
    asked.count = listedCount(answer);
    this.#current = asked;
    this.#settle(asked);
  }

  /** Takes a message of the past that somebody here waits for. @returns false if nobody does */
  take(topic: string, envelope: Envelope): boolean {
    const asked = this.#current;
    if (asked === undefined || envelope.replay !== true || topic !== this.#name || envelope.to !== asked.room)
      return false;
    asked.heard.push(envelope);
    this.#settle(asked);
    return true;
  }

  /** Ends every wait. */
  close(fault: Fault): void {
    for (const asked of [...this.#asked.values()]) asked.reject(fault);
  }

  #settle(asked: Asked): void {
    if (asked.heard.length >= (asked.count ?? Infinity)) asked.resolve(asked.heard);
  }
}

function lost(room: string): Fault {
  return new Fault(
    "slow-consumer",
    `some of the past of ${room} was dropped on its way; ask for it again, or for less`,
  );
}
