// node .ci/count.mjs REPORT: prints how many tests passed and how many failed, by vitest's JSON report, and names those
// that failed. A file that could not be run at all counts as one that failed.
import { readFileSync } from "node:fs";

const text = readFileSync(process.argv[2], "utf8");
if (text === "") {
  console.log("0 1"); // the runner itself ended before it could tell
} else {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(text);
  const notRun = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  console.log(`${numPassedTests} ${numFailedTests + notRun.length}`);
  for (const { name } of notRun) console.log(`== failed: ${name} could not be run`);
  for (const { name, assertionResults } of testResults)
    for (const { fullName, status } of assertionResults)
      if (status === "failed") console.log(`== failed: ${name}: ${fullName}`);
}
