import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "./broker.js";

/** SIGSTOP; resolves when each thread of the process stands still, which takes a moment after the signal. */
export async function standStill(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  const tasks = `/proc/${String(pid)}/task`;
  // The state follows the name, which stands in brackets.
  const stands = (task: string): boolean => / T [^)]*$/.test(readFileSync(`${tasks}/${task}/stat`, "utf8"));
  await eventually(() => readdirSync(tasks).every(stands), "the process stands still");
}
