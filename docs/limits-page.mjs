// Rewrites the tables of LIMITS.md from the sources: `npm run limits`. The prose between them is written by hand.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const page = join(root, "LIMITS.md");

function* sources(folder) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

function numbers() {
  const rows = ["| limit | default | what it bounds |", "|---|---|---|"];
  const text = readFileSync(join(root, "src/core/limits.ts"), "utf8");
  const entries = /(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\n {2})?(\w+): ([\d_* ]+),$/gm;
  let said = "";
  for (const [, doc, name, factors] of text.matchAll(entries)) {
    // A comment counts for the entries below it, too, until the next one.
    if (doc !== undefined) said = doc.replace(/\s+(?:\* )?/g, " ").trim();
    const value = factors.split("*").reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1);
    rows.push(`| \`${name}\` | ${value} | ${said} |`);
  }
  return [...rows, ...readdirSync(join(root, "bridges")).sort().flatMap(limitsOfDialect)];
}

/** A dialect's own limits; the template's are nobody's. */
function limitsOfDialect(dialect) {
  const options = join(root, "bridges", dialect, "options.ts");
  if (dialect === "echo" || !existsSync(options)) return [];
  const entries = readFileSync(options, "utf8").matchAll(/(\w+): limit\(\s*([\d_]+),\s*"([^"]*)",?\s*\)/g);
  return [...entries].map(([, name, value, bounds]) => `| \`${name}\` | ${value.replaceAll("_", "")} | ${bounds} |`);
}

/** The lines of a source, a comment about a bound and a declaration on one line each. */
function linesOf(source) {
  const comments = source.replace(/\/\/ bound:.*(?:\n *\/\/ .*)*/g, (lines) => lines.replace(/\n *\/\/ /g, " "));
  return comments.replace(/=\n *new /g, "= new ").split("\n");
}

function growing() {
  const rows = ["| where, what | at most | at the limit | owner |", "|---|---|---|---|"];
  for (const folder of ["src", "bridges", "clients/typescript"]) {
    for (const path of sources(folder)) {
      const lines = linesOf(readFileSync(join(root, path), "utf8"));
      lines.forEach((line, at) => {
        const bound = /\/\/ bound: (.+) · evicts: (.+) · owner: (.+)$/.exec(line);
        const field = /(#?[A-Za-z_]\w*)(?::[^=]+)? = new (?:Map|Set|WeakMap)\b/.exec(lines[at + 1] ?? "");
        if (bound && field) rows.push(`| \`${path} ${field[1]}\` | ${bound[1]} | ${bound[2]} | ${bound[3]} |`);
      });
    }
  }
  return rows;
}

function replaceTable(text, heading, rows) {
  const start = text.indexOf(`## ${heading}`);
  if (start === -1) throw new Error(`LIMITS.md has no section "${heading}"`);
  const end = text.indexOf("\n## ", start + 3);
  const section = text.slice(start, end === -1 ? undefined : end);
  const prose = section
    .split("\n")
    .filter((line) => !line.startsWith("|"))
    .join("\n")
    .trimEnd();
  return `${text.slice(0, start)}${prose}\n\n${rows.join("\n")}\n${end === -1 ? "" : text.slice(end)}`;
}

function reasons() {
  const rows = ["| reason | what it means |", "|---|---|"];
  const text = readFileSync(join(root, "src/core/reasons.ts"), "utf8");
  for (const [, quoted, bare, meaning] of text.matchAll(/^ {2}(?:"([^"]+)"|(\w+)):\s+"([^"]+)",$/gm))
    rows.push(`| \`${quoted ?? bare}\` | ${meaning} |`);
  return rows;
}

let text = readFileSync(page, "utf8");
text = replaceTable(text, "Reasons", reasons());
text = replaceTable(text, "Numbers", numbers());
text = replaceTable(text, "What grows", growing());
writeFileSync(page, text);
