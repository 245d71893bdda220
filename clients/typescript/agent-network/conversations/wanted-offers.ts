import type { Clock } from "../../../../src/core/clock.js";
import { Allowance } from "./allowance.js";
import type { Conversation } from "./conversation-table.js";

/** A conversation wants a new offer this often at most, milliseconds (Agent Network §11.4). */
export const wantEveryMs = 60_000;
/** Offers that one peer can make wanted, over all its conversations. */
export const wantsOfPeer = Object.freeze({ burst: 10, everyMs: 6_000 });
/** Offers to peers that are not pinned, of all of them together: a stranger can be anybody. */
export const wantsOfStrangers = Object.freeze({ burst: 10, everyMs: 6_000 });

/** Decides when what came from others makes a new offer wanted. */
export class WantedOffers {
  readonly #clock: Clock;
  readonly #want: (peer: string, conversationId: string) => void;
  readonly #ofPeer: Allowance;
  readonly #ofStranger: Allowance;
  readonly #ofStrangers: Allowance;

  constructor(clock: Clock, want: (peer: string, conversationId: string) => void) {
    this.#clock = clock;
    this.#want = want;
    this.#ofPeer = new Allowance(clock, wantsOfPeer);
    this.#ofStranger = new Allowance(clock, { burst: 1, everyMs: wantEveryMs });
    this.#ofStrangers = new Allowance(clock, wantsOfStrangers);
  }

  /** A frame of a pinned peer shows that the two have no key in common. */
  of(conversation: Conversation): void {
    const now = this.#clock.monotonic();
    if (now - conversation.wantedAt < wantEveryMs || !this.#ofPeer.take(conversation.peer)) return;
    conversation.wantedAt = now;
    conversation.isRenewing = true;
    this.#want(conversation.peer, conversation.id);
  }

  /** A sealed frame came from somebody who is not pinned: perhaps this side has lost its memory. */
  ofStranger(peer: string, conversationId: string): void {
    if (this.#ofStranger.take(peer) && this.#ofStrangers.take("")) this.#want(peer, conversationId);
  }
}
