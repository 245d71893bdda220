import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
const { suites } = (await import(new URL("stryker.config.mjs", root).href)) as {
  suites: Readonly<Record<string, readonly string[]>>;
};

describe("the list of files that are mutated", () => {
  it("names files and tests that exist", () => {
    const named = Object.entries(suites).flatMap(([file, tests]) => [file, ...tests]);
    expect(named.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
    expect(named.length).toBeGreaterThan(10);
  });
});
