// A bench that dies takes with it what it started and wrote.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// bound: what one run has going at a time · evicts: each when it ends · owner: this file
const going = new Set();
const home = mkdtempSync(join(tmpdir(), "synaptic-bench-"));

process.once("exit", () => {
  for (const child of going) child.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** SIGKILL for `child` when this process ends, unless it has ended before. */
export function endsWithUs(child) {
  going.add(child);
  child.once("close", () => going.delete(child));
}

/** A new directory that is removed when this process ends, or before. */
export function ownDirectory() {
  return mkdtempSync(join(home, "d-"));
}
