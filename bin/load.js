// Both commands are loaded from the build. A folder that was never built, or is being built now, has none.
import { existsSync } from "node:fs";

/** Loads `dist/run/cli/NAME.js`; without it, the process ends with a line that names the remedy. */
export async function load(name) {
  const file = new URL(`../dist/run/cli/${name}.js`, import.meta.url);
  if (existsSync(file)) return import(file.href);
  const make = existsSync(new URL("../node_modules", import.meta.url)) ? "npm run build" : "npm ci";
  process.stderr.write(`${name}: this folder is not built, or a build is under way: ${make} makes it\n`);
  process.exit(1);
}
