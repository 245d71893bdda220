import type { Clock } from "../../../../src/core/clock.js";

/**
 * What is known of a recipient: `unknown`: nothing yet on this line, so one frame goes to find out. `asked`: that frame
 * is on the line. `here`: everything goes. `absent`: the broker has said so; nothing goes.
 */
export type Presence = "unknown" | "asked" | "here" | "absent";

/** So many names the broker remembers for a session, the oldest goes (Agent Network §3.5). */
const rememberedMax = 32;
/** A name that it should still remember is asked about again after this, milliseconds: it has a bound over all, too. */
const askAgainMs = 5 * 60_000;

/** While some are absent, one is asked about so often, milliseconds. */
const askEveryMs = 10_000;

interface Known {
  presence: Presence;
  /** The frame that finds out. */
  askedBy?: string;
  /** Monotonic milliseconds: when the broker last said that it is absent. */
  toldAt: number;
}

/** Which recipients are here, as far as the broker has told (Agent Network §12.3). */
export class Absent {
  /** Those with messages, the longest absent ones first. */
  // bound: recipients with messages in the outbox · evicts: a recipient with its last message · owner: Absent
  readonly #known = new Map<string, Known>();
  #absent = 0;

  readonly #clock: Clock;
  readonly #ask: (peer: string) => void;
  #cancel: (() => void) | undefined;

  /** @param ask a frame may go to an absent one, to find out whether the broker has forgotten that it is waited for */
  constructor(clock: Clock, ask: (peer: string) => void) {
    this.#clock = clock;
    this.#ask = ask;
  }

  presence(peer: string): Presence {
    return this.#known.get(peer)?.presence ?? "unknown";
  }

  /** A frame has been said to it. */
  said(peer: string, frameId: string): void {
    if (this.presence(peer) === "unknown") this.#set(peer, { presence: "asked", askedBy: frameId, toldAt: 0 });
  }

  /** True if this frame is the one that finds out whether the peer is here. */
  asks(peer: string, frameId: string): boolean {
    const known = this.#known.get(peer);
    return known?.presence === "asked" && known.askedBy === frameId;
  }

  /** The broker says that it is not here. True if that is news. */
  gone(peer: string): boolean {
    const isNews = this.presence(peer) !== "absent";
    this.#set(peer, { presence: "absent", toldAt: this.#clock.monotonic() });
    this.#cancel ??= this.#later();
    return isNews;
  }

  /** It is here: the broker says so, or something of it came. True if that is news. */
  here(peer: string): boolean {
    const presence = this.presence(peer);
    if (presence === "here") return false;
    this.#set(peer, { presence: "here", toldAt: 0 });
    return true;
  }

  /** The frame that should have found out will not: another one may. */
  notAsked(peer: string): void {
    if (this.presence(peer) === "asked") this.#set(peer, { presence: "unknown", toldAt: 0 });
  }

  /** A new line, on which the broker knows nothing of whom this agent waits for: each is asked about once. */
  newLine(): void {
    for (const known of this.#known.values()) {
      known.presence = "unknown";
      delete known.askedBy;
    }
    this.#absent = 0;
  }

  /** Nobody is asked about until one is gone again. */
  lineDown(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Nothing waits for it any more. */
  forget(peer: string): void {
    if (this.presence(peer) === "absent") this.#absent -= 1;
    this.#known.delete(peer);
  }

  #later(): () => void {
    return this.#clock.after(askEveryMs, () => {
      this.#cancel = this.#absent > 0 ? this.#later() : undefined;
      const peer = this.#forgotten();
      if (peer === undefined) return;
      this.#set(peer, { presence: "unknown", toldAt: 0 });
      this.#ask(peer);
    });
  }

  /** An absent one that the broker may have forgotten. They take turns: whoever is absent again is the last. */
  #forgotten(): string | undefined {
    const now = this.#clock.monotonic();
    for (const [peer, { presence, toldAt }] of this.#known)
      if (presence === "absent") return this.#absent > rememberedMax || now - toldAt >= askAgainMs ? peer : undefined;
    return undefined;
  }

  #set(peer: string, known: Known): void {
    this.forget(peer);
    this.#known.set(peer, known);
    if (known.presence === "absent") this.#absent += 1;
  }
}
