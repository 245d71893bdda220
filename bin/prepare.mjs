// npm runs this after `npm ci` in this folder, before it packs the package, and wherever this folder is linked: the
// first `npx broker …` does that, without a word. Only the first two build; a link to this folder takes the build that
// is there, because a broker may be running from it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { npm_command: command, npm_config_local_prefix: installed = root, npm_execpath: npm } = process.env;
const isLinked = command === "exec" || resolve(installed) !== resolve(root);

if (!isLinked || !existsSync(`${root}dist/run/cli/broker.js`)) {
  const [program, ...args] = npm === undefined ? ["npm"] : [process.execPath, npm];
  const { status } = spawnSync(program, [...args, "run", "build"], { cwd: root, stdio: "inherit" });
  process.exitCode = status ?? 1;
  if (status !== 0 && !existsSync(`${root}node_modules/typescript`))
    console.error(`synaptic-core: what builds it is not here yet; run this first, in ${root}: npm ci`);
}
