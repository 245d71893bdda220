import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** `file › name` of every attack in the table. */
function named(): readonly (readonly [file: string, name: string])[] {
  const page = readFileSync(`${root}/docs/threat-model.md`, "utf8");
  return [...page.matchAll(/^\|.*\| `([^`]+)` › (.+) \|$/gm)].map(([, file = "", name = ""]) => [file, name] as const);
}

describe("the threat model", () => {
  it("names a test for every attack", () => {
    const page = readFileSync(`${root}/docs/threat-model.md`, "utf8");
    const attacks = page
      .slice(page.indexOf("## Attacks"), page.indexOf("## What is not protected"))
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .slice(1);
    expect(named()).toHaveLength(attacks.length);
    expect(attacks.length).toBeGreaterThan(25);
  });

  it.each(named())("%s has: %s", (file, name) => {
    expect(existsSync(`${root}/${file}`)).toBe(true);
    expect(readFileSync(`${root}/${file}`, "utf8")).toContain(name);
  });
});
