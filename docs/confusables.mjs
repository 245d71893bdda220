// Writes src/core/confusables.ts from Unicode's list of characters that look alike:
// node docs/confusables.mjs confusables.txt (https://www.unicode.org/Public/security/latest/confusables.txt), then
// prettier
import { readFileSync, writeFileSync } from "node:fs";

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("say where Unicode's confusables.txt is");
const text = readFileSync(file, "utf8");
const version = /^# Version: (\S+)$/m.exec(text)?.[1];
if (version === undefined) throw new Error(`${file} is not Unicode's confusables.txt: it names no version`);

const looks = new Map();
for (const [, from, to] of text.matchAll(/^([0-9A-F]+) ;\t([0-9A-F ]+) ;\tMA/gm)) {
  const target = String.fromCodePoint(...to.split(" ").map((point) => parseInt(point, 16)));
  // What is not ASCII stays as it is.
  if (/^[\x21-\x7e]+$/.test(target)) looks.set(String.fromCodePoint(parseInt(from, 16)), target);
}

const sources = new Map();
for (const [source, target] of looks) {
  const parts = Array.from(source.normalize("NFKD"), (part) => looks.get(part) ?? part);
  // What decomposes is looked up in its parts, unless they look like something else.
  if (source.normalize("NFKD") !== source && parts.join("") === target) continue;
  sources.set(target, [...(sources.get(target) ?? []), source.codePointAt(0)]);
}

const rows = [...sources]
  .sort(([one], [other]) => (one < other ? -1 : 1))
  .map(([target, points]) => {
    const lookAlikes = points.sort((one, other) => one - other).map((point) => point.toString(16));
    return `  [${JSON.stringify(target)}, ${JSON.stringify(lookAlikes.join(" "))}],`;
  });

writeFileSync(
  new URL("../src/core/confusables.ts", import.meta.url),
  `// Made by docs/confusables.mjs from Unicode's confusables.txt, version ${version}
// (© Unicode, Inc.; docs/unicode-license.md).

/**
 * ASCII text, and the characters that look like it: code points in hexadecimal. Characters that decompose (Unicode
 * form NFKD) are in it only where their parts look otherwise.
 */
export const confusables: readonly (readonly [ascii: string, lookAlikes: string])[] = [
${rows.join("\n")}
];
`,
);
