import type { Clock } from "../../../../src/core/clock.js";
import type { Ahead } from "./ahead.js";
import type { Lane } from "./lane.js";
import type { OutboxPorts } from "./outbox-ports.js";
import type { Pace } from "./pace.js";
import { Turns } from "./turns.js";

/**
 * What came of a lane's turn. `said`: a frame is on the line. `skipped`: none, but there may be another. `nothing`: it
 * has nothing to say until something happens. `no line`: there is none now.
 */
export type Turn = "said" | "skipped" | "nothing" | "no line";

/** So many turns are taken at once; others run before the next ones. */
const turnsMax = 64;
/** A line that does not take a frame, though nobody said that it is lost, is tried again after this, milliseconds. */
const noLineMs = 1_000;

/** Gives the line to whoever has something to say, as fast as the pace allows. */
export class Speaker {
  readonly #turns = new Turns();
  readonly #clock: Clock;
  readonly #pace: Pace;
  readonly #ahead: Ahead;
  readonly #ports: Pick<OutboxPorts, "write" | "problem">;
  readonly #speak: (lane: Lane) => Turn;
  #line: "up" | "down" = "down";
  #isSpeaking = false;
  #cancel: (() => void) | undefined;

  /** @param speak says the next frame of a lane; what it tells may wake lanes, not speak itself */
  constructor(
    clock: Clock,
    pace: Pace,
    ahead: Ahead,
    ports: Pick<OutboxPorts, "write" | "problem">,
    speak: (lane: Lane) => Turn,
  ) {
    this.#clock = clock;
    this.#pace = pace;
    this.#ahead = ahead;
    this.#ports = ports;
    this.#speak = speak;
  }

  get hasLine(): boolean {
    return this.#line === "up";
  }

  /** It may have something to say. */
  wake(lane: Lane): void {
    this.#turns.add(lane);
  }

  /** It has nothing to say. */
  drop(lane: Lane): void {
    this.#turns.remove(lane);
  }

  lineUp(): void {
    this.#line = "up";
  }

  lineDown(): void {
    this.#line = "down";
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Says what may be said now, and the rest when the pace allows. */
  run(): void {
    if (this.#isSpeaking || this.#line === "down") return;
    this.#isSpeaking = true;
    this.#cancel?.();
    this.#cancel = undefined;
    try {
      for (let turn = 0; turn < turnsMax; turn += 1) {
        const waitMs = this.#turn();
        if (waitMs === undefined) return;
        if (waitMs > 0) {
          this.#later(waitMs);
          return;
        }
      }
      this.#later(0);
    } finally {
      this.#isSpeaking = false;
    }
  }

  /** Takes a turn. Milliseconds until the next one, 0: at once; undefined: when somebody wakes. */
  #turn(): number | undefined {
    const lane = this.#turns.first();
    const isAhead = this.#ahead.isNext(lane !== undefined);
    if (!isAhead && lane === undefined) return undefined;
    const waitMs = this.#pace.wait();
    if (waitMs > 0) return waitMs;
    const turn = isAhead || lane === undefined ? this.#sayAhead() : this.#speak(lane);
    if (turn === "said") {
      this.#pace.take();
      this.#ahead.said(isAhead);
    }
    if (turn === "no line") return this.hasLine ? noLineMs : undefined;
    if (isAhead || lane === undefined) return 0;
    if (turn === "nothing") this.#turns.remove(lane);
    else this.#turns.last(lane);
    return 0;
  }

  #sayAhead(): Turn {
    try {
      const frame = this.#ahead.take();
      if (frame === undefined) return "skipped";
      return this.#ports.write(frame) ? "said" : "no line";
    } catch (error) {
      this.#ports.problem(error);
      return "skipped";
    }
  }

  #later(ms: number): void {
    if (this.#line === "down") return;
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      this.run();
    });
  }
}
