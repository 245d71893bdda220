import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { defaultLimits, type Principal } from "../../src/core/index.js";
import { IdentityTokens, operatorScopes, type TokenKind } from "../../src/identity/index.js";
import { DataDirectory } from "../../src/storage/index.js";
import { ConfiguredIssuers, type Binding } from "../../src/identity/providers/index.js";
import { TablesMemory } from "../../src/storage/table-memory.js";
import { readJwt } from "../../src/identity/jwt-form.js";
import { issuerKey, testIssuer } from "../kit/outside-tokens.js";

describe("whoever looks by a token of the broker's own", () => {
  let data: DataDirectory;
  let clock: FakeClock;
  let tables: TablesMemory;
  let identity: IdentityTokens;
  beforeEach(() => {
    data = new DataDirectory(mkdtempSync(join(tmpdir(), "synaptic-viewer-")));
    clock = new FakeClock();
    tables = new TablesMemory();
    identity = new IdentityTokens({
      dataDirectory: data,
      clock,
      limits: defaultLimits,
      reserved: [],
      tables,
      damaged: (fault) => {
        throw fault;
      },
    });
    identity.load();
  });
  afterEach(() => {
    rmSync(data.path, { recursive: true, force: true });
  });

  const viewerOf = async (token: string): Promise<Principal> =>
    (await identity.bearer(token, "visualisation")).viewer();
  const issued = (kind: TokenKind): Promise<string> =>
    identity.issue({ kind, subject: "ada", scopes: ["observe", "control"], ttlMs: 60_000 });

  it.each(["ws", "jwt"] as const)("of kind %s is its subject, with its scopes, until its end", async (kind) => {
    const token = await issued(kind);
    const [record] = identity.list();
    const { scopes, ...ada } = await viewerOf(token);
    expect(ada).toEqual({
      agent: "ada",
      displayName: "ada",
      trust: "proved",
      proof: "token:ada",
      tokenId: record?.id,
      ...(kind === "jwt" && { expiresAt: clock.now() + 60_000 }),
    });
    expect([...scopes]).toEqual(["observe", "control"]);
  });

  it("that speaks for several agents is the subject, and none of the others", async () => {
    const claims = JSON.parse(Buffer.from((await issued("jwt")).split(".")[1] ?? "", "base64url").toString()) as Record<
      string,
      unknown
    >;
    const key = createPrivateKey(readFileSync(data.file("jwt-key")));
    const several = await new SignJWT({ ...claims, agents: ["bob", "carol", "control-1"] })
      .setProtectedHeader({ alg: "EdDSA" })
      .sign(key);
    const credential = await identity.bearer(several, "visualisation");
    expect(credential.only).toBeUndefined();
    expect(await credential.viewer()).toMatchObject({ agent: "ada", proof: "token:ada" });
    await expect(credential.speakFor("control-1")).rejects.toMatchObject({ code: "malformed" });
  });

  it("the operator's has all rights but that of others' names", async () => {
    const token = readFileSync(data.file("operator-token"), "utf8").trim();
    const { agent, trust, proof, scopes } = await viewerOf(token);
    expect([agent, trust, proof]).toEqual(["operator", "proved", "token:operator"]);
    expect([...scopes]).toEqual(operatorScopes);
  });

  it("the shared one proves nothing, and opens nothing", async () => {
    const { trust, proof, scopes } = await viewerOf(readFileSync(data.file("pan-token"), "utf8").trim());
    expect([trust, proof, scopes.size]).toEqual(["shared", undefined, 0]);
  });

  it("is refused once the token has ended, also between the look at it and its use", async () => {
    const token = await issued("ws");
    const credential = await identity.bearer(token, "visualisation");
    await identity.revoke("ada");
    clock.advance(1_000);
    await expect(credential.viewer()).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(viewerOf(token)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("leaves nothing behind: no proof, no name, no file", async () => {
    const token = await issued("ws");
    const files = readdirSync(data.path);
    for (let turn = 0; turn < 3; turn += 1) await viewerOf(token);
    await identity.revoke("ada");
    clock.advance(1_000);
    expect(identity.isProtected("ada")).toBe(false);
    expect([...tables.table("proved-names").range("", "\uffff")]).toEqual([]);
    expect(readdirSync(data.path)).toEqual(files);
  });

  it("of ZeroMQ is no token for it, and no token is made for a name that sessions have", async () => {
    await expect(viewerOf(await issued("zmq"))).rejects.toMatchObject({ code: "unauthenticated" });
    for (const subject of ["control-1", "Control-1", "c0ntrol-x"])
      await expect(identity.issue({ kind: "ws", subject })).rejects.toMatchObject({ code: "malformed" });
  });
});

describe("whoever looks by a token of another issuer", () => {
  const name = "https://login.example";
  let folder: string;
  let issuers: ConfiguredIssuers;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-viewer-"));
  });
  afterEach(() => {
    issuers.close();
    rmSync(folder, { recursive: true });
  });

  it("is its subject, whatever that is called, with the mapped scopes, and nothing is bound by it", async () => {
    const [clock, key] = [new FakeClock(), issuerKey("ES256", "one")];
    writeFileSync(join(folder, "keys.json"), JSON.stringify({ keys: [key.jwk] }));
    issuers = new ConfiguredIssuers({
      clock,
      limits: { issuerWaitsMax: 10, issuerNamesMax: 8, issuerFirstUsesMax: 2 },
      log: () => undefined,
      names: {
        isOurs: () => true,
        isProtected: () => true,
        protectedLike: () => undefined,
        isOnline: () => true,
        keptFor: () => "a mailbox",
      },
    });
    const scopes = { watcher: ["observe"], boss: ["control"] } as const;
    issuers.set([testIssuer({ keys: { form: "jwks", at: join(folder, "keys.json") }, scopes })]);
    issuers.load(new TablesMemory().table<Binding>("proved-outside"));
    const viewerOf = async (sub: string): Promise<Principal> => {
      const exp = clock.now() / 1_000 + 600;
      const claims = { iss: name, aud: "agents", sub, exp, scope: "watcher other", agents: ["ada"] };
      const jwt = readJwt(await key.sign(claims)) ?? expect.fail("it has not the form of a JWT");
      const credential = await (issuers.bearer(jwt, "pan") ?? expect.fail("nobody has issued it"));
      return credential.viewer();
    };
    for (const sub of ["u1", "system", "control-1", "https://login.example/u/7/", "__proto__"]) {
      const { agent, trust, proof, expiresAt, scopes: rights } = await viewerOf(sub);
      expect([agent, trust, proof, expiresAt]).toEqual([sub, "proved", `jwt:${name}#${sub}`, clock.now() + 600_000]);
      expect([...rights]).toEqual(["observe"]);
      expect(issuers.namesOf(name, sub)).toEqual([]);
    }
    expect(issuers.size).toBe(0);
  });
});
