// npm run chaos [-- --seed N] [-- --only WORD]: faults against a real broker, to stdout and chaos/REPORT.md.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { reportOf } from "./report.mjs";

/** The run ends after this, whatever hangs, milliseconds. */
const limitMs = 10 * 60_000;

const { values } = parseArgs({ options: { seed: { type: "string" }, only: { type: "string" } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!Number.isSafeInteger(seed)) throw new Error(`--seed takes a whole number, not ${values.seed}`);
console.log(`seed ${seed}: npm run chaos -- --seed ${seed} does the same again`);

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "synaptic-chaos-run-"));
const results = join(folder, "results.jsonl");
const startedAt = performance.now();
const vitest = spawn(
  process.execPath,
  [
    "node_modules/vitest/vitest.mjs",
    "run",
    "-c",
    "chaos/vitest.config.ts",
    ...(values.only === undefined ? [] : [values.only]),
  ],
  {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, CHAOS_SEED: String(seed), CHAOS_RESULTS: results },
    detached: true, // a group of its own: whatever hangs in it can be ended
  },
);
/** Ends everything that this run has started. */
function endGroup() {
  try {
    process.kill(-vitest.pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // it has ended already
  }
}
const late = setTimeout(endGroup, limitMs);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    endGroup();
    process.exit(1);
  });
}
const code = await new Promise((resolve) => vitest.once("close", resolve));
clearTimeout(late);
endGroup();

const lines = existsSync(results)
  ? readFileSync(results, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
  : [];
rmSync(folder, { recursive: true, force: true });
const { text, isHeld } = reportOf(lines, {
  seed,
  seconds: Math.round((performance.now() - startedAt) / 1_000),
  node: process.version,
});
console.log(text);
// A part of the scenarios is no report.
if (values.only === undefined) writeFileSync(join(root, "chaos/REPORT.md"), text);
process.exitCode = code === 0 && isHeld ? 0 : 1;
