import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { codes as agentchatCodes } from "../../bridges/agentchat/errors.js";
import { codes as panCodes } from "../../bridges/pan/errors.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = (name: string): string => readFileSync(join(root, "docs/protocols", name), "utf8");

/** The pages, by the word under which their clauses are cited: the table of docs/protocols/README.md. */
const pages = new Map(
  [...page("README.md").matchAll(/^\| \[([\w-]+\.md)\][^`]*`([\w ]+) §/gm)].map(([, file = "", word = ""]) => [
    word,
    file,
  ]),
);
/** The numbers of a page's clauses. */
const clauses = new Map(
  [...pages].map(([word, file]) => [
    word,
    [...page(file).matchAll(/^(?:## |\*\*)(\d+(?:\.\d+)*)/gm)].map(([, number = ""]) => number),
  ]),
);

const number = String.raw`§\d+(?:\.\d+)*(?:[–-]\d+(?:\.\d+)*)?`;
const citation = new RegExp(String.raw`\b(${[...pages.keys()].join("|")}) (${number}(?:, ${number})*)`, "g");

/** What a file says, without the marks and line ends of its comments. */
function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8").replace(/\n[ \t]*(?:\*(?!\/)|\/\/+|#)?[ \t]*/g, " ");
}

/** Standards of others, and clauses of the page that a README is about. */
const standard = /\b(?:RFC \d+|ECMA-\d+|UAX #\d+) §\d+(?:\.\d+)*/g;

/** Every clause that a text cites: `PAN §4.1`, one of several, each of a range. */
function cited(text: string): readonly (readonly [word: string, clause: string])[] {
  return [...text.matchAll(citation)].flatMap(([, word = "", list = ""]) =>
    list.split(", ").flatMap((one) => {
      const [from = "", to] = one.slice(1).split(/[–-]/);
      if (to === undefined) return [[word, from] as const];
      // From one to another: the last number rises.
      const section = from.slice(0, from.lastIndexOf(".") + 1);
      const [first, last] = [from, to].map((clause) => Number(clause.slice(section.length)));
      return Array.from(
        { length: (last ?? 0) - (first ?? 0) + 1 },
        (_, at) => [word, `${section}${String((first ?? 0) + at)}`] as const,
      );
    }),
  );
}

/** The page that a clause number without a word means, in a README or on a page itself. */
function ownWord(file: string): string | undefined {
  const name = /^(?:bridges\/([\w-]+)\/README|docs\/protocols\/([\w-]+))\.md$/.exec(file)?.slice(1).find(Boolean);
  return [...pages].find(([, other]) => other === `${name ?? ""}.md`)?.[0];
}

const invariants = [
  ...(/## Invariants\n([^]*?)\n## /.exec(readFileSync(join(root, "ARCHITECTURE.md"), "utf8"))?.[1] ?? "").matchAll(
    /^(\d+)\. /gm,
  ),
].map(([, number = ""]) => number);

const folders = ["src", "bridges", "clients", "test", "examples", "chaos", "bench", "docs"];
const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(?:ts|mjs|py|md|c|h)$|vectors\/\w+\.json$/.test(path))
    .filter((path) => !/node_modules|\.build|__pycache__|^adr\/|^protocols\/README/.test(path))
    .map((path) => `${folder}/${path}`),
);

describe("the pages of the protocols", () => {
  it("are all in the index, with the word under which they are cited", () => {
    const there = readdirSync(join(root, "docs/protocols")).filter((name) => name !== "README.md");
    expect([...pages.values()].sort()).toEqual(there.sort());
  });

  it.each([...clauses])("%s: no clause number stands twice", (_word, numbers) => {
    expect(numbers.length).toBeGreaterThan(5);
    expect(numbers.filter((one, at) => numbers.indexOf(one) !== at)).toEqual([]);
  });

  it("have every clause that is cited anywhere", () => {
    const citations = files.flatMap((file) => cited(textOf(file)).map(([word, clause]) => ({ file, word, clause })));
    expect(citations.length).toBeGreaterThan(60);
    expect(citations.filter(({ word, clause }) => clauses.get(word)?.includes(clause) !== true)).toEqual([]);
  });

  it("are what every other clause number belongs to, but those of standards", () => {
    const lost = files.flatMap((file) => {
      const own = ownWord(file);
      const rest = textOf(file).replace(citation, "").replace(standard, "");
      return [...rest.matchAll(/§ ?(\d+(?:\.\d+)*)/g)]
        .filter(([, clause = ""]) => clauses.get(own ?? "")?.includes(clause) !== true)
        .map(({ index }) => ({ file, text: rest.slice(Math.max(index - 40, 0), index + 10) }));
    });
    expect(lost).toEqual([]);
  });

  it("are the only pages that are cited, beside the invariants of ARCHITECTURE.md", () => {
    const foreign =
      /\bseed 00\d|\bmeasured rules|\bdesign(?:\.md)?,? §|\bzmtp(?:\.md)?,? \d|protocols'? first part|\(protocols:/g;
    const found = files.flatMap((file) => {
      const text = textOf(file);
      const numbered = [...text.matchAll(/(\w+,? )invariant (\d+)/g)]
        .filter(([, before, number = ""]) => before !== "ARCHITECTURE, " || !invariants.includes(number))
        .map(([whole]) => whole);
      return [...numbered, ...[...text.matchAll(foreign)].map(([whole]) => whole)].map((whole) => ({ file, whole }));
    });
    expect(invariants.length).toBeGreaterThan(8);
    expect(found.filter(({ file }) => file !== "test/docs/protocols.test.ts")).toEqual([]);
  });

  it.each([
    ["pan.md", panCodes],
    ["agentchat.md", agentchatCodes],
  ])("%s: the table of faults is the code's", (file, codes) => {
    const [, table = ""] = /\| fault \|.*\n\|---\|---\|\n((?:\|.*\n)+)/.exec(page(file)) ?? [];
    const told = [...table.matchAll(/^\| ([a-z, -]+) \| `(\w+)`/gm)].flatMap(([, faults = "", code = ""]) =>
      faults.split(", ").map((fault) => [fault, code]),
    );
    expect(Object.fromEntries(told)).toEqual(codes);
  });
});
