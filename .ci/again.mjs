// node .ci/again.mjs REPORT: runs the test files that failed once more, one at a time and with nothing beside them,
// and writes into vitest's JSON report what became of them. Each test that failed is named, also if it passes now: it
// is unsteady, and to be mended. Fails if one fails again, or if there are too many for a busy machine to be the reason.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const filesMax = 4;
const [, , reportFile] = process.argv;
const text = readFileSync(reportFile, "utf8");
if (text === "") process.exit(1);
const report = JSON.parse(text);
const failed = report.testResults.filter(({ status }) => status === "failed");
for (const { name, assertionResults } of failed) {
  const tests = assertionResults.filter(({ status }) => status === "failed");
  console.log(`== failed: ${name}`);
  for (const { fullName, failureMessages } of tests)
    console.log(`==   ${fullName}\n${failureMessages.join("\n").slice(0, 2_000)}`);
}
if (failed.length === 0 || failed.length > filesMax) process.exit(1);

const secondFile = `${reportFile}.again`;
const files = failed.map(({ name }) => name);
const options = ["--no-file-parallelism", "--reporter=default", "--reporter=json", `--outputFile.json=${secondFile}`];
const { status } = spawnSync("npx", ["vitest", "run", ...files, ...options], { stdio: "inherit" });
if (status === 0) {
  const again = JSON.parse(readFileSync(secondFile, "utf8"));
  const before = failed.flatMap(({ assertionResults }) => assertionResults);
  const passedBefore = before.filter(({ status: was }) => was === "passed").length;
  report.numPassedTests += again.numPassedTests - passedBefore;
  report.numFailedTests -= before.filter(({ status: was }) => was === "failed").length;
  report.testResults = report.testResults.filter(({ status: was }) => was !== "failed").concat(again.testResults);
  writeFileSync(reportFile, JSON.stringify(report));
  console.log(`== unsteady: ${files.join(", ")}: failed beside the others, passed alone`);
}
rmSync(secondFile, { force: true });
process.exit(status === 0 ? 0 : 1);
