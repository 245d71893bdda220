/** A question of one agent to another, and what each side calls it (Agent Network §4.4). */
export interface Exchange {
  /** Who is at the other end. */
  readonly peer: string;
  /** What the core calls it: `message_id` of the request. */
  readonly messageId: string;
  /** What Agent Network calls it: `requestId` or `proposalId`; the message's own id where the type has neither. */
  readonly id: string;
  readonly conversationId?: string | undefined;
}

interface Entry extends Exchange {
  state: "open" | "answered";
}

/** Exchanges of one session at most, of its own and of others together. */
export const exchangesMax = 256;
/** What their ids may take in memory, bytes; strangers choose them. */
export const exchangesMaxBytes = 64 * 1024;
/** Conversations of one session that are remembered with whom they are led. */
export const exchangeConversationsMax = 64;
/** About what an entry takes beside its texts. */
const entryBytes = 96;

/**
 * What one session has asked others, and what others have asked it: which `requestId` or `proposalId` stands for which
 * message. Ids repeat in the wild, so a key is the peer and the id, the oldest open one first; an answered one is still
 * known, for answers that come in parts (protocols §3.1).
 */
export class OpenExchanges {
  // bound: exchangesMax and exchangesMaxBytes, with #ofOthers · evicts: an answered one, else the oldest of the side that
  // takes more; what others ask evicts none that is open · owner: OpenExchanges
  readonly #own: Entry[] = [];
  // bound: as #own · evicts: as #own · owner: OpenExchanges
  readonly #ofOthers: Entry[] = [];
  // bound: exchangeConversationsMax, keys of 128 bytes and 256 characters · evicts: the oldest · owner: OpenExchanges
  readonly #conversations = new Set<string>();
  #bytes = 0;

  /** Exchanges that are known, answered ones included. */
  get size(): number {
    return this.#own.length + this.#ofOthers.length;
  }

  /** The session asks somebody. The returned function takes it back: the question did not get through. */
  asks(exchange: Exchange): () => void {
    const entry = this.#add(this.#own, exchange);
    return () => {
      this.#remove(this.#own, entry);
    };
  }

  /** Somebody asks the session under an id of its own. What is told twice is known once. */
  isAsked(exchange: Exchange): void {
    const { peer, id, messageId } = exchange;
    if (this.#ofOthers.some((known) => known.peer === peer && known.id === id && known.messageId === messageId)) return;
    this.#add(this.#ofOthers, exchange);
  }

  /** The session's own question to `peer` that an answer to `messageId` is for. */
  ownQuestion(peer: string, messageId: string): Exchange | undefined {
    return find(this.#own, (entry) => entry.peer === peer && entry.messageId === messageId);
  }

  /** The question of `peer` to the session that goes by this `requestId` or `proposalId`. */
  questionOf(peer: string, id: string): Exchange | undefined {
    return find(this.#ofOthers, (entry) => entry.peer === peer && entry.id === id);
  }

  /** True if the session has asked somebody else than `peer` under this id, and not `peer`. */
  isForAnother(peer: string, id: string): boolean {
    const asked = this.#own.filter((entry) => entry.id === id);
    return asked.length > 0 && asked.every((entry) => entry.peer !== peer);
  }

  /** An exchange that one of the above has returned is answered: another of the same id comes first from now on. */
  answered(exchange: Exchange): void {
    for (const entry of [...this.#own, ...this.#ofOthers]) if (entry === exchange) entry.state = "answered";
  }

  /** The session has used this conversation with `peer`. */
  speaksIn(peer: string, conversationId: string): void {
    const key = `${peer}\n${conversationId}`;
    this.#conversations.delete(key);
    this.#conversations.add(key);
    for (const oldest of this.#conversations) {
      if (this.#conversations.size <= exchangeConversationsMax) break;
      this.#conversations.delete(oldest);
    }
  }

  /** True if the session has used this conversation with `peer`. */
  hasSpokenIn(peer: string, conversationId: string): boolean {
    return this.#conversations.has(`${peer}\n${conversationId}`);
  }

  #add(list: Entry[], exchange: Exchange): Entry {
    const entry: Entry = { ...exchange, state: "open" };
    list.push(entry);
    this.#bytes += bytesOf(entry);
    while (this.#isFull) if (!this.#evict(list)) break;
    return entry;
  }

  get #isFull(): boolean {
    return this.size > exchangesMax || this.#bytes > exchangesMaxBytes;
  }

  /**
   * Answered ones go first. Of the open ones what others ask pushes out their own alone, however long their ids are; what
   * the session asks, the oldest of the side that takes more. @returns false if there is nothing left
   */
  #evict(grown: readonly Entry[]): boolean {
    const own = grown === this.#own && this.#takesMore;
    const sides = own ? [this.#own, this.#ofOthers] : [this.#ofOthers, this.#own];
    for (const state of ["answered", "open"])
      for (const side of sides) {
        const entry = side.find((each) => each.state === state);
        if (entry !== undefined) return this.#remove(side, entry);
      }
    return false;
  }

  /** True if the session's own questions take more than those of others of what there is too much of. */
  get #takesMore(): boolean {
    if (this.size > exchangesMax) return this.#own.length >= this.#ofOthers.length;
    return sum(this.#own) >= sum(this.#ofOthers);
  }

  /** @returns true if it was there */
  #remove(list: Entry[], entry: Entry): boolean {
    const at = list.indexOf(entry);
    if (at === -1) return false;
    list.splice(at, 1);
    this.#bytes -= bytesOf(entry);
    return true;
  }
}

/** The oldest open one that fits; else the newest answered one. */
function find(list: readonly Entry[], fits: (entry: Entry) => boolean): Entry | undefined {
  return list.find((entry) => entry.state === "open" && fits(entry)) ?? list.findLast(fits);
}

function bytesOf({ peer, messageId, id, conversationId }: Exchange): number {
  return entryBytes + peer.length + messageId.length + id.length + (conversationId?.length ?? 0);
}

function sum(list: readonly Exchange[]): number {
  return list.reduce((bytes, each) => bytes + bytesOf(each), 0);
}
