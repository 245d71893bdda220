import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWTPayload } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import type { Principal, Scope } from "../../../src/core/index.js";
import type { Credential } from "../../../src/identity/index.js";
import { readJwt } from "../../../src/identity/jwt-form.js";
import { ConfiguredIssuers, type Binding, type Issuer } from "../../../src/identity/providers/index.js";
import { gatedTable, type GatedTable } from "../../kit/gated-table.js";
import { issuerKey, testIssuer } from "../../kit/outside-tokens.js";

const key = issuerKey("ES256", "one");
const name = "https://login.example";

describe("users of another issuer", () => {
  const clock = new FakeClock();
  let folder: string;
  let issuers: ConfiguredIssuers;
  let kept: GatedTable<Binding>;
  let ours: Set<string>;
  let known: Set<string>;
  let online: Set<string>;
  let kinds: Map<string, "a mailbox" | "approved contacts">;
  let likes: Map<string, string>;

  const issuer = (more: Partial<Issuer> = {}): Issuer =>
    testIssuer({ keys: { form: "jwks", at: join(folder, "keys.json") }, ...more });
  const open = (...configured: readonly Issuer[]): ConfiguredIssuers => {
    const opened = new ConfiguredIssuers({
      clock,
      limits: { issuerWaitsMax: 10, issuerNamesMax: 8, issuerFirstUsesMax: 2 },
      log: () => undefined,
      names: {
        isOurs: (one) => ours.has(one),
        isProtected: (one) => ours.has(one) || known.has(one) || likes.has(one),
        protectedLike: (one) => likes.get(one),
        isOnline: (one) => online.has(one),
        keptFor: (one) => kinds.get(one),
      },
    });
    opened.set(configured.length === 0 ? [issuer()] : configured);
    opened.load(kept.table);
    return opened;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-issuers-"));
    writeFileSync(join(folder, "keys.json"), JSON.stringify({ keys: [key.jwk] }));
    [ours, known, online] = [new Set(), new Set(), new Set()];
    kinds = new Map();
    [likes, kept] = [new Map<string, string>(), gatedTable<Binding>()];
    issuers = open();
  });
  afterEach(() => {
    issuers.close();
    rmSync(folder, { recursive: true });
  });

  const credential = async (sub: string, more: JWTPayload = {}, dialect = "pan"): Promise<Credential> => {
    const exp = clock.now() / 1_000 + 600;
    const token = await key.sign({ iss: name, aud: "agents", sub, exp, ...more });
    const jwt = readJwt(token) ?? expect.fail("it has not the form of a JWT");
    return issuers.bearer(jwt, dialect) ?? expect.fail("nobody has issued it");
  };
  const speak = async (sub: string, agent: string, more: JWTPayload = {}): Promise<Principal> =>
    (await credential(sub, more)).speakFor(agent);
  /** `may`, or the code and the words of the refusal. */
  const outcome = async (sub: string, agent: string, more: JWTPayload = {}): Promise<string> => {
    try {
      await speak(sub, agent, more);
      return "may";
    } catch (thrown) {
      const { code, message } = thrown as { code?: string; message: string };
      return `${String(code)}: ${message}`;
    }
  };
  const restart = (...configured: readonly Issuer[]): void => {
    issuers.close();
    issuers = open(...configured);
  };

  it("are proved, by issuer and subject, until their token ends, and have no scope", async () => {
    const found = await credential("u1");
    const { agent, displayName, trust, proof, tokenId, expiresAt, scopes } = await found.speakFor("ada", "Ada L.");
    expect([found.owner, found.only]).toEqual([`jwt:${name}#u1`, undefined]);
    expect([agent, displayName, trust, proof, tokenId]).toEqual([
      "ada",
      "Ada L.",
      "proved",
      `jwt:${name}#u1`,
      undefined,
    ]);
    expect([expiresAt, scopes.size]).toEqual([clock.now() + 600_000, 0]);
  });

  it("of an issuer that nobody has configured are nobody's", async () => {
    const jwt = readJwt(await key.sign({ iss: "https://other.example", sub: "u1" })) ?? expect.fail("no JWT");
    expect(issuers.bearer(jwt, "pan")).toBeUndefined();
    const nobody = readJwt(await key.sign({ sub: "u1" })) ?? expect.fail("no JWT");
    expect(issuers.bearer(nobody, "pan")).toBeUndefined();
  });

  it("are refused in a dialect that takes no tokens of their issuer", async () => {
    await expect(credential("u1", {}, "agentchat")).rejects.toMatchObject({
      code: "forbidden",
      message: `tokens of ${name} are taken in pan and not in agentchat: use one of these, or a token of this broker`,
    });
  });

  it("have the scopes that the operator gives for their own, and no others", async () => {
    restart(issuer({ scopes: { "bots:watch": ["observe"], admin: ["operate", "inspect"] } }));
    const scopesOf = async (scope: unknown): Promise<readonly Scope[]> =>
      [...(await speak("u1", "ada", { scope })).scopes].sort();
    expect(await scopesOf("bots:watch other operate")).toEqual(["observe"]);
    expect(await scopesOf(["admin", "bots:watch"])).toEqual(["inspect", "observe", "operate"]);
    expect(await scopesOf("__proto__ constructor toString Admin")).toEqual([]);
    expect(await scopesOf({ admin: true })).toEqual([]);
    expect(await scopesOf(undefined)).toEqual([]);
  });

  it("have their scopes and agents where the operator says they stand", async () => {
    const claims = { realm_access: { roles: ["admin"] }, "https://x/agents": ["ada", "bob"] };
    restart(
      issuer({
        scopes: { admin: ["operate"] },
        scopesClaim: ["realm_access", "roles"],
        agentsClaim: ["https://x/agents"],
      }),
    );
    expect([...(await speak("u1", "ada", claims)).scopes]).toEqual(["operate"]);
    expect(await outcome("u1", "eve", claims)).toContain("your token speaks for ada, bob and not for eve");
  });

  describe("by the claim agents", () => {
    it.each<[string, unknown]>([
      ["a list", ["ada", "bob"]],
      ["a text", "ada bob"],
    ])("speak for the agents of %s and for no others", async (_what, agents) => {
      expect(await outcome("u1", "ada", { agents })).toBe("may");
      expect(await outcome("u1", "bob", { agents })).toBe("may");
      expect(await outcome("u1", "eve", { agents })).toBe(
        "forbidden: your token speaks for ada, bob and not for eve; use one of these",
      );
    });

    it("speak for one alone are known by it", async () => {
      expect((await credential("u1", { agents: ["ada"] })).only).toBe("ada");
      expect((await credential("u1", { agents: ["ada", "bob"] })).only).toBeUndefined();
    });

    it("speak for nobody where it is empty", async () => {
      expect(await outcome("u1", "ada", { agents: [] })).toContain("your token names no agent");
    });

    it.each<[unknown]>([[7], [{ ada: true }], [["ada", 7]], [null]])("are refused where it is %j", async (agents) => {
      await expect(credential("u1", { agents })).rejects.toMatchObject({ code: "unauthenticated" });
    });

    it("get a name that somebody else uses without a proof", async () => {
      online.add("ada");
      known.add("ada");
      expect(await outcome("u1", "ada", { agents: "ada" })).toBe("may");
    });

    it("get no name that a key has", async () => {
      known.add("0123456789abcdef");
      expect(await outcome("u1", "0123456789abcdef", { agents: "0123456789abcdef" })).toContain("the owner of a key");
    });
  });

  describe("by their subject", () => {
    it("speak for the agent of that name, claim or no claim", async () => {
      expect(await outcome("ada", "ada")).toBe("may");
      expect(await outcome("ada", "ada", { agents: ["bob"] })).toBe("may");
    });

    it("do not get what another subject has used first", async () => {
      expect(await outcome("u1", "ada")).toBe("may");
      expect(await outcome("ada", "ada")).toBe(
        "conflict: the name ada belongs to somebody else; choose another, or ask the operator, " +
          "who can free it (broker network forget)",
      );
    });
  });

  describe("by the operator's table", () => {
    it("speak for what it gives them, reserved names included, and nobody else outside does", async () => {
      ours.add("boss");
      restart(issuer({ agents: { u1: ["boss", "ada"] } }));
      expect(await outcome("u1", "boss")).toBe("may");
      expect(await outcome("u1", "ada")).toBe("may");
      for (const one of ["boss", "ada"])
        expect(await outcome("u2", one, { agents: one })).toContain("is reserved here");
      expect(await outcome("ada", "ada")).toContain("is reserved here");
      expect(issuers.has("ada")).toBe(true);
      expect(kept.written()).toEqual([]);
    });

    it("are known by the one that it gives them", async () => {
      restart(issuer({ agents: { u1: ["ada"], u2: ["bob", "eve"] } }));
      expect((await credential("u1")).only).toBe("ada");
      expect((await credential("u2")).only).toBeUndefined();
      expect((await credential("u1", { agents: "bob" })).only).toBeUndefined();
      expect((await credential("toString")).only).toBeUndefined();
    });

    it("get what others had before", async () => {
      expect(await outcome("u1", "ada")).toBe("may");
      issuers.set([issuer({ agents: { u2: ["ada"] } })]);
      expect(await outcome("u2", "ada")).toBe("may");
      expect(await outcome("u1", "ada")).toContain("is reserved here");
    });
  });

  describe("by first use", () => {
    it("have a name for good, over a restart", async () => {
      expect(await outcome("u1", "ada")).toBe("may");
      restart();
      expect(await outcome("u2", "ada")).toContain("belongs to somebody else");
      expect(await outcome("u1", "ada")).toBe("may");
      expect(issuers.namesOf(name, "u1")).toEqual(["ada"]);
    });

    it("have a name also while it is online and remembered as theirs", async () => {
      expect(await outcome("u1", "ada")).toBe("may");
      online.add("ada");
      known.add("ada");
      expect(await outcome("u1", "ada")).toBe("may");
    });

    it("lose it to a claim that names others, and to a token of the broker's", async () => {
      expect(await outcome("u1", "ada")).toBe("may");
      expect(await outcome("u1", "ada", { agents: "bob" })).toContain("not for ada");
      ours.add("ada");
      expect(await outcome("u1", "ada")).toContain("is reserved here");
    });

    it.each<[string, () => void, string]>([
      ["reserved, or has a token", () => ours.add("ada"), "forbidden: the name ada is reserved here"],
      ["online", () => online.add("ada"), "conflict: the name ada is in use"],
      ["the owner of a mailbox", () => kinds.set("ada", "a mailbox"), "conflict: the name ada has a mailbox"],
      [
        "approved as a contact",
        () => kinds.set("ada", "approved contacts"),
        "conflict: the name ada has approved contacts",
      ],
      [
        "proved, or has a mailbox",
        () => known.add("ada"),
        "conflict: the name ada belongs to somebody who has proved it",
      ],
      ["like one of somebody else", () => likes.set("ada", "аda"), "conflict: the name ada looks like аda"],
    ])("get no name that is %s, and hear what to do", async (_what, arrange, words) => {
      arrange();
      const refusal = await outcome("u1", "ada");
      expect(refusal).toContain(words);
      expect(refusal).toMatch(/(choose|use) another/);
      expect(kept.written()).toEqual([]);
    });

    it("get no name that looks like one of another user, but may have two of their own", async () => {
      expect(await outcome("u1", "ada")).toBe("may");
      expect(await outcome("u2", "Ada")).toContain("looks like ada");
      expect(await outcome("u2", "аda", { agents: "аda" })).toContain("looks like ada");
      likes.set("Ada", "ada");
      expect(await outcome("u1", "Ada")).toBe("may");
    });

    it.each(["", "$broker", "#room", "all", "system", "a".repeat(129), " ada"])(
      "get no name that no agent can have: %j",
      async (agent) => {
        expect(await outcome("u1", agent)).toMatch(/^malformed: /);
      },
    );

    it("of one name at the same time are one", async () => {
      kept.hold();
      const both = [outcome("u1", "ada"), outcome("u2", "ada")];
      const second = await Promise.race(both);
      expect(second).toContain("belongs to somebody else");
      await kept.open();
      expect((await Promise.all(both)).filter((one) => one === "may")).toHaveLength(1);
    });

    it("are told when it is on the disk, and not before", async () => {
      kept.hold();
      const told: string[] = [];
      const twice = [1, 2].map(async () => told.push(await outcome("u1", "ada")));
      expect(await outcome("u2", "ada")).toContain("belongs to somebody else");
      expect(told).toEqual([]);
      await kept.open();
      await Promise.all(twice);
      expect([told, kept.written()]).toEqual([["may", "may"], ["put ada"]]);
    });

    it("have nothing where the disk fails, and the next has it", async () => {
      kept.hold();
      const first = outcome("u1", "ada");
      expect(await outcome("u2", "ada")).toContain("belongs to somebody else");
      await kept.fail(new Error("disk full"));
      expect(await first).toBe("unavailable: the name ada could not be kept for you; try again later");
      await kept.open();
      expect(await outcome("u2", "ada")).toBe("may");
    });

    it("have so many names and no more", async () => {
      for (const agent of ["a1", "a2"]) expect(await outcome("u1", agent)).toBe("may");
      expect(await outcome("u1", "a3")).toContain("full: you have 2 names by first use");
      expect(await outcome("u1", "a1")).toBe("may");
      expect(await outcome("u1", "a3", { agents: "a3" })).toBe("may");
    });

    it("have together half of what there can be of their issuer, which leaves room for claims", async () => {
      for (const agent of ["a1", "a2", "a3", "a4"]) expect(await outcome(`u${agent}`, agent)).toBe("may");
      expect(await outcome("u5", "a5")).toContain(`full: users of ${name} have as many names as there can be`);
      for (const agent of ["a5", "a6", "a7", "a8"]) expect(await outcome(agent, agent)).toBe("may");
      expect(await outcome("a9", "a9")).toContain("full");
      await issuers.forget("a1");
      expect(await outcome("a9", "a9")).toBe("may");
    });
  });

  it("are forgotten by the operator, one by one, and others may have them", async () => {
    for (const agent of ["a1", "a2"]) expect(await outcome("u1", agent)).toBe("may");
    expect(await outcome("u2", "b1")).toBe("may");
    expect(issuers.namesOf(name, "u1")).toEqual(["a1", "a2"]);
    for (const agent of issuers.namesOf(name, "u1")) expect(await issuers.forget(agent)).toEqual([agent]);
    expect(await issuers.forget("b1")).toEqual(["b1"]);
    expect(await issuers.forget("b1")).toEqual([]);
    restart();
    expect(await outcome("u3", "a1")).toBe("may");
    expect(await outcome("u3", "b1")).toBe("may");
  });

  it("of two issuers are different people under one subject", async () => {
    const other = "https://other.example";
    restart(issuer(), issuer({ name: other }));
    expect(await outcome("u1", "ada")).toBe("may");
    expect(await outcome("u1", "ada", { iss: other })).toContain("belongs to somebody else");
  });

  it("keep their names when their issuer goes, and are refused", async () => {
    expect(await outcome("u1", "ada")).toBe("may");
    issuers.set([]);
    await expect(credential("u1")).rejects.toThrow("nobody has issued it");
    expect(issuers.has("ada")).toBe(true);
  });

  describe("whose keys are in a file", () => {
    it("are known by what stands there now", async () => {
      const next = issuerKey("ES256", "two");
      const token = await next.sign({ iss: name, aud: "agents", sub: "u1", exp: clock.now() / 1_000 + 60 });
      const look = (): Promise<Credential> =>
        issuers.bearer(readJwt(token) ?? expect.fail("no JWT"), "pan") ?? expect.fail("nobody");
      await expect(look()).rejects.toThrow("does not publish");
      writeFileSync(join(folder, "next.json"), JSON.stringify({ keys: [next.jwk] }));
      renameSync(join(folder, "next.json"), join(folder, "keys.json"));
      await look();
      clock.advance(1_000);
      await expect(credential("u1")).rejects.toThrow("does not publish");
    });

    it.each<[string, () => void]>([
      [
        "is gone",
        () => {
          rmSync(join(folder, "keys.json"));
        },
      ],
      [
        "is broken",
        () => {
          writeFileSync(join(folder, "keys.json"), "{");
        },
      ],
      [
        "is too large",
        () => {
          writeFileSync(join(folder, "keys.json"), `{"keys":[],"x":"${"x".repeat(65_536)}"}`);
        },
      ],
    ])("go on by the last good ones when it %s, and new ones are refused for now", async (_what, spoil) => {
      expect(await outcome("u1", "ada")).toBe("may");
      spoil();
      clock.advance(1_000);
      expect(await outcome("u1", "ada")).toBe("may");
      restart();
      await expect(credential("u1")).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 1_000 });
    });
  });
});
