import { exitCodes } from "../exit.js";
import { painter, print, say, steerless, type Output, type Paint } from "../output.js";
import type { Finding } from "./check.js";

const marks = {
  good: ["green", "ok  "],
  warning: ["yellow", "warn"],
  failed: ["red", "FAIL"],
  skipped: ["dim", "skip"],
} as const;

/** Prints what was found, a line each or all as JSON, and sums it up. If something failed, the exit code is 1. */
export function report(options: Output, findings: readonly Finding[]): void {
  const numberOf = (wanted: Finding["result"]): number => findings.filter(({ result }) => result === wanted).length;
  const [failed, warnings] = [numberOf("failed"), numberOf("warning")];
  if (failed > 0) process.exitCode = exitCodes.failed;
  if (options.json === true) {
    print(options, { ok: failed === 0, findings }, () => "");
    return;
  }
  const paint = painter(process.stdout.isTTY, process.env);
  for (const finding of findings) process.stdout.write(`${lineOf(finding, paint)}\n`);
  const well = warnings === 0 ? "all is well" : `nothing failed; ${warnings} of ${findings.length} checks warn`;
  say(failed === 0 ? well : `${failed} of ${findings.length} checks failed`);
}

function lineOf({ check, result, found, remedy }: Finding, paint: Paint): string {
  const [style, mark] = marks[result];
  const below = remedy === undefined ? "" : `\n      ${"".padEnd(17)}  ${steerless(remedy)}`;
  return `${paint(style, mark)}  ${check.padEnd(17)}  ${steerless(found)}${below}`;
}
