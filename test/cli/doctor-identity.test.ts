import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Finding } from "../../src/cli/doctor/check.js";
import { identityProviders } from "../../src/cli/doctor/identity-providers.js";
import { readLayers, type BrokerOptions } from "../../src/config/index.js";
import { DataDirectory } from "../../src/storage/index.js";
import { IssuerServer, says, silence, status, type Answer } from "../kit/issuer-server.js";
import { issuerKey } from "../kit/outside-tokens.js";

const name = "https://login.example";

describe("what doctor says of identity providers", () => {
  let folder: string;
  let server: IssuerServer;
  const good = says({ keys: [issuerKey("ES256").jwk, issuerKey("RS256").jwk] }, { "cache-control": "max-age=3600" });
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-doctor-"));
    server = await IssuerServer.start(folder, silence);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  type Providers = NonNullable<BrokerOptions["identityProviders"]>;
  async function findings(providers: Providers): Promise<readonly Finding[]> {
    const layered = readLayers({ flags: { identityProviders: providers }, env: {}, resolveDataDir: () => folder });
    return identityProviders({ layered, data: new DataDirectory(folder), endpoints: undefined });
  }
  const asked = (answer: Answer, ca: string | undefined = server.ca): Promise<readonly Finding[]> => {
    server.answer = answer;
    return findings([{ issuer: name, audience: "a", jwks: server.url, ...(ca !== "" && { ca }) }]);
  };

  it("is nothing where none is configured", async () => {
    expect(await findings([])).toEqual([]);
  });

  it("is how many keys there are, for which algorithms, and for how long", async () => {
    expect(await asked(good)).toEqual([
      {
        check: "identity provider",
        result: "good",
        found: `${name}: 2 keys (ES256, RS256) from ${server.url}, good for 60 min`,
      },
    ]);
  });

  it("is what of the document is not used", async () => {
    const [found] = await asked(says({ keys: [issuerKey("ES256").jwk, { ...issuerKey("RS256").jwk, use: "enc" }] }));
    expect(found?.found).toContain("1 key (ES256)");
    expect(found?.found).toContain("not used: a key is not for signatures (use)");
  });

  it("is how old a file of keys is", async () => {
    const jwks = join(folder, "keys.json");
    writeFileSync(jwks, JSON.stringify({ keys: [issuerKey("EdDSA").jwk] }));
    const [found] = await findings([{ issuer: name, audience: "a", jwks }]);
    expect(found).toMatchObject({
      result: "good",
      found: expect.stringMatching(/1 key \(EdDSA\) from .* old$/) as string,
    });
    rmSync(jwks);
    const [missing] = await findings([{ issuer: name, audience: "a", jwks }]);
    expect(missing).toMatchObject({ result: "failed", found: expect.stringContaining("ENOENT") as string });
    expect(missing?.remedy).toContain(`put the issuer's document at ${jwks}`);
  });

  it.each<[string, Answer, string, string]>([
    ["fails", status(500), "the answer is 500", "see that this machine reaches"],
    ["redirects", status(302), "is not followed: configure the URL", "see that this machine reaches"],
    ["has something else there", says("<html>"), "it is not JSON", "has to be the issuer's JSON Web Key Set"],
  ])("is a remedy where one %s", async (_what, answer, words, remedy) => {
    const [found] = await asked(answer);
    expect(found).toMatchObject({ result: "failed", found: expect.stringContaining(words) as string });
    expect(found?.remedy).toContain(remedy);
  });

  it("is a remedy where nobody vouches for its server", async () => {
    const [found] = await asked(good, "");
    expect(found).toMatchObject({ result: "failed", found: expect.stringContaining("as ca") as string });
  });

  it("is that the clocks differ, by the date of its answer", async () => {
    const early = new Date(Date.now() - 120_000).toUTCString();
    const [keys, clock] = await asked((request, response) => {
      response.sendDate = false;
      says({ keys: [issuerKey("ES256").jwk] }, { date: early })(request, response);
    });
    expect(keys?.result).toBe("good");
    expect(clock).toMatchObject({
      result: "failed",
      found: expect.stringMatching(/differs from this one by 2 min/) as string,
    });
    expect(clock?.remedy).toContain("set the clock");
  });
});
