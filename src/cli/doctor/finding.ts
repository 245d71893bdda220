import type { Layered } from "../../config/index.js";
import type { DataDirectory, Endpoints } from "../../storage/index.js";

/** What one check has found. */
export interface Finding {
  readonly check: string;
  /** `skipped`: something that failed before leaves nothing to look at. */
  readonly result: "good" | "warning" | "failed" | "skipped";
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** Whom the doctor looks at. */
export interface Patient {
  /** Undefined if the configuration cannot be read. */
  readonly layered: Layered | undefined;
  readonly data: DataDirectory;
  /** Where the broker of this data directory can be reached; undefined if none runs. */
  readonly endpoints: Endpoints | undefined;
}

/** Looks at one thing. It tells what is wrong by findings and throws nothing. */
export type Check = (patient: Patient) => readonly Finding[] | Promise<readonly Finding[]>;

/** The reason in a thrown value, with what is behind it. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause instanceof Error ? `${thrown.message} (${thrown.cause.message})` : thrown.message;
}

/** Runs something that has to come to an end. @returns how long it took, milliseconds @throws what it throws */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startAt = performance.now();
  await work();
  return Math.round(performance.now() - startAt);
}
