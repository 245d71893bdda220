import type { Clock } from "../../../../src/core/clock.js";

/** How long receipts are gathered, milliseconds, and how many go in one (Agent Network §12.1). */
const gatherMs = 200;
const idsMax = 100;
/** So many bytes of ids go in one, as JSON: sealed they still fit into a frame. */
const idsMaxBytes = 32 * 1024;
/** Conversations, and ids of one, whose receipts wait for the line; without one the sender says its message again. */
const conversationsMax = 4_096;
const waitingMax = 1_000;
const utf8 = new TextEncoder();

interface Owed {
  readonly peer: string;
  readonly conversationId: string;
  // bound: waitingMax · evicts: with the receipt; the oldest for a new one · owner: Receipts
  readonly ids: Set<string>;
  /** `gathering`: until its time is over. `called`: the outbox knows, and takes the ids when it is their turn. */
  phase: "gathering" | "called";
  cancel: () => void;
}

/**
 * Gathers what was processed into few receipts. Ids go on gathering until the receipt has its turn on the line, so that
 * many conversations at once cost no more frames than the pace allows.
 */
export class Receipts {
  readonly #clock: Clock;
  readonly #call: (peer: string, conversationId: string, take: () => readonly string[]) => void;
  // bound: conversationsMax · evicts: with its receipt; the oldest for a new one · owner: Receipts
  readonly #owed = new Map<string, Owed>();

  /**
   * @param call one receipt is due; `take` gives its ids when it is sealed: none if it is not needed any more. It is
   * handed to the outbox as what makes a frame (`answer`)
   */
  constructor(clock: Clock, call: (peer: string, conversationId: string, take: () => readonly string[]) => void) {
    this.#clock = clock;
    this.#call = call;
  }

  /** A message was processed: the handler has ended, and its id is kept. */
  processed(peer: string, conversationId: string, messageId: string): void {
    const owed = this.#owedTo(peer, conversationId);
    owed.ids.add(messageId);
    if (owed.ids.size > waitingMax) for (const oldest of owed.ids) return void owed.ids.delete(oldest);
    if (owed.ids.size >= idsMax) this.#due(owed);
  }

  /** All that is owed is due now. */
  flush(): void {
    for (const owed of [...this.#owed.values()]) this.#due(owed);
  }

  /** Nothing is gathered any more. */
  close(): void {
    for (const { cancel } of this.#owed.values()) cancel();
    this.#owed.clear();
  }

  #owedTo(peer: string, conversationId: string): Owed {
    const key = keyOf(peer, conversationId);
    const known = this.#owed.get(key);
    if (known !== undefined) return known;
    if (this.#owed.size >= conversationsMax)
      for (const [oldest, { cancel }] of this.#owed) {
        cancel();
        this.#owed.delete(oldest);
        break;
      }
    const owed: Owed = { peer, conversationId, ids: new Set(), phase: "gathering", cancel: () => undefined };
    owed.cancel = this.#clock.after(gatherMs, () => {
      this.#due(owed);
    });
    this.#owed.set(key, owed);
    return owed;
  }

  #due(owed: Owed): void {
    if (owed.phase === "called") return;
    owed.cancel();
    owed.phase = "called";
    this.#call(owed.peer, owed.conversationId, () => this.#take(owed));
  }

  #take(owed: Owed): readonly string[] {
    const taken: string[] = [];
    let bytes = 0;
    for (const id of owed.ids) {
      bytes += utf8.encode(JSON.stringify(id)).length + 1;
      if (taken.length === idsMax || (bytes > idsMaxBytes && taken.length > 0)) break;
      taken.push(id);
    }
    for (const id of taken) owed.ids.delete(id);
    const key = keyOf(owed.peer, owed.conversationId);
    if (this.#owed.get(key) !== owed) return taken;
    if (owed.ids.size === 0) this.#owed.delete(key);
    else {
      owed.phase = "gathering";
      owed.cancel = this.#clock.after(0, () => {
        this.#due(owed);
      });
    }
    return taken;
  }
}

function keyOf(peer: string, conversationId: string): string {
  return JSON.stringify([peer, conversationId]);
}
