import { readFileSync, readlinkSync } from "node:fs";
import { errorCode } from "./remedy.js";

/**
 * True for a process of this pid namespace that runs. One that has ended and waits for its parent (a zombie) does not.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return false;
  }
  return !/^[ZX]/.test(statOf(pid)[0] ?? "");
}

/** When a process started: which boot, and how many ticks after it. Undefined where there is no /proc. */
export function startOf(pid: number): string | undefined {
  const ticks = statOf(pid)[19];
  if (ticks === undefined) return undefined;
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()} ${ticks}`;
  } catch {
    return undefined; // another system
  }
}

/** The boot in which a process started. */
export function bootOf(started: string | undefined): string | undefined {
  return started?.split(" ", 1)[0];
}

/** Within what pids are this process's: containers have their own. Undefined where there is no /proc. */
export function ownNamespace(): string | undefined {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return undefined; // another system
  }
}

/**
 * What the system says of a process: its state first, the ticks of its start as the twentieth; nothing where there is
 * no /proc, or no such process. The command's name before them stands in parentheses and may hold anything.
 */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
