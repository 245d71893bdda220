// Runs dependency-cruiser over the sources and fails if it sees no modules, which it reports as success.
import { spawnSync } from "node:child_process";

const run = spawnSync(
  "npx",
  ["depcruise", "--config", ".dependency-cruiser.cjs", "--output-type", "json", "src", "bridges", "clients/typescript"],
  {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  },
);
if (run.status === null || run.stdout === "") throw new Error(`dependency-cruiser did not run: ${run.stderr}`);
const { summary, modules } = JSON.parse(run.stdout);
const ours = modules.filter((module) => /^(src|bridges|clients)\//.test(module.source));
const imports = ours.reduce((sum, module) => sum + module.dependencies.length, 0);
for (const violation of summary.violations) {
  console.error(`${violation.rule.name}: ${violation.from} → ${violation.to}`);
}
if (ours.length < 20 || imports < 40) {
  console.error(`the architecture check saw only ${ours.length} modules and ${imports} imports: it checks nothing`);
  process.exit(1);
}
console.log(`architecture: ${ours.length} modules, ${imports} imports, ${summary.violations.length} violations`);
process.exit(summary.violations.length === 0 ? 0 : 1);
