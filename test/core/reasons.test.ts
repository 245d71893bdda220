import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Ledger } from "../../src/core/index.js";
import { reasonRemedies, remedyFor } from "../../src/core/reason-remedies.js";
import { meaningOf, reasons } from "../../src/core/reasons.js";

function* sources(folder: string): Iterable<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith(".ts") && entry.name !== "reasons.ts") yield readFileSync(path, "utf8");
  }
}

/** Words of the sources that look like a reason, and templates of them with `CODE` in the place of a value. */
function wordsOf(source: string): readonly string[] {
  const counted = [...source.matchAll(/\b(?:count|refuse|malformed|cut|closeLater)\(\s*(["`])([^"`]+)\1(?! in\b)/g)];
  const named = [...source.matchAll(/"((?:zmtp|ws)-[a-z-]+)"/g)];
  const words = [...counted.map(([, , word = ""]) => word), ...named.map(([, word = ""]) => word)];
  // A reason is one word; sentences are given to functions of the same names.
  return words.map((word) => word.replace(/\$\{[^}]+\}/g, "CODE")).filter((word) => !word.includes(" "));
}

const ofSystem = new Set(["zmtp-CODE"]); // zmtp-silent and zmtp-ttl-passed, which have rows of their own
const patterns: Readonly<Record<string, string>> = { "CODE-to-nobody": "TYPE-to-nobody" };

describe("the table of reasons", () => {
  it("has a row for every reason that the sources count", () => {
    const missing = new Set<string>();
    for (const folder of ["src", "bridges"])
      for (const source of sources(folder))
        for (const word of wordsOf(source))
          if (!ofSystem.has(word) && !Object.hasOwn(reasons, patterns[word] ?? word)) missing.add(word);
    expect([...missing], "add a row to src/core/reasons.ts, then: npm run limits").toEqual([]);
  });

  it("stands in LIMITS.md as it is", () => {
    const page = readFileSync("LIMITS.md", "utf8");
    for (const [reason, meaning] of Object.entries(reasons)) expect(page).toContain(`| \`${reason}\` | ${meaning} |`);
  });

  it("has a row for every reason that has a remedy, which is an instruction", () => {
    expect(Object.keys(reasonRemedies).filter((reason) => !Object.hasOwn(reasons, reason))).toEqual([]);
    expect(remedyFor("guard-forbidden")).toBeUndefined();
    expect(remedyFor("mailbox-full")).toBe(reasonRemedies["mailbox-CODE"]);
    expect(remedyFor("inform-to-nobody")).toBe(reasonRemedies["TYPE-to-nobody"]);
    expect(remedyFor("constructor")).toBeUndefined();
  });

  it("has a row for every reason for which copies are dropped", () => {
    const { dropped } = new Ledger().copies;
    for (const reason of Object.keys(dropped)) expect(meaningOf(`copy ${reason}`)).toBeTypeOf("string");
  });

  it("knows what stands for a code or a type", () => {
    expect(meaningOf("told-not-found")).toBe(reasons["told-CODE"]);
    expect(meaningOf("inform-to-nobody")).toBe(reasons["TYPE-to-nobody"]);
    expect(meaningOf("zmtp-refused-unauthenticated")).toBe(reasons["zmtp-refused-CODE"]);
    expect(meaningOf("zmtp-full")).toBe(reasons["zmtp-full"]);
    expect(meaningOf("told-")).toBeUndefined();
    expect(meaningOf("of-a-dialect-from-elsewhere")).toBeUndefined();
  });
});
