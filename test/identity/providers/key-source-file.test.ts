import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { KeySourceFile } from "../../../src/identity/providers/key-source-file.js";
import { readKeys } from "../../../src/identity/providers/key-set.js";
import { issuerKey } from "../../kit/outside-tokens.js";

const day = 24 * 60 * 60_000;
const good = JSON.stringify({ keys: [issuerKey("ES256", "one").jwk] });

describe("the keys in a file", () => {
  let folder: string;
  let path: string;
  let clock: FakeClock;
  let source: KeySourceFile;
  let reads: number;
  let told: (string | undefined)[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-keys-"));
    path = join(folder, "keys.json");
    clock = new FakeClock();
    [reads, told] = [0, []];
    writeFileSync(path, good);
    source = new KeySourceFile({
      issuer: "https://issuer",
      path,
      clock,
      read: (text) => {
        reads += 1;
        return readKeys(text, "jwks", 0);
      },
      told: (problem) => told.push(problem),
    });
  });
  afterEach(() => {
    source.close();
    rmSync(folder, { recursive: true });
  });

  it("serve while the file is as it was, however long, and are read once", async () => {
    await source.keys();
    clock.advance(3 * day);
    expect((await source.keys()).count).toBe(1);
    expect([reads, told]).toEqual([1, []]);
  });

  it("serve for a day after the file was last there, and again when it is back", async () => {
    await source.keys();
    rmSync(path);
    clock.advance(day - 1);
    expect((await source.keys()).count).toBe(1);
    expect(told).toEqual([expect.stringContaining("no such file")]);
    clock.advance(1);
    await expect(source.keys()).rejects.toMatchObject({ code: "unavailable" });
    writeFileSync(path, good);
    clock.advance(1_000);
    expect((await source.keys()).count).toBe(1);
    expect(told.at(-1)).toBeUndefined();
  });

  it("that are damaged are read once in a second, however many strangers name a key", async () => {
    await source.keys();
    writeFileSync(path, "{");
    for (let at = 0; at < 20; at += 1) expect((await source.again()).count).toBe(1);
    expect(reads).toBe(2);
    writeFileSync(path, good);
    clock.advance(1_000);
    await source.again();
    expect(reads).toBe(3);
  });

  it("of a new key are found at once", async () => {
    await source.keys();
    writeFileSync(path, JSON.stringify({ keys: [issuerKey("ES256", "one").jwk, issuerKey("EdDSA", "two").jwk] }));
    expect((await source.again()).count).toBe(2);
  });
});
