import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault, defaultLimits, principal } from "../../src/core/index.js";
import { DataDirectory, TablesMemory } from "../../src/storage/index.js";
import { IdentityTokens, operatorName } from "../../src/identity/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { codeOf } from "../kit/directory-world.js";
import { refusalOf, speaker } from "../kit/speaker.js";

let data: DataDirectory;
let clock: FakeClock;
let faults: Fault[];
beforeEach(() => {
  data = new DataDirectory(mkdtempSync(join(tmpdir(), "synaptic-tokens-")));
  clock = new FakeClock();
  faults = [];
});
afterEach(() => {
  rmSync(data.path, { recursive: true, force: true });
});

/** The name was proved by a token that the operator issued. */
function remember(identity: IdentityTokens, name: string): void {
  void identity.remember(principal(name, "proved", { proof: `token:${name}` }), "ipc");
  identity.proved(name);
}

/** An identity on the test's folder; two of them are two processes. */
function open(reserved: string[] = [], provedNamesMax = 100): IdentityTokens {
  const identity = new IdentityTokens({
    dataDirectory: data,
    clock,
    limits: { ...defaultLimits, provedNamesMax },
    reserved,
    damaged: (fault) => faults.push(fault),
  });
  identity.load();
  return identity;
}

function line(file: string): string {
  return readFileSync(data.file(file), "utf8").trimEnd();
}

describe("the shared token", () => {
  it("is made at the first start: one line of 43 characters, readable for its owner only", () => {
    open();
    expect(readFileSync(data.file("pan-token"), "utf8")).toMatch(/^[\w-]{43}\n$/);
    expect(statSync(data.file("pan-token")).mode & 0o777).toBe(0o600);
    expect(line("operator-token")).not.toBe(line("pan-token"));
  });

  it("stays the same at the next start", () => {
    open();
    const before = line("pan-token");
    open();
    expect(line("pan-token")).toBe(before);
  });

  it("lets anybody in under any free name, as shared", async () => {
    expect(await speaker(open(), "ada", line("pan-token"), "Ada")).toMatchObject({
      agent: "ada",
      displayName: "Ada",
      trust: "shared",
      proof: undefined,
    });
  });

  it("refuses everything else", async () => {
    const identity = open();
    const token = line("pan-token");
    for (const wrong of ["", "x", token.slice(1), `${token} `, token.toUpperCase()])
      expect(await refusalOf(identity, "ada", wrong)).toBe("unauthenticated");
  });

  it("opens no ZeroMQ door and no name that cannot be one", async () => {
    const identity = open();
    expect(codeOf(() => identity.plain("ada", line("pan-token")))).toBe("unauthenticated");
    for (const name of ["", "all", "#room", "$broker"])
      expect(await refusalOf(identity, name, line("pan-token"))).toBe("malformed");
  });

  it("does not open a protected name: reserved, the operator's, proved before, or with a token of its own", async () => {
    const identity = open(["boss"]);
    remember(identity, "eve");
    await identity.issue({ kind: "zmq", subject: "ada" });
    for (const name of ["boss", "eve", "ada"])
      expect(await refusalOf(identity, name, line("pan-token"))).toBe("conflict");
    expect(await refusalOf(identity, operatorName, line("pan-token"))).toBe("unauthenticated");
  });

  it("can be changed while the broker runs", async () => {
    const identity = open();
    const old = line("pan-token");
    writeFileSync(data.file("pan-token"), "owl-secret-2026\n");
    clock.advance(200);
    expect((await speaker(identity, "ada", "owl-secret-2026")).trust).toBe("shared");
    expect(await refusalOf(identity, "ada", old)).toBe("unauthenticated");
  });

  it("is complained of when its file is empty at start", () => {
    writeFileSync(data.file("pan-token"), "\n");
    expect(codeOf(() => open())).toBe("unavailable");
  });
});

describe("the operator's token", () => {
  it("proves the operator on both doors, with its rights", async () => {
    const identity = open();
    for (const principal of [
      identity.plain(operatorName, line("operator-token")),
      await speaker(identity, operatorName, line("operator-token")),
    ]) {
      expect(principal).toMatchObject({ agent: operatorName, trust: "proved" });
      expect([...principal.scopes].sort()).toEqual(["approve", "control", "edit", "inspect", "observe", "operate"]);
    }
  });

  it("opens no other name, and the operator's name opens to nothing else", async () => {
    const identity = open();
    expect(codeOf(() => identity.plain("ada", line("operator-token")))).toBe("unauthenticated");
    await expect(identity.issue({ kind: "zmq", subject: operatorName })).rejects.toMatchObject({ code: "malformed" });
    expect(identity.isProtected(operatorName)).toBe(true);
  });
});

describe("an agent's own token", () => {
  it("proves its name on the door it was made for and on no other", async () => {
    const identity = open();
    const zmq = await identity.issue({ kind: "zmq", subject: "ada", scopes: ["observe"] });
    const ws = await identity.issue({ kind: "ws", subject: "ada" });
    const proved = identity.plain("ada", zmq);
    expect(proved).toMatchObject({ agent: "ada", trust: "proved" });
    expect([...proved.scopes]).toEqual(["observe"]);
    expect(await speaker(identity, "ada", ws, "Ada")).toMatchObject({
      trust: "proved",
      displayName: "Ada",
      proof: proved.proof,
    });
    expect(codeOf(() => identity.plain("ada", ws))).toBe("unauthenticated");
    expect(await refusalOf(identity, "ada", zmq)).toBe("unauthenticated");
  });

  it("opens no other name", async () => {
    const identity = open();
    const zmq = await identity.issue({ kind: "zmq", subject: "ada" });
    const ws = await identity.issue({ kind: "ws", subject: "ada" });
    expect(codeOf(() => identity.plain("bob", zmq))).toBe("unauthenticated");
    expect(await refusalOf(identity, "bob", ws)).toBe("forbidden");
  });

  it("is kept as a hash only, in a file for its owner only, and survives a restart", async () => {
    const token = await open().issue({ kind: "ws", subject: "ada" });
    expect(readFileSync(data.file("tokens.json"), "utf8")).not.toContain(token);
    expect(statSync(data.file("tokens.json")).mode & 0o777).toBe(0o600);
    const next = open();
    expect(next.isProtected("ada")).toBe(true);
    expect(next.protectedCount).toBe(1);
    expect((await speaker(next, "ada", token)).trust).toBe("proved");
  });

  it("issued by another process works at once, and protects its name within a moment", async () => {
    const broker = open();
    expect(broker.isProtected("ada")).toBe(false);
    const token = await open().issue({ kind: "zmq", subject: "ada" });
    expect(broker.isProtected("ada")).toBe(false);
    clock.advance(200);
    expect(broker.isProtected("ada")).toBe(true);
    const second = await open().issue({ kind: "zmq", subject: "bob" });
    expect(broker.plain("bob", second).trust).toBe("proved");
    expect(broker.plain("ada", token).trust).toBe("proved");
  });

  it("ends when it expires, and is gone from the file when the next is issued", async () => {
    const identity = open();
    const token = await identity.issue({ kind: "zmq", subject: "ada", ttlMs: 1_000 });
    clock.advance(999);
    expect(identity.plain("ada", token).agent).toBe("ada");
    clock.advance(1);
    expect(codeOf(() => identity.plain("ada", token))).toBe("unauthenticated");
    expect(identity.isProtected("ada")).toBe(false);
    await identity.issue({ kind: "zmq", subject: "bob" });
    expect(readFileSync(data.file("tokens.json"), "utf8")).not.toContain("ada");
  });

  it("ends when it is taken out of the file", async () => {
    const identity = open();
    const token = await identity.issue({ kind: "zmq", subject: "ada" });
    expect(identity.plain("ada", token).agent).toBe("ada");
    rmSync(data.file("tokens.json"));
    clock.advance(200);
    expect(codeOf(() => identity.plain("ada", token))).toBe("unauthenticated");
    expect(identity.protectedCount).toBe(0);
  });

  it("is not lost when many are issued at once through two stores of one file", async () => {
    const both = [open(), open()] as const;
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        both[n % 2 === 0 ? 0 : 1].issue({ kind: "zmq", subject: `agent-${String(n)}` }),
      ),
    );
    const after = open();
    tokens.forEach((token, n) => {
      expect(after.plain(`agent-${String(n)}`, token).trust).toBe("proved");
    });
    expect(readdirSync(data.path).sort()).toEqual(["operator-token", "pan-token", "tokens.json"]);
  });

  it("is made for nothing that cannot be a name", async () => {
    const identity = open();
    for (const subject of ["", "all", "#room", "$x", "a ".repeat(70)]) {
      await expect(identity.issue({ kind: "zmq", subject })).rejects.toMatchObject({ code: "malformed" });
    }
  });

  it("carries the names of a proxy, and of a proxy only", async () => {
    const identity = open();
    const proxy = await identity.issue({ kind: "zmq", subject: "relay", scopes: ["proxy"], names: ["a", "b"] });
    const plain = await identity.issue({ kind: "zmq", subject: "ada", names: ["c"] });
    expect([...identity.proxied(identity.plain("relay", proxy))]).toEqual(["a", "b"]);
    expect([...identity.proxied(identity.plain("ada", plain))]).toEqual([]);
  });
});

describe("a damaged token file", () => {
  it("stops the start with the remedy", () => {
    for (const text of ["", "{", '{"tokens":[{"id":1}]}', "[]"]) {
      writeFileSync(data.file("tokens.json"), text);
      expect(codeOf(() => open())).toBe("unavailable");
    }
  });

  it("does not end the tokens of a running broker, and is told once", async () => {
    const identity = open();
    const token = await identity.issue({ kind: "zmq", subject: "ada" });
    writeFileSync(data.file("tokens.json"), "{");
    clock.advance(200);
    expect(identity.plain("ada", token).agent).toBe("ada");
    for (let i = 0; i < 5; i += 1) {
      clock.advance(200);
      expect(identity.isProtected("ada")).toBe(true);
    }
    expect(faults.map(({ code }) => code)).toEqual(["unavailable"]);
    expect(identity.endOf(identity.listing(token)?.id ?? "")).toBeUndefined();
  });

  it("is not overwritten by the next token", async () => {
    const identity = open();
    writeFileSync(data.file("tokens.json"), "{");
    await expect(identity.issue({ kind: "zmq", subject: "ada" })).rejects.toMatchObject({ code: "unavailable" });
    expect(readFileSync(data.file("tokens.json"), "utf8")).toBe("{");
  });
});

describe("names seen proved", () => {
  it("are remembered over a restart, the operator's aside", () => {
    const tables = new TablesMemory();
    const start = (): IdentityTokens => {
      const identity = new IdentityTokens({
        dataDirectory: data,
        clock,
        limits: defaultLimits,
        reserved: [],
        tables,
        damaged: (fault) => faults.push(fault),
      });
      identity.load();
      return identity;
    };
    const first = start();
    remember(first, "ada");
    remember(first, operatorName);
    clock.advance(defaultLimits.provedNameMs - 1);
    const second = start();
    expect([second.isProtected("ada"), second.protectedCount]).toEqual([true, 1]);
    clock.advance(1);
    expect([second.isProtected("ada"), start().protectedCount]).toEqual([false, 0]);
    expect([...tables.table<number>("proved-names").range("", "z")]).toEqual([]);
  });

  it("are remembered for 30 days", () => {
    const identity = open();
    remember(identity, "ada");
    clock.advance(30 * 86_400_000 - 1);
    expect([identity.isProtected("ada"), identity.protectedCount]).toEqual([true, 1]);
    clock.advance(1);
    expect([identity.isProtected("ada"), identity.protectedCount]).toEqual([false, 0]);
  });

  it("leave a broker without any at a count of 0, so that bytes need no scan", () => {
    expect(open().protectedCount).toBe(0);
    expect(open(["boss"]).protectedCount).toBe(1);
  });

  it("are told to who listens", () => {
    const identity = open();
    const names: string[] = [];
    remember(identity, "early");
    identity.onProved((name) => names.push(name));
    for (const name of ["ada", "bob", "ada"]) remember(identity, name);
    expect(names).toEqual(["ada", "bob", "ada"]);
  });
});
