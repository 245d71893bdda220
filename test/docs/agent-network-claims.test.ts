import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const journey = "journeys/agent-network-document.test.ts";

/** The names of the tests of a file and of their groups: texts that stand before a function. */
function namesIn(file: string): readonly string[] {
  const text = readFileSync(`${root}/test/${file}`, "utf8");
  return [...text.matchAll(/"((?:[^"\\\n]|\\.)+)",\s*(?:async\s*)?\(/g)].map(([, name = ""]) => name);
}

const names = readdirSync(`${root}/test`, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .flatMap(namesIn);

const page = readFileSync(`${root}/bridges/agent-network/README.md`, "utf8");
/** The rows of the table under a heading. */
function rowsOf(heading: string): readonly { claim: string; here: string; tests: readonly string[] }[] {
  const [, after = ""] = page.split(`## ${heading}\n`);
  const [table = ""] = after.split("\n## ");
  return table
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1)
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, claim = "", here = "", shown = ""]) => ({
      claim,
      here,
      tests: [...shown.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name),
    }));
}
const rows = rowsOf("Provided / not provided");
const ofClients = rowsOf("What the document says of clients");

describe("what the document says of its server, in the README of Agent Network", () => {
  it.each(rows)("is shown by a test, or not provided with a reason: $claim", ({ here, tests }) => {
    expect(here).toMatch(/^(provided|not provided: .{15}|a client's business[:,;] .{15})/);
    if (here.startsWith("provided")) expect(tests).not.toEqual([]);
    for (const test of tests) expect(names.filter((name) => name.startsWith(test))).toHaveLength(1);
  });

  it("names every test that a client of the document has", () => {
    const shown = rows.flatMap(({ tests }) => tests);
    const own = namesIn(journey).filter((name) => !/^(?:the broker tells )?a client /.test(name));
    expect(own.length).toBeGreaterThan(8);
    expect(own.filter((name) => !shown.some((test) => name.startsWith(test)))).toEqual([]);
  });
});

describe("what the document says of clients, in the README of Agent Network", () => {
  it.each(ofClients)("is shown by a test, or not provided with a reason: $claim", ({ here, tests }) => {
    expect(here).toMatch(/^(provided|not provided(?: by the client, |: ).{15})/);
    if (here.startsWith("provided")) expect(tests).not.toEqual([]);
    for (const test of tests) expect([test, names.filter((name) => name.startsWith(test)).length]).toEqual([test, 1]);
  });

  it("has its table", () => {
    expect(ofClients.length).toBeGreaterThan(35);
  });
});
