import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWTPayload } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import type { Credential } from "../../../src/identity/index.js";
import { readJwt } from "../../../src/identity/jwt-form.js";
import { ConfiguredIssuers, type Binding, type Issuer } from "../../../src/identity/providers/index.js";
import { TablesMemory } from "../../../src/storage/index.js";
import { eventually } from "../../kit/broker.js";
import { IssuerServer, says, silence, status, type Answer } from "../../kit/issuer-server.js";
import { issuerKey, testIssuer, type IssuerKey } from "../../kit/outside-tokens.js";

const [first, second] = [issuerKey("ES256", "first"), issuerKey("EdDSA", "second")];
const name = "https://login.example";

describe("an issuer at its server", () => {
  let folder: string;
  let server: IssuerServer;
  let clock: FakeClock;
  let issuers: ConfiguredIssuers;
  let logged: string[];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-issuer-"));
    server = await IssuerServer.start(folder, silence);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    clock = new FakeClock();
    logged = [];
    server.asked = 0;
    server.answer = says({ keys: [first.jwk] });
    issuers = new ConfiguredIssuers({
      clock,
      limits: { issuerWaitsMax: 100, issuerNamesMax: 10, issuerFirstUsesMax: 10 },
      log: (level, event, fields) => logged.push(`${level} ${event} ${JSON.stringify(fields)}`),
      names: {
        isOurs: () => false,
        isProtected: () => false,
        protectedLike: () => undefined,
        isOnline: () => false,
        keptFor: () => undefined,
      },
    });
    issuers.set([issuer()]);
  });
  afterEach(async () => {
    issuers.close();
    await eventually(() => server.connections === 0, "no connection stays");
  });

  const issuer = (more: Partial<Issuer> = {}): Issuer =>
    testIssuer({ keys: { form: "jwks", at: server.url, ca: server.ca }, ...more });
  const login = async (key: IssuerKey = first, more: JWTPayload = {}): Promise<Credential> => {
    const exp = clock.now() / 1_000 + 86_400 * 7;
    const jwt = readJwt(await key.sign({ iss: name, aud: "agents", sub: "u1", exp, ...more }));
    return issuers.bearer(jwt ?? expect.fail("no JWT"), "pan") ?? expect.fail("nobody has issued it");
  };
  const refused = async (code: string, words: string, key?: IssuerKey): Promise<void> => {
    await expect(login(key)).rejects.toMatchObject({ code, message: expect.stringContaining(words) as string });
  };

  it("is asked for its keys before the first login, and not again", async () => {
    issuers.load(new TablesMemory().table<Binding>("names"));
    await login();
    await login();
    expect(server.asked).toBe(1);
  });

  it("is asked once for a hundred logins at a time", async () => {
    await Promise.all(Array.from({ length: 100 }, () => login()));
    expect(server.asked).toBe(1);
  });

  it("that changes its key is followed: the new one by its id, the old one until it is gone", async () => {
    await login();
    server.answer = says({ keys: [first.jwk, second.jwk] });
    await refused("unauthenticated", "does not publish", second);
    clock.advance(30_000);
    await login(second);
    await login(first);
    server.answer = says({ keys: [second.jwk] });
    clock.advance(3_600_000);
    await refused("unauthenticated", "does not publish", first);
    await login(second);
  });

  it("is asked once in 30 s for keys that nobody has, however many name one", async () => {
    await login();
    clock.advance(30_000);
    const strangers = Array.from({ length: 20 }, (_, at) => issuerKey("EdDSA", `stranger-${at}`));
    await Promise.all(strangers.map((key) => refused("unauthenticated", "does not publish", key)));
    expect(server.asked).toBe(2);
  });

  it.each<[string, Answer, string]>([
    ["answers with a redirect", status(302, { location: "https://elsewhere.example/keys" }), "a redirect (302)"],
    ["fails", status(500), "the answer is 500"],
    ["answers with a page", says("<html>Welcome</html>", { "content-type": "text/html" }), "not JSON"],
    ["answers with another document", says({ error: "none" }), "no list keys"],
    ["answers hugely", says("x".repeat(1_000_000)), "more than 64 KiB"],
    ["publishes a secret", says({ keys: [{ kty: "oct", k: "AAAA", kid: "first", alg: "HS256" }] }), "symmetric"],
    ["publishes no keys", says({ keys: [] }), "holds no keys"],
    ["hangs up", (request) => void request.socket.destroy(), "ended before the answer was complete"],
  ])("that %s lets nobody in, and one that comes again is let in", async (_what, answer, words) => {
    server.answer = answer;
    await refused("unavailable", words);
    await expect(login()).rejects.toMatchObject({ retryAfterMs: 1_000 });
    expect(logged.filter((line) => line.startsWith("warn"))).toEqual([expect.stringContaining(words)]);
    server.answer = says({ keys: [first.jwk] });
    clock.advance(1_000);
    await login();
    expect(logged.at(-1)).toContain("are there again");
  });

  it("that never answers refuses its logins after 5 s, and blocks nothing meanwhile", async () => {
    server.answer = silence;
    const logins = [refused("unavailable", "no complete answer within 5 s"), refused("unavailable", "within 5 s")];
    await eventually(() => server.asked === 1, "it is asked");
    clock.advance(5_000);
    await Promise.all(logins);
    expect(server.asked).toBe(1);
  });

  it("that answers slowly is waited for", async () => {
    server.answer = (request, response) => {
      setTimeout(() => {
        says({ keys: [first.jwk] })(request, response);
      }, 100);
    };
    await login();
  });

  it("that goes lets everybody in by its last good keys, for a day", async () => {
    await login();
    server.answer = status(503);
    clock.advance(3_600_000);
    await login();
    clock.advance(24 * 3_600_000);
    await refused("unavailable", "the answer is 503");
  });

  it("keeps its keys when the configuration is read again, unless they are elsewhere now", async () => {
    await login();
    issuers.set([issuer({ agents: { u1: ["ada"] } })]);
    expect((await login()).only).toBe("ada");
    expect(server.asked).toBe(1);
    issuers.set([issuer({ keys: { form: "jwks", at: `${server.url}?2`, ca: server.ca } })]);
    await login();
    expect(server.asked).toBe(2);
  });

  it("whose keys are elsewhere by the time they come says so to those who waited", async () => {
    server.answer = silence;
    const waiting = refused("unavailable", "the configuration was read again meanwhile");
    await eventually(() => server.asked === 1, "it is asked");
    issuers.set([issuer({ keys: { form: "jwks", at: `${server.url}?2`, ca: server.ca } })]);
    await waiting;
  });

  it("that is taken out of the configuration lets nobody speak whose token was looked at before", async () => {
    issuers.load(new TablesMemory().table<Binding>("names"));
    const credential = await login();
    issuers.set([]);
    await expect(credential.speakFor("ada")).rejects.toMatchObject({
      code: "unauthenticated",
      message: expect.stringContaining("taken out of the configuration") as string,
    });
    issuers.set([issuer({ agents: { u1: ["boss"] } })]);
    expect((await credential.speakFor("boss")).agent).toBe("boss");
  });

  it("is named in the log with what went wrong, and no token ever", async () => {
    const token = await first.sign({ iss: name, aud: "agents", sub: "u1", exp: clock.now() / 1_000 + 60 });
    server.answer = (request, response) => {
      says(`${token} ${request.url ?? ""}`)(request, response);
    };
    await refused("unavailable", "not JSON");
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain(name);
    expect(logged[0]).not.toContain(token);
  });
});
