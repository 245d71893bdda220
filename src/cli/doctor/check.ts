import type { Layered } from "../../config/index.js";
import type { DataDirectory, Endpoints } from "../../storage/index.js";

/** What one check has found. */
export interface Finding {
  readonly check: string;
  /** `skipped`: there is nothing to check, because an earlier check failed or the system cannot tell. */
  readonly result: "good" | "warning" | "failed" | "skipped";
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** What the doctor checks: a configuration, its data directory, and the broker that runs there. */
export interface Installation {
  /** Undefined if the configuration cannot be read. */
  readonly layered: Layered | undefined;
  readonly data: DataDirectory;
  /** Where the broker of this data directory can be reached; undefined if none runs. */
  readonly endpoints: Endpoints | undefined;
}

/** Checks one thing. It reports what is wrong as findings and throws nothing. */
export type Check = (installation: Installation) => readonly Finding[] | Promise<readonly Finding[]>;

/** The message of what was thrown, with the message of its cause. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause instanceof Error ? `${thrown.message} (${thrown.cause.message})` : thrown.message;
}

/** Runs `work` to its end. @returns how long it took, milliseconds @throws what `work` throws */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startAt = performance.now();
  await work();
  return Math.round(performance.now() - startAt);
}
