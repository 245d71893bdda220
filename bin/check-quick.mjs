// npm run check:quick: what shows most mistakes within a minute; CONTRIBUTING.md says what it leaves out.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = "node_modules/.cache/check-quick";
mkdirSync(new URL(`../${cache}`, import.meta.url), { recursive: true });

/** Two rows, one beside the other; the steps of a row run one after the other. */
const rows = [
  [["tests", "npx", "vitest", "run", "--project", "quick*"]],
  [
    [
      "types",
      "npx",
      "tsc",
      "-p",
      "tsconfig.json",
      "--noEmit",
      "--incremental",
      "--tsBuildInfoFile",
      `${cache}/types.tsbuildinfo`,
    ],
    ["architecture", "node", "test/architecture.mjs"],
    [
      "format",
      "npx",
      "prettier",
      "--check",
      ".",
      "--log-level",
      "warn",
      "--cache",
      "--cache-location",
      `${cache}/prettier`,
    ],
    [
      "lint",
      "npx",
      "eslint",
      "src",
      "bridges",
      "clients",
      "--cache",
      "--cache-strategy",
      "content",
      "--cache-location",
      `${cache}/eslint`,
    ],
  ],
];

/** The steps that run now. */
const running = new Set();

/** What runs, and how long already: over itself on a terminal, a line every ten seconds elsewhere. */
function showProgress() {
  if (running.size === 0) return;
  const line = `running ${secondsSince(start)} s  ${[...running].join(", ")}`;
  if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${line}`);
  else console.log(line);
}

/** Prints a line in the place of the progress. */
function tell(line) {
  console.log(process.stdout.isTTY ? `\r\u001b[K${line}` : line);
}

const secondsSince = (start) => ((performance.now() - start) / 1_000).toFixed(1).padStart(5);

/** Runs one step, prints a line about it, and what it printed if it failed. @returns whether it passed */
async function passes([name, command, ...args]) {
  const start = performance.now();
  running.add(name);
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => output.push(bytes));
  const isPassed = await new Promise((resolve) => {
    child.once("error", (error) => {
      output.push(Buffer.from(`${error.message}\n`));
      resolve(false);
    });
    child.once("close", (code) => resolve(code === 0));
  });
  running.delete(name);
  tell(`${isPassed ? "ok     " : "FAILED "} ${secondsSince(start)} s  ${name}`);
  if (!isPassed) process.stdout.write(Buffer.concat(output));
  return isPassed;
}

const start = performance.now();
tell(
  `        ${rows.flat().length} steps, two at a time: ${rows
    .flat()
    .map(([name]) => name)
    .join(", ")}`,
);
const progress = setInterval(showProgress, process.stdout.isTTY ? 200 : 10_000);
const passed = await Promise.all(
  rows.map(async (row) => {
    let isRowPassed = true;
    for (const step of row) isRowPassed = (await passes(step)) && isRowPassed;
    return isRowPassed;
  }),
);
clearInterval(progress);
const isAll = passed.every(Boolean);
tell(`${isAll ? "ok     " : "FAILED "} ${secondsSince(start)} s  all`);
process.exitCode = isAll ? 0 : 1;
