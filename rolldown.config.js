// The commands in a few files instead of 350: reading and compiling modules one by one was half the time of a start.
// Packages with native parts stay outside.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "rolldown";

const outside = ["lmdb", "zeromq"];

/** The licences of what is bundled, as they ask to be: beside it. */
const licences = {
  name: "licences",
  generateBundle(_options, bundle) {
    const folders = new Set();
    for (const { moduleIds = [] } of Object.values(bundle)) {
      for (const id of moduleIds) {
        const folder = /^\0?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
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
    this.emitFile({ type: "asset", fileName: "LICENCES.txt", source: texts.join("\n\n") });
  },
};

export default defineConfig({
  input: { broker: "dist/src/cli/main.js", agentchat: "dist/src/cli/agentchat/main.js" },
  platform: "node",
  external: outside,
  plugins: [licences],
  // As deep as the modules of src/cli: what they read of package.json is found from both places.
  output: { dir: "dist/run/cli", format: "esm", chunkFileNames: "[name]-[hash].js" },
});
