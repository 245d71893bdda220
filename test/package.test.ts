import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const [pack] = JSON.parse(
  execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }),
) as readonly { readonly files: readonly { readonly path: string }[] }[];
const packed = pack?.files.map(({ path }) => path) ?? [];

function holds(path: string): boolean {
  const name = path.replace(/^\.\//, "").replace(/\/$/, "");
  return packed.some((file) => file === name || file.startsWith(`${name}/`));
}

/** True for a file of the repository, named from its root or from the page's folder, that is not in the package. */
function isMissing(name: string, page: string): boolean {
  // Beside its page a mere word is a word: the wire has `binary` and `streams`, and so have folders there.
  const beside = /[./]/.test(name) ? [posix.join(posix.dirname(page), name)] : [];
  const named = [name, ...beside].map((path) => path.replace(/\/$/, ""));
  const kept = named.filter(
    (path) => !/^(\.|dist|node_modules|coverage|tsconfig\.json$)/.test(path) && existsSync(`${root}${path}`),
  );
  return kept.length > 0 && !kept.some(holds);
}

describe("the package", () => {
  it.each(["README.md", ...packed.filter((file) => file !== "README.md" && file.endsWith(".md"))])(
    "holds what %s links to",
    (page) => {
      const links = [...readFileSync(`${root}${page}`, "utf8").matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)].map(
        ([, link = ""]) => posix.join(posix.dirname(page), link),
      );
      expect(links.filter((link) => !holds(link))).toEqual([]);
    },
  );

  it.each(packed.filter((file) => file.endsWith(".md")))(
    "holds every file that %s names, or the page says that it does not",
    (page) => {
      const text = readFileSync(`${root}${page}`, "utf8");
      const says = (part: string): boolean => /in\s+the\s+repository,\s+not\s+in\s+the\s+package/.test(part);
      const head = text.split(/\n## /, 1)[0] ?? "";
      const wrong = says(head)
        ? []
        : text
            .split(/\n\n/)
            .filter((paragraph) => !says(paragraph))
            .flatMap((paragraph) => [
              ...[...paragraph.matchAll(/`([\w@.-]+(?:\/[\w@.-]+)*\/?)`/g)].map(([, name = ""]) => name),
              ...[...paragraph.matchAll(/\b(?:node|python3) ([\w-]+\/[\w./-]+)/g)].map(([, name = ""]) => name),
            ])
            .filter((name) => isMissing(name, page));
      expect(wrong).toEqual([]);
    },
  );

  it("holds the clients for web pages, with the licences of what is in it", () => {
    const files = ["network.js", "visualisation.js", "LICENCES.txt"].map((file) => `dist/sdk/${file}`);
    for (const file of files) expect(packed).toContain(file);
  });

  it("leaves out what only the project itself needs", () => {
    expect(packed.filter((file) => /\.map$|(^|\/)(tests?|echo)\/|new-dialect|__pycache__/.test(file))).toEqual([]);
  });

  it("depends on every package that its types name", () => {
    const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    const types = packed
      .filter((file) => file.endsWith(".d.ts"))
      .map((file) => readFileSync(`${root}${file}`, "utf8"))
      .join("\n");
    const named = new Set(
      [...types.matchAll(/from "([^.#"][^"]*)"/g)]
        .map(([, name = ""]) => name)
        .filter((name) => !name.startsWith("synaptic-core")),
    );
    expect(named).toContain("ws");
    const untyped = [...named]
      .map((name) => (name.startsWith("node:") ? "@types/node" : name === "ws" ? "@types/ws" : name))
      .filter((name) => !Object.hasOwn(dependencies, name));
    expect(untyped).toEqual([]);
  });
});
