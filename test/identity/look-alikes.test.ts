import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultLimits, principal, type Fault } from "../../src/core/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { IdentityTokens } from "../../src/identity/index.js";
import { LookAlikes } from "../../src/identity/look-alikes.js";
import { DataDirectory } from "../../src/storage/index.js";
import { speaker } from "../kit/speaker.js";

let data: DataDirectory;
let clock: FakeClock;
let identity: IdentityTokens;
let shared: string;
beforeEach(() => {
  data = new DataDirectory(mkdtempSync(join(tmpdir(), "synaptic-looks-")));
  clock = new FakeClock();
  identity = new IdentityTokens({
    dataDirectory: data,
    clock,
    limits: { ...defaultLimits, provedNamesMax: 2 },
    reserved: ["Chief"],
    damaged: (fault) => {
      throw fault;
    },
  });
  identity.load();
  shared = readFileSync(data.file("pan-token"), "utf8").trim();
});
afterEach(() => {
  rmSync(data.path, { recursive: true });
});

/** How a login with the shared token is refused. */
async function refusal(name: string): Promise<string> {
  try {
    await speaker(identity, name, shared);
  } catch (thrown) {
    return (thrown as Fault).message;
  }
  return "let in";
}

describe("look-alikes of protected names", () => {
  it.each(["bоb", "BOB", "ｂob", "b0b"])(
    "lets nobody in with the shared token under a name that looks like a protected one: %s",
    async (name) => {
      expect(await refusal(name)).toBe("let in");
      await identity.issue({ kind: "ws", subject: "bob" });
      expect(await refusal(name)).toMatch(/looks like bob, which belongs to somebody who proves it; use another name/);
      expect([identity.isProtected(name), identity.protectedLike(name)]).toEqual([true, "bob"]);
      expect([identity.isProtected("bob"), identity.protectedLike("bob")]).toEqual([true, undefined]);
      expect(await refusal("bobby")).toBe("let in");
    },
  );

  it("are those of the operator's name and of reserved ones, too", async () => {
    expect(await refusal("0perator")).toMatch(/looks like operator/);
    expect(await refusal("chief")).toMatch(/looks like Chief/);
    expect(identity.protectedCount).toBe(1);
  });

  it("come and go with what protects the name", async () => {
    for (const name of ["ada", "eve"])
      void identity.remember(principal(name, "proved", { proof: `token:${name}` }), "127.0.0.1");
    expect(await Promise.all(["Ada", "EVE"].map(refusal))).toEqual([
      expect.stringMatching(/looks like ada/),
      expect.stringMatching(/looks like eve/),
    ]);
    clock.advance(defaultLimits.provedNameMs);
    expect(await Promise.all(["Ada", "EVE"].map(refusal))).toEqual(["let in", "let in"]);
    await identity.issue({ kind: "ws", subject: "ada", ttlMs: 60_000 });
    expect(await refusal("Ada")).toMatch(/looks like ada/);
    clock.advance(60_000);
    expect(await refusal("Ada")).toBe("let in");
    await identity.issue({ kind: "ws", subject: "ada" });
    await identity.revoke("ada");
    expect(await refusal("Ada")).toBe("let in");
  });

  it("may each have a token of its own: who proves a name is let in", async () => {
    await identity.issue({ kind: "ws", subject: "bob" });
    const own = await identity.issue({ kind: "ws", subject: "Bob" });
    expect((await speaker(identity, "Bob", own)).trust).toBe("proved");
    expect(identity.protectedLike("Bob")).toBeUndefined();
  });

  it("are found anew however many names were asked for", async () => {
    await identity.issue({ kind: "ws", subject: "bob" });
    for (let at = 0; at < 1_500; at += 1) identity.isProtected(`name ${String(at)}`);
    expect(identity.protectedLike("BOB")).toBe("bob");
  });
});

it("names that look alike leave nothing behind when they go", () => {
  const looks = new LookAlikes();
  for (const name of ["bob", "BOB", "b0b"]) looks.add(name);
  looks.add("bob");
  const like = (name: string): string | undefined => looks.find(name, ["bob"], () => true);
  expect([like("bob"), like("x")]).toEqual(["BOB", "bob"]);
  looks.delete("bob");
  looks.delete("BOB");
  expect(like("x")).toBe("b0b");
  looks.delete("b0b");
  expect(like("x")).toBeUndefined();
  looks.add("bob");
  looks.clear();
  expect(like("x")).toBeUndefined();
});
