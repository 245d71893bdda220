import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, resolveConfig } from "prettier";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = new URL("../bin/new-dialect.mjs", import.meta.url).pathname;

const folders = ["bridges", "clients/typescript", "test/bridges", "test/clients"];

describe("npm run new:dialect", () => {
  let root: string;
  const make = (name: string): string =>
    execFileSync(process.execPath, [script, name], { encoding: "utf8", env: { ...process.env, SYNAPTIC_ROOT: root } });
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "synaptic-dialect-"));
    for (const folder of folders.map((each) => `${each}/echo`))
      cpSync(new URL(`../${folder}`, import.meta.url), join(root, folder), { recursive: true });
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it("makes every file of echo again under the new name, with its types", () => {
    expect(make("night-owl")).toContain("add nightOwl to bridges/index.ts");
    for (const folder of folders) {
      expect(readdirSync(join(root, folder, "night-owl"), { recursive: true }).sort()).toEqual(
        readdirSync(join(root, folder, "echo"), { recursive: true }).sort(),
      );
    }
    const door = readFileSync(join(root, "bridges/night-owl/index.ts"), "utf8");
    expect(door).toContain("export const nightOwl = defineDialect<NightOwl>");
    expect(door).toContain('paths: ["/night-owl"]');
    // The template has a command of that name, which stays.
    expect(door.toLowerCase().replace('echo: ["echo"]', "")).not.toContain("echo");
    expect(readFileSync(join(root, "test/bridges/night-owl/suite.test.ts"), "utf8")).toContain(
      'from "../../../bridges/night-owl/index.js"',
    );
  });

  it.each(["parrot", "a", "a-dialect-with-a-rather-long-name"])(
    "is written as the project writes it: %s",
    async (name) => {
      make(name);
      const style = await resolveConfig(script);
      for (const folder of folders.map((each) => join(root, each, name)))
        for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((each) =>
          each.endsWith(".ts"),
        ))
          expect([path, await check(readFileSync(join(folder, path), "utf8"), { ...style, filepath: path })]).toEqual([
            path,
            true,
          ]);
    },
  );

  it.each(["", "Owl", "../owl", "night_owl", "echo"])("refuses %j and says why", (name) => {
    const { status, stderr } = spawnSync(process.execPath, [script, name], {
      encoding: "utf8",
      env: { ...process.env, SYNAPTIC_ROOT: root },
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/usage|there already/);
  });
});
