import { appendFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Dice } from "../../test/fuzz/dice.js";

/** What a scenario measured, in the order in which it stands in the report. */
export type Numbers = Record<string, number | string>;

/** What a scenario is given. */
export interface Course {
  /** Throws the same for the same seed. */
  readonly dice: Dice;
  /** Notes what was measured. */
  note(numbers: Numbers): void;
  /** Does this at the end, whatever happens; the last one first. */
  finally(end: () => void | Promise<void>): void;
}

/** A fault, and what must hold under it. */
export interface Scenario {
  /** Its place in the report. */
  readonly number: number;
  readonly title: string;
  /** One sentence for the report: what is done to whom. */
  readonly done: string;
  readonly limitMs: number;
  readonly run: (course: Course) => Promise<void>;
}

/** Seed of the run: `npm run chaos -- --seed N`. */
export const seed = Number(process.env["CHAOS_SEED"] ?? 1);

/** Runs a scenario as a test, and writes a line about it for the report: one when it begins, one when it is over. */
export function scenario({ number, title, done, limitMs, run }: Scenario): void {
  it(title, { timeout: limitMs }, async () => {
    const { course, numbers, end } = courseOf(seed * 1_000 + number);
    const startedAt = performance.now();
    tell({ number, title, done, verdict: "did not end", numbers: {}, seconds: 0 });
    let verdict = "held";
    try {
      await run(course);
    } catch (thrown) {
      verdict = `BROKEN: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      throw thrown;
    } finally {
      const failed = (await end()).join("; ");
      if (failed !== "") verdict = verdict === "held" ? `BROKEN: ${failed}` : `${verdict}; ${failed}`;
      tell({ number, title, done, verdict, numbers, seconds: Math.round((performance.now() - startedAt) / 1_000) });
    }
    expect(verdict).toBe("held");
  });
}

/** A course whose dice have this seed, what is noted in it, and how it ends: `end` resolves with what went wrong. */
export function courseOf(ofDice: number): {
  readonly course: Course;
  readonly numbers: Numbers;
  readonly end: () => Promise<readonly string[]>;
} {
  const numbers: Numbers = {};
  const ends: (() => void | Promise<void>)[] = [];
  const course: Course = {
    dice: new Dice(ofDice),
    note: (more) => Object.assign(numbers, more),
    finally: (end) => {
      ends.push(end);
    },
  };
  return { course, numbers, end: () => endAll(ends) };
}

/** Does all of them, the last one first. @returns what went wrong */
async function endAll(ends: readonly (() => void | Promise<void>)[]): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const end of [...ends].reverse()) {
    try {
      await end();
    } catch (thrown) {
      failed.push(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
  return failed;
}

function tell(line: object): void {
  const file = process.env["CHAOS_RESULTS"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
}
