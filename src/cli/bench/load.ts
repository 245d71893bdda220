import { setTimeout as pause } from "node:timers/promises";
import { Latencies } from "./latencies.js";
import type { OpenPair, Pair } from "./pair.js";

/** How much is said. */
export interface Load {
  readonly pairs: number;
  readonly seconds: number;
  /** Bytes of one text. */
  readonly size: number;
  /** Messages per second of each pair; 0: as fast as they are heard. */
  readonly rate: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** The broker has gone: nothing more is said or waited for. */
  readonly lost: AbortSignal;
}

/** What has become of it so far. */
export interface Tally {
  readonly latencies: Latencies;
  sent: number;
  heard: number;
  refused: number;
  /** Why something was refused, or a line lost; the first of each. */
  readonly reasons: Set<string>;
  /** From the first word to the end of speaking, or to the last that was heard if that is later, milliseconds. */
  elapsedMs: number;
}

/** Messages of one pair that may be under way when there is no rate. */
const windowMax = 64;
/** Said in one turn of the event loop at most. */
const turnMax = 100;
/** What has not been heard after this long a silence is lost, milliseconds. */
const silenceMs = 2_000;
const reasonsMax = 5;

/** An empty tally. */
export function newTally(): Tally {
  // bound: reasonsMax · evicts: a further reason is not kept · owner: Tally
  const reasons = new Set<string>();
  return { latencies: new Latencies(), sent: 0, heard: 0, refused: 0, reasons, elapsedMs: 0 };
}

/**
 * Connects all pairs, lets each speak, waits for what is under way, and lets them go. `tally` tells how far it is.
 * @throws whatever a client throws while it connects
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

/** One pair at work. */
class Speaker {
  /** When something was last heard or refused, on the monotonic clock. */
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
        speaker.#because(`a line was lost: ${reason}`);
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
      // they are lost, and nothing answers for them
      if (this.#underWay > 0 && now - this.lastAt > silenceMs) this.#underWay = 0;
      const due = rate === 0 ? windowMax - this.#underWay : Math.floor(((now - startAt) * rate) / 1_000) + 1 - said;
      for (let left = Math.min(due, turnMax); left > 0; left -= 1) {
        said += 1;
        this.#tally.sent += 1;
        this.#underWay += 1;
        if (!(await this.#say(`${performance.now().toFixed(3)} ${filling}`.slice(0, size)))) return;
      }
      await pause(due >= turnMax ? 0 : 1);
    }
  }

  /** @returns false if the line is lost */
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

/** Resolves when everything has been heard or refused, or nothing has for a while. */
async function settled(tally: Tally): Promise<void> {
  let before = -1;
  for (let quietMs = 0; tally.sent > tally.heard + tally.refused && quietMs < silenceMs; quietMs += 20) {
    if (tally.heard + tally.refused !== before) quietMs = 0;
    before = tally.heard + tally.refused;
    await pause(20);
  }
}
