import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

it("exports what clients say and hear as JSON Schema, as the broker has it", () => {
  const { status, stderr } = spawnSync(process.execPath, ["docs/schemas.mjs", "--check"], {
    cwd: root,
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([0, ""]);
});

it.each([
  ["agent-network-commands", 5],
  ["agent-network-events", 7],
  ["agentchat-commands", 16],
  ["agentchat-events", 20],
  ["pan-commands", 6],
  ["pan-events", 5],
])("has every message of %s", (name, count) => {
  const schema = JSON.parse(readFileSync(`${root}schemas/${name}.json`, "utf8")) as {
    oneOf?: readonly object[];
    anyOf?: readonly object[];
  };
  expect(schema.oneOf ?? schema.anyOf).toHaveLength(count);
});
