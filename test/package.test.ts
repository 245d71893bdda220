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
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

function holds(path: string): boolean {
  const name = path.replace(/^\.\//, "").replace(/\/$/, "");
  return packed.some((file) => file === name || file.startsWith(`${name}/`));
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

  it("holds the files that the README names and the commands it shows run", () => {
    const named = [...readme.matchAll(/`([\w./-]+)`/g)]
      .map(([, name = ""]) => name)
      .filter((name) => /^[\w-]+\//.test(name) && existsSync(`${root}${name}`));
    const run = [...readme.matchAll(/^(?:python3|node) ([\w-]+\/\S+)/gm)].map(([, file = ""]) => file);
    expect(named.length).toBeGreaterThan(8);
    expect(run.length).toBeGreaterThan(1);
    expect([...named, ...run].filter((name) => !holds(name))).toEqual([]);
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
