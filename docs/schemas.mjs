// npm run schemas: what each dialect's clients can say and hear, as JSON Schema (draft 2020-12), from the schemas that the broker itself uses.
// With --check nothing is written; exit 1 tells that a file is out of date.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import * as agentchatEvents from "../dist/bridges/agentchat/events.js";
import * as agentchat from "../dist/bridges/agentchat/schema.js";
import * as pan from "../dist/bridges/pan/schema.js";

const folder = fileURLToPath(new URL("../schemas/", import.meta.url));
const schemas = {
  "agentchat-commands": ["What clients of AgentChat say", agentchat.commands],
  "agentchat-events": ["What clients of AgentChat hear", agentchatEvents.events],
  "pan-commands": ["What clients of PAN say", pan.commands],
  "pan-events": ["What clients of PAN hear", pan.events],
};

mkdirSync(folder, { recursive: true });
for (const [name, [title, messages]] of Object.entries(schemas)) {
  const path = `${folder}${name}.json`;
  const schema = z.toJSONSchema(z.discriminatedUnion("type", Object.values(messages)), { io: "input", unrepresentable: "any" });
  const text = `${JSON.stringify({ title, ...schema }, undefined, 2)}\n`;
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`schemas/${name}.json is out of date: npm run build && npm run schemas`);
    process.exitCode = 1;
  }
}
