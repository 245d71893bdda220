#!/usr/bin/env node
// Copies the echo dialect, its client and its tests to a new dialect: npm run new:dialect NAME
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";

const root = process.env["SYNAPTIC_ROOT"] ?? fileURLToPath(new URL("..", import.meta.url));
const [name] = process.argv.slice(2);

/** Where a dialect lives: what the broker needs of it, its client, and the tests of both. */
const folders = ["bridges", "clients/typescript", "test/bridges", "test/clients"];

function fail(message) {
  console.error(message);
  process.exit(1);
}

if (name === undefined || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
  fail("usage: npm run new:dialect NAME   (lower case, words parted by -, such as parrot or agent-network)");
}
for (const folder of folders) {
  if (existsSync(join(root, folder, name)))
    fail(`${folder}/${name} is there already; choose another name or remove it`);
}

const camel = name.replace(/-([a-z0-9])/g, (_match, letter) => letter.toUpperCase());
const pascal = camel[0].toUpperCase() + camel.slice(1);

/** The dialect's name, not the command of the same word: `"echo"` as a type, a frame's field, a test's vector stay. */
function renamed(text) {
  return (
    text
      .replace(/Echo(?=[A-Z]|\b)/g, pascal)
      .replace(/\becho(?=Rate)/g, camel)
      .replaceAll("bridges/echo", `bridges/${name}`)
      .replaceAll("typescript/echo", `typescript/${name}`)
      .replaceAll("/echo", `/${name}`)
      .replaceAll("echo.v1", `${name}.v1`)
      .replaceAll('name: "echo"', `name: "${name}"`)
      .replace(/\bexport const echo\b/g, `export const ${camel}`)
      .replace(/import \{ echo \}/g, `import { ${camel} }`)
      .replace(/dialect: echo\b/g, `dialect: ${camel}`)
      .replace(/\[echo\]/g, `[${camel}]`)
      .replace(/^# echo$/m, `# ${name}`)
      .replace(/describe\("echo /g, `describe("${name} `)
      // Prose: "an echo client", "in echo's words".
      .replace(/\b([Aa])n echo\b(?!")/g, `$1${/^[aeiou]/.test(name) ? "n" : ""} ${name}`)
      .replace(/\b(the|no|of|as|What|two|in|where) echo\b/g, `$1 ${name}`)
  );
}

const style = await resolveConfig(fileURLToPath(import.meta.url));

/** A name of another length breaks lines elsewhere: `npm run check` would refuse the copy. */
async function formatted(text, path) {
  return path.endsWith(".ts") ? format(text, { ...style, filepath: path }) : text;
}

async function copy(from, to) {
  for (const entry of readdirSync(join(root, from), { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copy(source, target);
    else {
      mkdirSync(join(root, dirname(target)), { recursive: true });
      const text = renamed(readFileSync(join(root, source), "utf8"));
      writeFileSync(join(root, target), await formatted(text, target));
    }
  }
}

for (const folder of folders) await copy(`${folder}/echo`, `${folder}/${name}`);
console.log(`${folders.map((folder) => `${folder}/${name}`).join(", ")} are echo under a new name. Next:
  1. bridges/${name}/README.md and schema.ts: what can be said
  2. npm run typecheck          lists what is missing after each change
  3. npx vitest run test/bridges/${name} test/clients/${name}
  4. add ${camel} to bridges/index.ts, then npm run limits; its decoder to test/fuzz/text-decoders.ts`);
