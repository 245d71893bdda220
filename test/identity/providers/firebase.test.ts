import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWTPayload } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readConfig, type BrokerOptions } from "../../../src/config/index.js";
import { issuersOf } from "../../../src/config/provider-rules.js";
import { systemClock } from "../../../src/core/index.js";
import type { Credential } from "../../../src/identity/index.js";
import { readJwt } from "../../../src/identity/jwt-form.js";
import { ConfiguredIssuers } from "../../../src/identity/providers/index.js";
import { readKeys } from "../../../src/identity/providers/key-set.js";
import { makeExpired, makeCertificate } from "../../kit/certificates.js";
import { IssuerServer, says, silence } from "../../kit/issuer-server.js";
import { certifiedKey, unsigned, type IssuerKey } from "../../kit/outside-tokens.js";
import { readFileSync } from "node:fs";

const project = "my-project-1234";

describe("Firebase", () => {
  let folder: string;
  let server: IssuerServer;
  let key: ReturnType<typeof certifiedKey>;
  let issuers: ConfiguredIssuers;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-firebase-"));
    server = await IssuerServer.start(folder, silence);
    key = certifiedKey(folder, "f1");
  });
  afterAll(async () => {
    issuers.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    server.answer = says({ [key.kid]: key.pem }, { "cache-control": "public, max-age=21000, must-revalidate" });
    issuers = new ConfiguredIssuers({
      clock: systemClock,
      limits: { issuerWaitsMax: 100, issuerNamesMax: 10, issuerFirstUsesMax: 10 },
      log: () => undefined,
      names: {
        isOurs: () => false,
        isProtected: () => false,
        protectedLike: () => undefined,
        isOnline: () => false,
        keptFor: () => undefined,
      },
    });
  });

  type Provider = NonNullable<BrokerOptions["identityProviders"]>[number];
  const use = (more: Partial<Provider> = {}): void => {
    const provider = { firebase: project, certificates: server.url, ca: server.ca, dialects: ["pan"], ...more };
    issuers.set(issuersOf(readConfig({ identityProviders: [provider] })));
  };
  const claims = (more: JWTPayload = {}): JWTPayload => {
    const now = Math.floor(Date.now() / 1_000);
    const iss = `https://securetoken.google.com/${project}`;
    return { iss, aud: project, sub: "uid1", user_id: "uid1", iat: now, auth_time: now, exp: now + 3_600, ...more };
  };
  const look = (token: string): Promise<Credential> =>
    issuers.bearer(readJwt(token) ?? expect.fail("no JWT"), "pan") ?? expect.fail("nobody has issued it");
  const login = async (more: JWTPayload = {}, by: IssuerKey = key): Promise<Credential> =>
    look(await by.sign(claims(more)));

  it("lets its users in by the certificates that it publishes", async () => {
    use();
    expect((await login()).owner).toBe(`jwt:https://securetoken.google.com/${project}#uid1`);
  });

  it("lets its users in by certificates in a file", async () => {
    const file = join(folder, "certificates.json");
    writeFileSync(file, JSON.stringify({ [key.kid]: key.pem }));
    use({ certificates: file, ca: undefined });
    expect((await login()).owner).toContain("#uid1");
  });

  it("lets nobody in with a token of another project, or by another key", async () => {
    use();
    await expect(login({ aud: "other-project" })).rejects.toThrow("(aud)");
    await expect(login({}, certifiedKey(folder, "f2"))).rejects.toThrow("does not publish");
    await expect(login({}, { ...certifiedKey(folder, "f1") })).rejects.toThrow("signature is wrong");
    await expect(login({ auth_time: undefined })).rejects.toThrow("auth_time");
    expect(() => look(unsigned(claims({ iss: "https://securetoken.google.com/other" })))).toThrow("nobody has issued");
  });

  it("lets its emulator's users in only where that is said", async () => {
    use();
    await expect(look(unsigned(claims()))).rejects.toThrow("is not signed by one of RS256");
    use({ emulator: true });
    expect((await look(unsigned(claims()))).owner).toContain("#uid1");
  });

  it("has the agents of a user in a custom claim", async () => {
    use();
    expect((await login({ agents: ["ada"] })).only).toBe("ada");
  });

  it("has no key of a certificate that is out of date, or of another kind", () => {
    const read = (pem: string): unknown => readKeys(JSON.stringify({ f1: pem }), "certificates", Date.now());
    expect(() => read(readFileSync(makeExpired(folder, "old").cert, "utf8"))).toThrow("out of date");
    expect(() => read(readFileSync(makeCertificate(folder, "ec").cert, "utf8"))).toThrow("not taken");
    expect(() => read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).toThrow("no certificate");
    expect(() => readKeys('{"f1": 7}', "certificates", 0)).toThrow("no certificate");
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`f${at}`, key.pem]));
    expect(() => readKeys(JSON.stringify(many), "certificates", Date.now())).toThrow("more than 64");
  });
});
