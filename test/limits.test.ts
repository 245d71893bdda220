import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dialects } from "../bridges/index.js";
import { limitsOf } from "../src/dialect/index.js";
import { defaultLimits } from "../src/core/limits.js";

const limitsPage = readFileSync(new URL("../LIMITS.md", import.meta.url), "utf8");

/** Rows of the table under a heading, cells trimmed, header left out. */
function rows(heading: string): string[][] {
  const section = limitsPage.split(/^## /m).find((part) => part.startsWith(heading)) ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function* sources(folder: string): Iterable<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

/** The lines of a source, a comment about a bound and a declaration on one line each. */
function linesOf(source: string): string[] {
  const comments = source.replace(/\/\/ bound:.*(?:\n *\/\/ .*)*/g, (lines) => lines.replace(/\n *\/\/ /g, " "));
  return comments.replace(/=\n *new /g, "= new ").split("\n");
}

describe("LIMITS.md", () => {
  it("lists every limit with its default", () => {
    const listed: unknown = Object.fromEntries(
      rows("Numbers").map(([name, value]) => [name?.replaceAll("`", ""), Number(value)]),
    );
    expect(listed).toEqual({ ...defaultLimits, ...limitsOf(dialects) });
  });

  it("has a row for every Map and Set that lives longer than a call", () => {
    const inCode = new Set<string>();
    const unbounded: string[] = [];
    for (const folder of ["src", "bridges", "clients/typescript"]) {
      for (const path of sources(folder)) {
        const lines = linesOf(readFileSync(path, "utf8"));
        lines.forEach((line, at) => {
          // Fields of classes and constants of factories: two spaces of indentation at most, holding a new Map or Set.
          const field =
            /^(?: {2})?(?:(?:private |protected |public )?(?:readonly |static )*|const )(#?[A-Za-z_]\w*)(?::[^=]+)? = new (?:Map|Set|WeakMap)\b(.*)$/.exec(
              line,
            );
          if (field === null || /new Set(?:<[^>]+>)?\(\[/.test(line)) return;
          const bound = /\/\/ bound: (.+) · evicts: (.+) · owner: (.+)$/.exec(lines[at - 1] ?? "");
          if (bound === null) unbounded.push(`${path}:${String(at + 1)} ${field[1] ?? ""}`);
          else inCode.add(`${path} ${field[1] ?? ""} | ${bound[1] ?? ""} | ${bound[2] ?? ""} | ${bound[3] ?? ""}`);
        });
      }
    }
    expect(unbounded, "write `// bound: … · evicts: … · owner: …` above each").toEqual([]);
    const listed = new Set(
      rows("What grows").map((cells) => cells.map((cell) => cell.replaceAll("`", "")).join(" | ")),
    );
    expect(listed).toEqual(inCode);
    expect(inCode.size).toBeGreaterThan(10);
  });
});
