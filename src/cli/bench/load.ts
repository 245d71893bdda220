import { setTimeout as pause } from "node:timers/promises";

/** Takes what becomes of the messages that one client of a pair sends to the other. */
export interface PairEvents {
  /** The other client has received it. */
  heard(text: string): void;
  /** The broker has refused it, for this reason. */
  refused(reason: string): void;
  /** The connection of one of the two was lost: nothing more will be received. */
  lost(reason: string): void;
}

/** Two clients; one of them sends to the other. */
export interface Pair {
  /** Resolves when the message has been sent. */
  say(text: string): Promise<void>;
  close(): Promise<void>;
}

/** Connects a pair under these names, which nobody else uses. */
export type OpenPair = (names: readonly [speaker: string, hearer: string], events: PairEvents) => Promise<Pair>;

/** How many messages are sent, by how many pairs, for how long. */
export interface Load {
  readonly pairs: number;
  readonly seconds: number;
  /** Bytes of one text. */
  readonly size: number;
  /** Messages per second of each pair; 0: as fast as they are received. */
  readonly rate: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** The broker has ended: nothing more is sent or waited for. */
  readonly lost: AbortSignal;
}

/** The counts of a load so far. */
export interface Tally {
  readonly latencies: Latencies;
  sent: number;
  heard: number;
  refused: number;
  /** Why messages were refused or connections were lost, each reason once. */
  readonly reasons: Set<string>;
  /** From the first message sent to the last one sent, received or refused, milliseconds. */
  elapsedMs: number;
}

/** How many messages of one pair may be under way if there is no rate. */
const windowMax = 64;
/** How many messages of one pair are sent in one turn of the event loop at most. */
const perTurnMax = 100;
/** If nothing is received for so long, the messages under way are lost, milliseconds. */
const silenceMs = 2_000;
const reasonsMax = 5;

/** An empty tally. */
export function newTally(): Tally {
  // bound: reasonsMax · evicts: a further reason is not kept · owner: Tally
  const reasons = new Set<string>();
  return { latencies: new Latencies(), sent: 0, heard: 0, refused: 0, reasons, elapsedMs: 0 };
}

/**
 * Connects all pairs, lets each send, waits for what is under way, and closes them. `tally` is counted up meanwhile.
 * @throws what a client throws while it connects
 */
export async function runLoad(
  load: Load,
  open: OpenPair,
  tally: Tally,
  names: (pair: number) => readonly [string, string],
): Promise<void> {
  const opened: Speaker[] = [];
  try {
    for (let at = 0; at < load.pairs && !load.signal.aborted; at += 1)
      opened.push(await Speaker.open(names(at), open, tally));
    const startAt = performance.now();
    await Promise.race([Promise.all(opened.map((speaker) => speaker.speak(load, startAt))), aborted(load.lost)]);
    const saidAt = performance.now();
    if (!load.lost.aborted) await settled(tally);
    tally.elapsedMs = Math.max(...opened.map(({ lastAt }) => lastAt), saidAt) - startAt;
  } finally {
    await Promise.all(opened.map((speaker) => speaker.close()));
  }
}

/** Sends the messages of one pair and counts what becomes of them. */
class Speaker {
  /** When a message was last received or refused, on the monotonic clock. */
  lastAt = performance.now();
  readonly #tally: Tally;
  #pair: Pair | undefined;
  #phase: "open" | "lost" | "closed" = "open";
  #underWay = 0;

  private constructor(tally: Tally) {
    this.#tally = tally;
  }

  static async open(names: readonly [string, string], open: OpenPair, tally: Tally): Promise<Speaker> {
    const speaker = new Speaker(tally);
    speaker.#pair = await open(names, {
      heard: (text) => {
        tally.heard += 1;
        speaker.#answered();
        tally.latencies.add(Math.max(0, speaker.lastAt - Number.parseFloat(text)));
      },
      refused: (reason) => {
        tally.refused += 1;
        speaker.#answered();
        speaker.#because(reason);
      },
      lost: (reason) => {
        if (speaker.#phase !== "open") return;
        speaker.#phase = "lost";
        speaker.#because(`a connection was lost: ${reason}`);
      },
    });
    return speaker;
  }

  async speak({ seconds, size, rate, signal, lost }: Load, startAt: number): Promise<void> {
    const filling = "x".repeat(size);
    let said = 0;
    for (
      let now = startAt;
      this.#phase === "open" && !signal.aborted && !lost.aborted && now - startAt < seconds * 1_000;
      now = performance.now()
    ) {
      // After so long a silence those under way are lost: new ones take their place.
      if (this.#underWay > 0 && now - this.lastAt > silenceMs) this.#underWay = 0;
      const due = rate === 0 ? windowMax - this.#underWay : Math.floor(((now - startAt) * rate) / 1_000) + 1 - said;
      for (let left = Math.min(due, perTurnMax); left > 0; left -= 1) {
        said += 1;
        this.#tally.sent += 1;
        this.#underWay += 1;
        if (!(await this.#say(`${performance.now().toFixed(3)} ${filling}`.slice(0, size)))) return;
      }
      await pause(due >= perTurnMax ? 0 : 1);
    }
  }

  /** @returns false if the connection is lost */
  async #say(text: string): Promise<boolean> {
    try {
      await this.#pair?.say(text);
      return true;
    } catch (thrown) {
      this.#phase = "lost";
      this.#because(thrown instanceof Error ? thrown.message : String(thrown));
      return false;
    }
  }

  async close(): Promise<void> {
    if (this.#phase === "open") this.#phase = "closed";
    await this.#pair?.close();
  }

  #answered(): void {
    this.#underWay = Math.max(0, this.#underWay - 1);
    this.lastAt = performance.now();
  }

  #because(reason: string): void {
    if (this.#tally.reasons.size < reasonsMax) this.#tally.reasons.add(reason);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener(
      "abort",
      () => {
        resolve();
      },
      { once: true },
    );
  });
}

/** Resolves when every message has been received or refused, or none has been for `silenceMs`. */
async function settled(tally: Tally): Promise<void> {
  let before = -1;
  for (let quietMs = 0; tally.sent > tally.heard + tally.refused && quietMs < silenceMs; quietMs += 20) {
    if (tally.heard + tally.refused !== before) quietMs = 0;
    before = tally.heard + tally.refused;
    await pause(20);
  }
}

/** Each bucket is wider than the one before by this factor: a quantile is right within 2 %. */
const growth = 1.02;
const buckets = 1_024; // up to 630 s

/** Counts latencies in buckets, so that their memory does not grow with their number. */
export class Latencies {
  readonly #counts = new Uint32Array(buckets);
  #count = 0;
  #maxMs = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The longest, milliseconds. */
  get maxMs(): number {
    return this.#maxMs;
  }

  add(ms: number): void {
    const at = Math.min(buckets - 1, Math.max(0, Math.ceil(Math.log(ms * 1_000) / Math.log(growth))));
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  /** The latency that this share of them does not exceed, milliseconds; undefined if there are none. */
  quantile(share: number): number | undefined {
    let left = share * this.#count;
    for (const [at, count] of this.#counts.entries()) {
      left -= count;
      if (count > 0 && left <= 0) return Math.min(growth ** at / 1_000, this.#maxMs);
    }
    return undefined;
  }
}
