import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const folder = new URL("../../schemas/", import.meta.url);

/** Every pattern in a schema. */
function* patterns(value: unknown): Iterable<string> {
  if (typeof value !== "object" || value === null) return;
  if ("pattern" in value && typeof value.pattern === "string") yield value.pattern;
  for (const inner of Object.values(value)) yield* patterns(inner);
}

it.each(readdirSync(folder))(
  "%s has patterns that other languages can read: no flags, no classes of Unicode",
  (name) => {
    for (const pattern of patterns(JSON.parse(readFileSync(new URL(name, folder), "utf8")))) {
      expect(() => new RegExp(pattern)).not.toThrow();
      expect(pattern).not.toMatch(/\\p\{/i);
    }
  },
);
