// npm run schemas: what each dialect's clients can say, as JSON Schema (draft 2020-12), from the schemas that the broker itself checks by.
// With --check nothing is written; exit 1 tells that a file is out of date.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import * as agentchat from "../dist/bridges/agentchat/schema.js";
import * as pan from "../dist/bridges/pan/schema.js";

const folder = fileURLToPath(new URL("../schemas/", import.meta.url));
const dialects = { agentchat: agentchat.commands, pan: pan.commands };

mkdirSync(folder, { recursive: true });
for (const [name, commands] of Object.entries(dialects)) {
  const path = `${folder}${name}.json`;
  const schema = z.toJSONSchema(z.discriminatedUnion("type", Object.values(commands)), { io: "input", unrepresentable: "any" });
  const text = `${JSON.stringify({ title: `What clients of ${name} say`, ...schema }, undefined, 2)}\n`;
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`schemas/${name}.json is out of date: npm run build && npm run schemas`);
    process.exitCode = 1;
  }
}
