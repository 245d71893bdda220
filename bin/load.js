// Both commands are loaded from the build. A folder that was never built, or is being built now, has none.
import { existsSync } from "node:fs";

/** Loads `dist/run/cli/NAME.js`; without it, the process ends with a line that names the remedy. */
export async function load(name) {
  const file = new URL(`../dist/run/cli/${name}.js`, import.meta.url);
  if (existsSync(file)) return import(file.href);
  process.stderr.write(`${name}: this folder is not built, or a build is under way: npm run build makes it\n`);
  process.exit(1);
}
