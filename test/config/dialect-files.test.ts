import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namedDialects, readConfig, type BrokerConfig } from "../../src/config/index.js";
import { loadDialects } from "../../src/dialect-files.js";
import type { AnyDialect } from "../../src/dialect/index.js";
import { reload } from "../../src/reload.js";

const module = (name: string): string => `
export default {
  name: ${JSON.stringify(name)}, title: "Bar", paths: [], subprotocols: [], fallback: false,
  recognises: () => false, with: () => undefined,
};`;

describe("the files of dialects", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-dialects-"));
    mkdirSync(join(folder, "other"));
    writeFileSync(join(folder, "bar.mjs"), module("bar"));
    writeFileSync(join(folder, "other/bar.mjs"), module("bar"));
    writeFileSync(join(folder, "endless.mjs"), "await new Promise(() => undefined);");
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const load = async (path: string): Promise<AnyDialect> => {
    const loaded = await loadDialects([{ written: "it", path: join(folder, path) }]);
    return loaded.get("it") ?? expect.fail("nothing was loaded");
  };

  it("are looked for beside the configuration file; those of flags and variables in the working directory", () => {
    const file = join(folder, "config.json");
    writeFileSync(file, JSON.stringify({ dialects: ["./bar.mjs", "/elsewhere/x.mjs"] }));
    const named = (flags: object, env: NodeJS.ProcessEnv): readonly string[] =>
      namedDialects({ flags, env, file, resolveDataDir: () => folder }).map(({ path }) => path);
    expect(named({}, {})).toEqual([join(folder, "bar.mjs"), "/elsewhere/x.mjs"]);
    expect(named({ dialects: ["bar.mjs"] }, {})).toEqual([resolve("bar.mjs")]);
    expect(named({}, { SYNAPTIC_DIALECTS: "a.mjs, b.mjs" })).toEqual([resolve("a.mjs"), resolve("b.mjs")]);
  });

  it("are given up when they do not come to their end in time", async () => {
    const path = join(folder, "endless.mjs");
    await expect(loadDialects([{ written: "endless.mjs", path }], 20)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(
        /^the dialect .*endless\.mjs cannot be loaded: it has not come to its end/,
      ) as string,
    });
  });

  it("are compared by path and content when a configuration is read again", async () => {
    const config = (dialects: readonly AnyDialect[]): BrokerConfig => readConfig({ dialects: [...dialects] });
    const needs = (one: AnyDialect, other: AnyDialect): readonly string[] =>
      reload(
        { access: { set: () => undefined }, tls: undefined, ws: { renew: () => undefined } } as never,
        config([one]),
        config([other]),
      ).needRestart;
    const before = await load("bar.mjs");
    expect(needs(before, await load("bar.mjs"))).toEqual([]);
    expect(needs(before, await load("other/bar.mjs"))).toEqual(["dialects"]);
    writeFileSync(join(folder, "bar.mjs"), `${module("bar")}\n// another version`);
    expect(needs(before, await load("bar.mjs"))).toEqual(["dialects"]);
    const parts = Object.entries(before).filter(([part]) => part !== "source");
    const given = Object.fromEntries(parts) as unknown as AnyDialect; // but for its source
    expect([needs(given, given), needs(given, { ...given })]).toEqual([[], ["dialects"]]);
  });
});
