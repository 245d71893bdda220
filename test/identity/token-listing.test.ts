import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultLimits } from "../../src/core/index.js";
import { DataDirectory } from "../../src/storage/index.js";
import { IdentityTokens } from "../../src/identity/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

let data: DataDirectory;
let clock: FakeClock;
beforeEach(() => {
  data = new DataDirectory(mkdtempSync(join(tmpdir(), "synaptic-listing-")));
  clock = new FakeClock();
});
afterEach(() => {
  rmSync(data.path, { recursive: true, force: true });
});

/** An identity on the test's folder; two of them are two processes. */
function open(): IdentityTokens {
  const identity = new IdentityTokens({
    dataDirectory: data,
    clock,
    limits: defaultLimits,
    reserved: [],
    damaged: (fault) => {
      throw fault;
    },
  });
  identity.load();
  return identity;
}

describe("a token", () => {
  it("is listed without itself, and is found by its text", async () => {
    const identity = open();
    const token = await identity.issue({ kind: "zmq", subject: "ada", scopes: ["observe"], ttlMs: 1_000 });
    clock.advance(1);
    await identity.issue({ kind: "ws", subject: "bob" });
    expect(open().list()).toMatchObject([
      { kind: "zmq", subject: "ada", scopes: ["observe"], issuedAt: clock.now() - 1, expiresAt: clock.now() + 999 },
      { kind: "ws", subject: "bob" },
    ]);
    expect(
      open()
        .list()
        .every((listing) => !("hash" in listing)),
    ).toBe(true);
    expect(identity.listing(token)?.id).toBe(identity.list()[0]?.id);
    expect(identity.plain("ada", token).tokenId).toBe(identity.list()[0]?.id);
    expect(identity.listing("none")).toBeUndefined();
    clock.advance(999);
    expect(open().list()).toMatchObject([{ subject: "bob" }]);
  });

  it("is revoked by its id, or with all of its agent, for every process", async () => {
    const broker = open();
    const tokens = [
      await broker.issue({ kind: "zmq", subject: "ada" }),
      await broker.issue({ kind: "zmq", subject: "ada" }),
      await broker.issue({ kind: "ws", subject: "ada" }),
      await broker.issue({ kind: "zmq", subject: "bob" }),
    ];
    const ids = tokens.map((token) => broker.listing(token)?.id ?? "");
    const other = open();
    expect((await other.revoke(ids[0] ?? "")).map(({ id }) => id)).toEqual([ids[0]]);
    clock.advance(200);
    expect(ids.map((id) => broker.endOf(id))).toEqual(["revoked", undefined, undefined, undefined]);
    expect(() => broker.plain("ada", tokens[0] ?? "")).toThrow(expect.objectContaining({ code: "unauthenticated" }));
    expect(await other.revoke("ada")).toHaveLength(2);
    expect(await other.revoke("ada")).toEqual([]);
    clock.advance(200);
    expect(ids.map((id) => broker.endOf(id))).toEqual(["revoked", "revoked", "revoked", undefined]);
    expect(broker.plain("bob", tokens[3] ?? "").trust).toBe("proved");
  });

  it("tells apart that it expired", async () => {
    const identity = open();
    const id = identity.listing(await identity.issue({ kind: "zmq", subject: "ada", ttlMs: 1_000 }))?.id ?? "";
    expect(identity.endOf(id)).toBeUndefined();
    clock.advance(1_000);
    expect(identity.endOf(id)).toBe("expired");
  });
});
