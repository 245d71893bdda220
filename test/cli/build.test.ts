import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProgram } from "../kit/cli.js";
import { freeDoors } from "./served.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const install = ["install", "--no-audit", "--no-fund"];
/** Without what the npm that runs these tests tells them of itself. */
const ownEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));

describe("a folder with the sources and a build", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "synaptic-build-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  describe("prepare, which npm runs by itself", () => {
    const npm = (command: string, args: readonly string[], at = "") =>
      run(command, args, { cwd: join(folder, at), env: { ...ownEnv, npm_config_cache: join(folder, "cache") } });
    const builds = async (): Promise<number> =>
      (await readFile(join(folder, "builds"), "utf8").catch(() => "")).split("\n").length - 1;

    beforeEach(async () => {
      await mkdir(join(folder, "bin"));
      await cp(join(root, "bin/prepare.mjs"), join(folder, "bin/prepare.mjs"));
      await writeFile(join(folder, "bin/build.mjs"), buildText);
      await writeFile(join(folder, "package.json"), JSON.stringify(packageText));
    });

    it("builds after npm install, and not again for the first npx: a broker may be running from it", async () => {
      await npm("npm", install);
      expect(await builds()).toBe(1);
      expect((await npm("npx", ["broker"])).stdout).toBe("from the build\n");
      expect(await builds()).toBe(1);
    });

    it("leaves a build alone that another folder links to", async () => {
      await npm("npm", install);
      await mkdir(join(folder, "other"));
      await writeFile(join(folder, "other/package.json"), "{}");
      await npm("npm", [...install, ".."], "other");
      expect(await builds()).toBe(1);
    });

    it("builds where there is no build, and fails where the build does", async () => {
      expect((await npm("npx", ["broker"])).stdout).toBe("from the build\n");
      expect(await builds()).toBe(1);
      await writeFile(join(folder, "bin/build.mjs"), "process.exit(3);");
      await expect(npm("npm", install)).rejects.toThrow(
        /what builds it is not here yet; run this first, in .*: npm ci/,
      );
    });
  });

  it("says what to do where nothing is built", async () => {
    await cp(join(root, "bin"), join(folder, "bin"), { recursive: true });
    for (const [name, make] of [
      ["broker", "npm ci"],
      ["agentchat", "npm run build"],
    ] as const) {
      const { code, stderr } = await startProgram(process.execPath, [join(folder, "bin", `${name}.js`)]).ended;
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(`^${name}: this folder is not built, .*: ${make} makes`),
      ]);
      await mkdir(join(folder, "node_modules"), { recursive: true });
    }
  });

  it("can lose its build under a running broker, which goes on, with metrics, too", async () => {
    for (const part of ["bin", "package.json", "dist/run"])
      await cp(join(root, part), join(folder, part), { recursive: true });
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    const dataDir = join(folder, "data");
    const broker = startProgram(process.execPath, [
      ...[join(folder, "bin/broker.js"), "start", ...freeDoors, "--data-dir", dataDir],
      ...["--log-level", "debug", "--json"],
    ]);
    try {
      const { ws } = JSON.parse(await broker.prints(/\n/)) as { ws: readonly [string] };
      await broker.tells(/everything is loaded/);
      await rm(join(folder, "dist"), { recursive: true });
      expect(await readdir(folder)).not.toContain("dist");
      const metrics = await fetch(`${ws[0].replace("ws:", "http:")}/metrics`);
      expect([metrics.status, await metrics.text()]).toEqual([200, expect.stringContaining("synaptic_")]);
      broker.process.kill("SIGHUP");
      await broker.tells(/SIGHUP, read again, nothing has changed/);
    } finally {
      expect(await broker.stop()).toMatchObject({ code: 0 });
    }
  });
});

const packageText = {
  name: "demo",
  version: "1.0.0",
  type: "module",
  bin: { broker: "dist/run/cli/broker.js" },
  scripts: { build: "node bin/build.mjs", prepare: "node bin/prepare.mjs" },
};

const buildText = `
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
mkdirSync("dist/run/cli", { recursive: true });
writeFileSync("dist/run/cli/broker.js", "#!/usr/bin/env node\\nconsole.log('from the build');\\n", { mode: 0o755 });
appendFileSync("builds", "built\\n");
`;
