import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault, defaultLimits, principal } from "../../src/core/index.js";
import { DataDirectory } from "../../src/storage/index.js";
import { IdentityTokens, operatorName, type Credential, type OutsideIssuers } from "../../src/identity/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { speaker } from "../kit/speaker.js";

let data: DataDirectory;
let clock: FakeClock;
let faults: Fault[];
let identity: IdentityTokens;
beforeEach(() => {
  data = new DataDirectory(mkdtempSync(join(tmpdir(), "synaptic-jwt-")));
  clock = new FakeClock();
  faults = [];
  identity = open();
});
afterEach(() => {
  rmSync(data.path, { recursive: true, force: true });
});

function open(outside?: OutsideIssuers): IdentityTokens {
  const opened = new IdentityTokens({
    dataDirectory: data,
    clock,
    limits: defaultLimits,
    reserved: [],
    damaged: (fault) => faults.push(fault),
    ...(outside !== undefined && { outside }),
  });
  opened.load();
  return opened;
}

const jwtOf = (subject = "ada", ttlMs?: number): Promise<string> =>
  identity.issue({ kind: "jwt", subject, ...(ttlMs !== undefined && { ttlMs }) });

function partOf(jwt: string, part: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split(".")[part] ?? "", "base64url").toString("utf8")) as Record<string, unknown>;
}

const encoded = (text: string): string => Buffer.from(text).toString("base64url");
const key = (): KeyObject => createPrivateKey(readFileSync(data.file("jwt-key")));

/** A JWT with a record, but with other claims (undefined: without that one), another header, or signed by another key. */
async function changed(
  claims: Readonly<Record<string, unknown>>,
  { header = {}, by }: { header?: Readonly<Record<string, unknown>>; by?: KeyObject } = {},
): Promise<string> {
  const good = await jwtOf();
  const payload = Object.fromEntries(
    Object.entries({ ...partOf(good, 1), ...claims }).filter(([, value]) => value !== undefined),
  );
  return new SignJWT(payload).setProtectedHeader({ alg: "EdDSA", ...header }).sign(by ?? key());
}

/** What is told of a token that is refused as unauthenticated. */
async function whyNot(token: string, agent = "ada"): Promise<string> {
  try {
    await speaker(identity, agent, token);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    expect(thrown.code).toBe("unauthenticated");
    expect(thrown.message).not.toContain(token);
    return thrown.message;
  }
  return expect.fail("it was let in");
}

describe("a JWT of the broker's own", () => {
  it("says who it is for, by whom, what for and until when: 30 days if nothing is said", async () => {
    const jwt = await identity.issue({ kind: "jwt", subject: "ada", scopes: ["observe", "inspect"] });
    const now = clock.now() / 1_000;
    expect(partOf(jwt, 0)).toEqual({ alg: "EdDSA", typ: "JWT" });
    expect(partOf(jwt, 1)).toEqual({
      iss: expect.stringMatching(/^synaptic-core:[\w-]{43}$/) as string,
      aud: "synaptic-core",
      sub: "ada",
      scope: "observe inspect",
      iat: now,
      exp: now + 30 * 86_400,
      jti: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    });
  });

  it("proves its subject on every door of a WebSocket, as the same owner as its other tokens", async () => {
    const jwt = await identity.issue({ kind: "jwt", subject: "ada", scopes: ["observe"], ttlMs: 60_000 });
    const credential = await identity.bearer(jwt, "pan");
    expect([credential.only, credential.owner]).toEqual(["ada", "token:ada"]);
    const ada = await credential.speakFor("ada", "Ada");
    expect(ada).toMatchObject({
      agent: "ada",
      displayName: "Ada",
      trust: "proved",
      proof: "token:ada",
      tokenId: partOf(jwt, 1)["jti"],
      expiresAt: clock.now() + 60_000,
    });
    expect([...ada.scopes]).toEqual(["observe"]);
    const other = await speaker(identity, "ada", await identity.issue({ kind: "ws", subject: "ada" }));
    expect(other.proof).toBe(ada.proof);
    await expect(credential.speakFor("bob")).rejects.toMatchObject({ code: "forbidden" });
    await expect(credential.speakFor("#room")).rejects.toMatchObject({ code: "malformed" });
  });

  it("protects its name, is listed without its text, and holds over a restart and in another process", async () => {
    const other = open();
    const jwt = await jwtOf();
    expect([identity.isProtected("ada"), identity.protectedCount]).toEqual([true, 1]);
    expect(identity.list()).toEqual([
      {
        id: partOf(jwt, 1)["jti"],
        kind: "jwt",
        subject: "ada",
        scopes: [],
        issuedAt: clock.now(),
        expiresAt: clock.now() + 30 * 86_400_000,
      },
    ]);
    expect(identity.listing(jwt)).toEqual(identity.list()[0]);
    expect(readFileSync(data.file("tokens.json"), "utf8")).not.toContain(jwt.split(".")[2]);
    expect((await speaker(other, "ada", jwt)).trust, "made a moment ago by another process").toBe("proved");
    expect((await speaker(open(), "ada", jwt)).trust).toBe("proved");
  });

  it("stands apart in tokens.json, where a broker that knows none finds what it knew", async () => {
    await jwtOf();
    await identity.issue({ kind: "ws", subject: "bob" });
    const file = JSON.parse(readFileSync(data.file("tokens.json"), "utf8")) as Record<string, { subject: string }[]>;
    expect([file["tokens"]?.map(({ subject }) => subject), file["jwts"]?.map(({ subject }) => subject)]).toEqual([
      ["bob"],
      ["ada"],
    ]);
  });

  it("speaks for its agents where it names some, and never for the operator", async () => {
    const jwt = await changed({ agents: ["bob", operatorName] });
    const credential = await identity.bearer(jwt, "pan");
    expect([credential.only, credential.owner]).toEqual([undefined, "token:ada"]);
    for (const agent of ["ada", "bob"])
      expect(await credential.speakFor(agent)).toMatchObject({ agent, proof: `token:${agent}` });
    await expect(credential.speakFor("carol")).rejects.toMatchObject({ code: "forbidden" });
    await expect(credential.speakFor(operatorName)).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(jwtOf(operatorName)).rejects.toMatchObject({ code: "malformed" });
  });

  it("ends when it is revoked by its jti or its name, also between a look at it and its first word", async () => {
    const [first, second] = [await jwtOf(), await jwtOf()];
    const id = String(partOf(first, 1)["jti"]);
    const credential = await identity.bearer(first, "pan");
    expect((await identity.revoke(id)).map((taken) => taken.id)).toEqual([id]);
    expect(identity.endOf(id)).toBe("revoked");
    await expect(credential.speakFor("ada")).rejects.toMatchObject({ code: "unauthenticated" });
    expect(await whyNot(first)).toMatch(/revoked.*broker token ada --jwt/);
    expect((await speaker(identity, "ada", second)).trust).toBe("proved");
    await identity.revoke("ada");
    expect(await whyNot(second)).toMatch(/revoked/);
  });

  it("ends at its time to the millisecond, told with the time", async () => {
    const jwt = await jwtOf("ada", 60_000);
    clock.advance(59_999);
    const credential = await identity.bearer(jwt, "pan");
    clock.advance(1);
    expect(identity.endOf(String(partOf(jwt, 1)["jti"]))).toBe("expired");
    await expect(credential.speakFor("ada")).rejects.toThrow(/expired/);
    expect(await whyNot(jwt)).toMatch(/expired at 2026-01-01T00:01:00\.000Z; broker token NAME --jwt/);
    clock.advance(60_000);
    expect(await whyNot(jwt)).toMatch(/expired at 2026-01-01T00:01:00\.000Z/);
  });

  it("is unknown where tokens.json is from before it, or names another subject", async () => {
    const before = readFileSync(data.file("pan-token"));
    const jwt = await jwtOf();
    const file = readFileSync(data.file("tokens.json"), "utf8");
    writeFileSync(data.file("tokens.json"), file.replace('"ada"', '"bob"'));
    clock.advance(200);
    expect(await whyNot(jwt)).toMatch(/revoked, or the tokens\.json of the broker is older/);
    writeFileSync(data.file("tokens.json"), '{"tokens":[]}');
    clock.advance(200);
    expect(await whyNot(jwt)).toMatch(/revoked, or the tokens\.json of the broker is older/);
    expect(readFileSync(data.file("pan-token"))).toEqual(before);
  });

  it("does not pass with the id of a token of another kind", async () => {
    const opaque = await identity.issue({ kind: "ws", subject: "ada" });
    expect(await whyNot(await changed({ jti: identity.listing(opaque)?.id }))).toMatch(/revoked/);
  });
});

describe("a JWT that is refused", () => {
  it("is not signed, or by a secret: the public key is none", async () => {
    const good = await jwtOf();
    const [, body = "", signature = ""] = good.split(".");
    const header = (alg: string): string => encoded(JSON.stringify({ alg }));
    for (const alg of ["none", "None", "NONE"]) {
      expect(await whyNot(`${header(alg)}.${body}.`)).toMatch(/by EdDSA only, not by "none"/i);
      expect(await whyNot(`${header(alg)}.${body}.${signature}`)).toMatch(/by EdDSA only/);
    }
    const publicKey = createPublicKey(key());
    for (const secret of [
      publicKey.export({ type: "spki", format: "pem" }).toString(),
      publicKey.export({ type: "spki", format: "der" }),
      Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url"),
    ]) {
      const forged = await new SignJWT(partOf(good, 1)).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(secret));
      expect(await whyNot(forged)).toMatch(/a secret that others have, too \(HS256\)/);
    }
    for (const alg of ["RS256", "ES256", "Ed25519", "eddsa", "", 'x"'.repeat(9)])
      expect(await whyNot(`${header(alg)}.${body}.${signature}`)).toMatch(/by EdDSA only/);
  });

  it("brings a key, or says where one is, or asks for what is not known", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const jwk = publicKey.export({ format: "jwk" });
    for (const header of [
      { jwk },
      { jku: "https://192.0.2.1/keys" },
      { x5u: "https://192.0.2.1/x" },
      { x5c: ["MIIB"] },
      { crit: ["exp"] },
    ]) {
      const name = Object.keys(header)[0] ?? "";
      const [, body = ""] = (await changed({}, { by: privateKey })).split(".");
      const head = encoded(JSON.stringify({ alg: "EdDSA", ...header }));
      expect(await whyNot(`${head}.${body}.${"A".repeat(86)}`)).toMatch(new RegExp(`its header has ${name}, `));
    }
  });

  it("is signed by another key, whatever kid it names, or was changed", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    for (const kid of ["jwt-key", "../jwt-key", "/dev/null", "' OR 1=1", "0"])
      expect(await whyNot(await changed({}, { by: privateKey, header: { kid } }))).toMatch(/signature is wrong/);
    expect((await speaker(identity, "ada", await changed({}, { header: { kid: "/dev/null" } }))).trust).toBe("proved");
    const [head = "", , signature = ""] = (await jwtOf()).split(".");
    const claims = partOf(await jwtOf(), 1);
    expect(await whyNot(`${head}.${encoded(JSON.stringify({ ...claims, sub: "eve" }))}.${signature}`, "eve")).toMatch(
      /signature is wrong/,
    );
  });

  it("is for somebody else, of another issuer, or of a broker whose key is gone", async () => {
    for (const aud of ["synaptic", "", ["other"], [], undefined])
      expect(await whyNot(await changed({ aud }))).toMatch(/\baud\b/);
    expect((await speaker(identity, "ada", await changed({ aud: ["x", "synaptic-core"] }))).trust).toBe("proved");
    for (const iss of ["https://accounts.example", "synaptic-core", ""])
      expect(await whyNot(await changed({ iss }))).toMatch(/identityProviders/);
    for (const iss of [undefined, 7, ["x"]]) expect(await whyNot(await changed({ iss }))).toMatch(/who issued it/);
    expect(await whyNot(await changed({ iss: `synaptic-core:${"A".repeat(43)}` }))).toMatch(/another broker/);
    const jwt = await jwtOf();
    rmSync(data.file("jwt-key"));
    clock.advance(200);
    expect(await whyNot(jwt)).toMatch(/a jwt-key that it no longer has; broker token NAME --jwt/);
    expect((await speaker(identity, "ada", await jwtOf())).trust).toBe("proved");
  });

  it("is out of its time: expired, not valid yet, or issued in the future, but for 30 s of the clocks", async () => {
    const now = clock.now() / 1_000;
    expect(await whyNot(await changed({ exp: now - 1 }))).toMatch(/expired at 2025-12-31T23:59:59/);
    expect(await whyNot(await changed({ exp: now }))).toMatch(/expired/);
    expect(await whyNot(await changed({ nbf: now + 31 }))).toMatch(/nbf at 2026-01-01T00:00:31/);
    expect(await whyNot(await changed({ iat: now + 31 }))).toMatch(/issued at 2026-01-01T00:00:31.*compare the clocks/);
    for (const claims of [{ nbf: now + 30 }, { iat: now + 30 }])
      expect((await speaker(identity, "ada", await changed(claims))).trust).toBe("proved");
  });

  it("lacks what it must say, or says it in another form", async () => {
    for (const claim of ["exp", "sub", "jti"])
      expect(await whyNot(await changed({ [claim]: undefined }))).toMatch(new RegExp(`it has no ${claim}`));
    for (const claims of [{ sub: 7 }, { jti: ["x"] }, { exp: "tomorrow" }, { agents: "ada" }, { nbf: "now" }])
      expect(await whyNot(await changed(claims))).toMatch(/its \w+ (is|are) not /);
  });

  it("has a key twice, in its claims or its header", async () => {
    const [head = "", body = "", signature = ""] = (await jwtOf()).split(".");
    const claims = Buffer.from(body, "base64url").toString("utf8");
    const twice = encoded(claims.replace("{", '{"sub":"eve",'));
    expect(await whyNot(`${head}.${twice}.${signature}`)).toMatch(/claims cannot be read: a key stands twice/);
    const odd = encoded('{"alg":"none","alg":"EdDSA"}');
    expect(await whyNot(`${odd}.${body}.${signature}`)).toMatch(/header cannot be read: a key stands twice/);
  });

  it("is too long, cut, or garbage", async () => {
    const jwt = await jwtOf();
    const [head = "", body = "", signature = ""] = jwt.split(".");
    expect(await whyNot(`${head}.${"A".repeat(9_216)}.${signature}`)).toMatch(/longer than 8192 bytes/);
    expect(await whyNot("x".repeat(8_193))).toMatch(/longer than 8192 bytes/);
    for (const garbage of ["..", "a.b.c", ".x.", `${head}..`, `x.${body}.${signature}`])
      expect(await whyNot(garbage)).toMatch(/the token is not valid|three parts/);
    for (const cut of [head, `${head}.${body}`, `${jwt}.x`]) expect(await whyNot(cut)).toMatch(/it has three parts/);
    for (const text of ["[]", "7", "null", "{", '{"a":1}x', `${"[".repeat(99)}${"]".repeat(99)}`])
      expect(await whyNot(`${head}.${encoded(text)}.${signature}`)).toMatch(/claims cannot be read/);
    for (const text of ["{}", '{"alg":7}', '{"alg":"EdDSA","kid":7}'])
      expect(await whyNot(`${encoded(text)}.${body}.${signature}`)).toMatch(/names no algorithm/);
    expect(await whyNot(`jwt  ${jwt}`)).toMatch(/with its label before it.*behind jwt/);
    expect(await whyNot(`${jwt}\n`)).toMatch(/white space around the token/);
  });

  it("is shown to ZeroMQ, or ZeroMQ's token to a WebSocket", async () => {
    const jwt = await jwtOf();
    expect(() => identity.plain("ada", jwt)).toThrow(/^ZeroMQ takes no JWT: .*broker token ada --zmq/);
    expect(() => identity.plain("ada", jwt.slice(0, 255))).toThrow(/^ZeroMQ takes no JWT/);
    expect(() => identity.plain(operatorName, jwt)).toThrow(/operator-token/);
    expect(await whyNot(await identity.issue({ kind: "zmq", subject: "ada" }))).toMatch(/this is a ZeroMQ token/);
  });
});

describe("jwt-key", () => {
  it("is made with the first JWT, for its owner only, and stays", async () => {
    expect(statSync(data.file("jwt-key"), { throwIfNoEntry: false })).toBeUndefined();
    const jwt = await jwtOf();
    expect(statSync(data.file("jwt-key")).mode & 0o777).toBe(0o600);
    const before = readFileSync(data.file("jwt-key"), "utf8");
    expect(before).toMatch(/^-----BEGIN PRIVATE KEY-----\n[^]*-----END PRIVATE KEY-----\n$/);
    identity = open();
    expect(partOf(await jwtOf(), 1)["iss"]).toBe(partOf(jwt, 1)["iss"]);
    expect(readFileSync(data.file("jwt-key"), "utf8")).toBe(before);
  });

  it("is the same for two processes that make it at once", async () => {
    const jwts = await Promise.all(
      [open(), open(), open()].map((each, at) => each.issue({ kind: "jwt", subject: `agent ${String(at)}` })),
    );
    for (const [at, jwt] of jwts.entries())
      expect((await speaker(identity, `agent ${String(at)}`, jwt)).trust).toBe("proved");
  });

  it("that is damaged stops the start with the remedy, and leaves a running broker the one it had", async () => {
    const jwt = await jwtOf();
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
    for (const text of ["", "{", rsa.export({ type: "pkcs8", format: "pem" }).toString()]) {
      writeFileSync(data.file("jwt-key"), text);
      expect(() => open()).toThrow(/jwt-key is damaged.*put it back from a copy.*broker token NAME --jwt/);
    }
    clock.advance(200);
    expect((await speaker(identity, "ada", jwt)).trust).toBe("proved");
    expect(faults.map(({ code }) => code)).toEqual(["unavailable"]);
    await expect(jwtOf()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("that others could read is closed to them", async () => {
    const jwt = await jwtOf();
    chmodSync(data.file("jwt-key"), 0o644);
    clock.advance(200);
    expect((await speaker(identity, "ada", jwt)).trust).toBe("proved");
    expect(statSync(data.file("jwt-key")).mode & 0o777).toBe(0o600);
  });
});

describe("a JWT of another issuer", () => {
  it("is handed over unverified to whoever knows the issuer, and to nobody else", async () => {
    const ours = await jwtOf();
    const asked: string[] = [];
    const bob = principal("bob", "proved");
    const known: Credential = {
      only: "bob",
      owner: "x",
      speakFor: () => Promise.resolve(bob),
      viewer: () => Promise.resolve(bob),
    };
    identity = open({
      bearer({ issuer, header: { alg } }, dialect) {
        asked.push(`${String(issuer)} ${alg} ${dialect}`);
        return issuer === "https://known.example" ? Promise.resolve(known) : undefined;
      },
    });
    const { privateKey } = generateKeyPairSync("ed25519");
    const theirs = await changed({ iss: "https://known.example" }, { by: privateKey });
    expect(await identity.bearer(theirs, "pan")).toBe(known);
    const none = `${encoded('{"alg":"none"}')}.${theirs.split(".")[1] ?? ""}.`;
    expect(await identity.bearer(none, "echo")).toBe(known);
    expect(await whyNot(await changed({ iss: "https://other.example" }))).toMatch(/identityProviders/);
    expect((await speaker(identity, "ada", ours)).trust).toBe("proved");
    expect(asked).toEqual([
      "https://known.example EdDSA pan",
      "https://known.example none echo",
      "https://other.example EdDSA pan",
    ]);
  });
});
