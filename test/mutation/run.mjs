// `npm run mutate`: each file of the list by itself; `npm run mutate -- FILE …` only these. Fails below the score.
import { spawnSync } from "node:child_process";
import { suites } from "../../stryker.config.mjs";

const asked = process.argv.slice(2);
const unknown = asked.filter((file) => !(file in suites));
if (unknown.length > 0) {
  console.error(
    `stryker.config.mjs has no tests for ${unknown.join(", ")}; it knows\n${Object.keys(suites).join("\n")}`,
  );
  process.exit(2);
}
let failed = false;
for (const file of asked.length > 0 ? asked : Object.keys(suites)) {
  const run = spawnSync("npx", ["stryker", "run"], { stdio: "inherit", env: { ...process.env, MUTATE: file } });
  failed ||= run.status !== 0;
}
process.exit(failed ? 1 : 0);
