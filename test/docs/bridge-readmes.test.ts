import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dialects = readdirSync(`${root}/bridges`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Sources, pages and folders that a page names: from the root, or from its own folder. */
function named(page: string): readonly string[] {
  return [...page.matchAll(/`((?:[\w-]+\/)*(?:[\w.-]+\.(?:ts|mjs|md|py)|[\w-]+\/|schemas\/[\w-]+\.json))`/g)].map(
    ([, name = ""]) => name,
  );
}

describe("the README of a dialect", () => {
  it.each(dialects)("%s: the files that it names are there", (dialect) => {
    const names = named(readFileSync(`${root}/bridges/${dialect}/README.md`, "utf8"));
    if (dialect !== "echo") expect(names.length).toBeGreaterThan(0);
    const missing = names.filter(
      (name) => !existsSync(`${root}/${name}`) && !existsSync(`${root}/bridges/${dialect}/${name}`),
    );
    expect(missing).toEqual([]);
  });
});
