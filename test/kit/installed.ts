import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * A project of its own in which the package is installed as `npm pack` makes it; what it depends on is the repository's,
 * so that no registry is asked.
 */
export class InstalledPackage {
  readonly folder: string;

  /** `npm test` has built what is packed. */
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "synaptic-installed-"));
    const modules = join(this.folder, "node_modules");
    const own = join(modules, "synaptic-core");
    mkdirSync(own, { recursive: true });
    const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", this.folder], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    execFileSync("tar", ["-xzf", join(this.folder, packed), "-C", own, "--strip-components=1"]);
    const { dependencies } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    for (const name of Object.keys(dependencies)) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(realpathSync(join(root, "node_modules", name)), join(modules, name));
    }
    this.write("package.json", JSON.stringify({ name: "empty", type: "module" }));
  }

  /** @returns where it is */
  write(name: string, text: string): string {
    writeFileSync(join(this.folder, name), text);
    return join(this.folder, name);
  }

  /** Translates the TypeScript files of the project. @throws Error what the compiler says */
  compile(): void {
    const options = { module: "nodenext", target: "es2023", strict: true, noUncheckedIndexedAccess: true };
    this.write("tsconfig.json", JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
    try {
      execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "."], {
        cwd: this.folder,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    } catch (thrown) {
      throw new Error(String((thrown as { readonly stdout?: unknown }).stdout), { cause: thrown });
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
