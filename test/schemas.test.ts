import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

it("exports what clients can say as JSON Schema, as the broker checks it", () => {
  const { status, stderr } = spawnSync(process.execPath, ["docs/schemas.mjs", "--check"], { cwd: root, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});

it.each([["agentchat", 15], ["pan", 5]])("has every command of %s", (name, count) => {
  const schema = JSON.parse(readFileSync(`${root}schemas/${name}.json`, "utf8")) as { oneOf: readonly { properties: { type: { const: string } } }[] };
  expect(schema.oneOf).toHaveLength(count);
});
