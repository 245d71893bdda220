import type { NetworkFrame } from "../frames.js";

/** A frame that goes ahead of messages, or what makes it when its turn comes; undefined: it is not needed any more. */
export type AheadFrame = NetworkFrame | (() => NetworkFrame | undefined);

/** Answers to handshakes that wait for the line; whoever asked asks again. */
const answersMax = 256;
/** After so many in a row a message has its turn, if one wants it: whoever is told much still gets a word in. */
const inRowMax = 3;

/** Answers to handshakes, and receipts: what others wait for (Agent Network §12.2). */
export class Ahead {
  readonly #answers: NetworkFrame[] = [];
  // bound: one of each conversation that Receipts holds · evicts: when its turn comes · owner: Ahead
  readonly #made = new Set<() => NetworkFrame | undefined>();
  #inRow = 0;

  push(frame: AheadFrame): void {
    if (typeof frame === "function") this.#made.add(frame);
    else {
      this.#answers.push(frame);
      if (this.#answers.length > answersMax) this.#answers.shift();
    }
  }

  /** True if one of these is to be said now. @param others whether a message wants to be said, too */
  isNext(others: boolean): boolean {
    return (this.#answers.length > 0 || this.#made.size > 0) && !(others && this.#inRow >= inRowMax);
  }

  /** The first of them, which is taken out; undefined: it was not needed. */
  take(): NetworkFrame | undefined {
    const answer = this.#answers.shift();
    if (answer !== undefined) return answer;
    for (const make of this.#made) {
      this.#made.delete(make);
      return make();
    }
    return undefined;
  }

  /** An answer in this conversation, which is taken out. */
  answerTo(peer: string, conversationId: string): NetworkFrame | undefined {
    if (this.#answers.length === 0) return undefined;
    const isIt = (frame: NetworkFrame): boolean =>
      frame.recipientId === peer && frame.conversationId === conversationId;
    const at = this.#answers.findIndex(isIt);
    return at === -1 ? undefined : this.#answers.splice(at, 1)[0];
  }

  /** One of these was said, or else a message. */
  said(wasAhead: boolean): void {
    this.#inRow = wasAhead ? this.#inRow + 1 : 0;
  }

  /** The line is lost: an answer would come too late; receipts are still owed. */
  lineDown(): void {
    this.#answers.length = 0;
  }
}
