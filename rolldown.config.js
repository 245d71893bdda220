// The commands in a few files instead of 350: reading and compiling modules one by one was half the time of a start.
// Packages with native parts stay outside. And clients as modules for web pages, each with all it needs.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "rolldown";

const outside = ["lmdb", "zeromq"];

/** The licences of the packages in a bundle. */
function licencesOf(bundle) {
  const folders = new Set();
  for (const { moduleIds = [] } of Object.values(bundle)) {
    for (const id of moduleIds) {
      const folder = /^\0?(?:[^?]*\?)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
      if (folder !== undefined) folders.add(folder);
    }
  }
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = ["LICENSE", "LICENSE.md", "LICENSE.txt", "license", "LICENCE"]
      .map((each) => join(folder, each))
      .find(existsSync);
    return `${name} ${version} (${license})\n\n${file === undefined ? "" : readFileSync(file, "utf8").trim()}\n`;
  });
  return texts.join("\n\n");
}

/** The licences of what is bundled, as they ask to be: beside it. */
const licences = {
  name: "licences",
  generateBundle(_options, bundle) {
    this.emitFile({ type: "asset", fileName: "LICENCES.txt", source: licencesOf(bundle) });
  },
};

/** A page gets the module alone: the licences go along in it. */
const licencesInside = {
  name: "licences-inside",
  generateBundle(_options, bundle) {
    const texts = licencesOf(bundle);
    if (texts === "") return;
    for (const chunk of Object.values(bundle)) {
      if (chunk.type === "chunk") chunk.code += `/*!\n${texts.replaceAll("*/", "* /")}*/\n`;
    }
  },
};

/**
 * zod compiles its checks with `new Function`, which a page's Content-Security-Policy reports, and one setting that all
 * copies of zod in a page share turns that off: the client has a setting of its own.
 */
const zodWithoutEval = {
  name: "zod-without-eval",
  transform(code, id) {
    if (!/\/zod\/v4\/core\/core\.js$/.test(id)) return undefined;
    const shared = "export const globalConfig = globalThis.__zod_globalConfig;";
    if (!code.includes(shared)) this.error(`${id} has its settings elsewhere: see what of zod calls new Function now`);
    return code.replace(shared, "export const globalConfig = { jitless: true };");
  },
};

const commands = defineConfig({
  input: { broker: "dist/src/cli/main.js", agentchat: "dist/src/cli/agentchat/main.js" },
  platform: "node",
  external: outside,
  plugins: [licences],
  // As deep as the modules of src/cli: what they read of package.json is found from both places.
  output: { dir: "dist/run/cli", format: "esm", chunkFileNames: "[name]-[hash].js" },
});

/** A client as one module for web pages, with all it needs. */
const forPages = (client, file, plugins) =>
  defineConfig({
    input: `dist/clients/typescript/${client}/browser.js`,
    platform: "browser",
    plugins: [...plugins, licencesInside],
    output: { dir: "dist/sdk", entryFileNames: file, format: "esm", minify: true, codeSplitting: false },
  });

export default [
  commands,
  forPages("agent-network", "network.js", [zodWithoutEval, licences]),
  forPages("visualisation", "visualisation.js", []),
];
