import { setTimeout as pause } from "node:timers/promises";
import type { DataDirectory } from "../storage/index.js";

/** How often a command looks whether its broker still runs, milliseconds. */
const lookMs = 250;

/**
 * Calls `gone` once when the broker that runs on this data directory now has ended, another in its place or not.
 * @returns what ends the watch, after a last look
 */
export function watchBroker(data: DataDirectory, gone: () => void): () => void {
  const pid = data.readEndpoints()?.pid;
  let phase: "watching" | "over" = "watching";
  const look = (): void => {
    if (phase === "over" || data.readEndpoints()?.pid === pid) return;
    phase = "over";
    clearInterval(timer);
    gone();
  };
  const timer = setInterval(look, lookMs);
  return () => {
    look();
    phase = "over";
    clearInterval(timer);
  };
}

/**
 * Waits for a broker on this data directory.
 * @returns false if none came within `withinMs`, or `signal` ended the wait
 */
export async function brokerComes(data: DataDirectory, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (!signal.aborted && performance.now() < end) {
    if (data.readEndpoints() !== undefined) return true;
    await pause(lookMs);
  }
  return false;
}
