import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(`${root}ARCHITECTURE.md`, "utf8");
const sources = ["src", "bridges", "clients", "chaos", "docs"].flatMap((folder) =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
);

describe("ARCHITECTURE.md", () => {
  it("names files and folders that are there", () => {
    const named = [...page.matchAll(/`((?:[a-z]+\/)*[a-z-]+\.ts|(?:src|clients|bridges|docs)\/[a-z/-]+[a-z])`/g)];
    const missing = named
      .map(([, name = ""]) => name)
      .filter((name) => !existsSync(`${root}${name}`) && !sources.some((source) => source.endsWith(`/${name}`)));
    expect(named.length).toBeGreaterThan(30);
    expect(missing).toEqual([]);
  });

  it("has a row for every folder of the sources", () => {
    const folders = readdirSync(`${root}src`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const rows = page.split("\n").filter((line) => line.startsWith("| `"));
    expect(
      folders.map(({ name }) => name).filter((name) => !rows.some((row) => row.includes(`\`src/${name}`))),
    ).toEqual([]);
  });

  it("lists every decision", () => {
    const numbers = readdirSync(`${root}docs/adr`).map((name) => name.slice(0, 4));
    expect(numbers.filter((number) => !page.includes(`${number} `))).toEqual([]);
  });
});
