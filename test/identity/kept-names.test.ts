import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { defaultLimits, principal } from "../../src/core/index.js";
import { IdentityTokens } from "../../src/identity/index.js";
import { DataDirectory } from "../../src/storage/index.js";
import { speaker } from "../kit/speaker.js";

describe("a proved name that something is kept for (protocols §9)", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-test-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("stays closed to others as long as that is there, though its proof is forgotten", async () => {
    const boxes = new Set(["bob"]);
    const clock = new FakeClock();
    const identity = new IdentityTokens({
      dataDirectory: new DataDirectory(folder),
      clock,
      limits: defaultLimits,
      reserved: [],
      damaged: (fault) => {
        throw fault;
      },
      kept: {
        has: (name) => boxes.has(name),
        get size() {
          return boxes.size;
        },
      },
    });
    identity.load();
    for (const name of ["bob", "ada"]) await identity.remember(principal(name, "proved", { proof: "key:x" }), "a");
    const isClosed = (): readonly boolean[] => ["bob", "ada"].map((name) => identity.isProtected(name));
    expect(isClosed()).toEqual([true, true]);
    for (const name of ["bob", "ada"]) await identity.forget(name);
    clock.advance(2 * defaultLimits.provedNameMs);
    expect(isClosed()).toEqual([true, false]);
    const shared = readFileSync(join(folder, "pan-token"), "utf8").trim();
    await expect(speaker(identity, "bob", shared)).rejects.toThrow(/bob/);
    expect((await speaker(identity, "ada", shared)).trust).toBe("shared");
    boxes.clear();
    expect(isClosed()).toEqual([false, false]);
  });
});
