import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issuersOf, readConfig, readLayers, type BrokerOptions } from "../../src/config/index.js";
import { checkConfig } from "../../src/cli/config-check.js";
import { reload } from "../../src/reload.js";
import { issuerKey } from "../kit/outside-tokens.js";

const jwks = { issuer: "https://login.example", audience: "agents", jwks: "https://login.example/keys" };
const firebase = { firebase: "my-project-1234" };

describe("identity providers of a configuration", () => {
  let folder: string;
  let keys: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-providers-"));
    keys = join(folder, "keys.json");
    writeFileSync(keys, JSON.stringify({ keys: [issuerKey().jwk] }));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("are issuers with every default filled in", () => {
    const config = readConfig({ identityProviders: [{ ...jwks, scopesClaim: ["realm_access", "roles"] }, firebase] });
    expect(issuersOf(config)).toEqual([
      {
        name: "https://login.example",
        audience: ["agents"],
        keys: { form: "jwks", at: "https://login.example/keys" },
        dialects: ["agent-network", "visualisation"],
        scopes: {},
        scopesClaim: ["realm_access", "roles"],
        agentsClaim: ["agents"],
        agents: {},
        firebase: false,
        emulator: false,
      },
      {
        name: "https://securetoken.google.com/my-project-1234",
        audience: ["my-project-1234"],
        keys: {
          form: "certificates",
          at: "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com",
        },
        dialects: ["agent-network", "visualisation"],
        scopes: {},
        scopesClaim: ["scope"],
        agentsClaim: ["agents"],
        agents: {},
        firebase: true,
        emulator: false,
      },
    ]);
  });

  const other = { ...jwks, issuer: "https://two.example" };
  it.each<[string, readonly unknown[], string]>([
    ["an unknown key", [{ ...jwks, jwksUrl: 1 }], "identityProviders.0.jwksUrl: there is nothing of this name"],
    ["a key of the other kind", [{ ...jwks, emulator: true }], "identityProviders.0.emulator: there is nothing"],
    ["an unknown key beside firebase", [{ ...firebase, audience: "x" }], "0.audience: there is nothing of this name"],
    ["no issuer", [{ audience: "a", jwks: "k" }], "identityProviders.0: issuer: is missing; it is text"],
    ["no audience", [{ issuer: "i", jwks: "k" }], "0: audience: must be the aud of its tokens, or a list of such"],
    ["an empty audience", [{ ...jwks, audience: [] }], "0.audience: must be at least 1 items long"],
    ["no keys", [{ issuer: "i", audience: "a" }], "identityProviders.0: jwks: is missing"],
    ["an issuer with #", [{ ...jwks, issuer: "https://x#y" }], "issuer: must be printable ASCII without spaces and #"],
    ["an http URL", [{ ...jwks, jwks: "http://login.example/keys" }], "jwks: must be an https:// URL"],
    ["an http URL of this machine", [{ ...jwks, jwks: "http://127.0.0.1/keys" }], "jwks: must be an https:// URL"],
    ["a URL with a password", [{ ...jwks, jwks: "https://a:b@login.example/" }], "jwks: must be an https:// URL"],
    ["another URL", [{ ...jwks, jwks: "file:///etc/keys" }], "jwks: must be an https:// URL"],
    ["what is no URL", [{ ...jwks, jwks: "https://" }], "jwks: must be an https:// URL"],
    ["certificates at http", [{ ...firebase, certificates: "http://x/" }], "certificates: must be an https:// URL"],
    ["what is no project", [{ firebase: "https://x" }], "firebase: must be the id of a Firebase project"],
    ["an unknown scope", [{ ...jwks, scopes: { admin: ["root"] } }], "scopes.admin.0: must be one of observe, inspect"],
    ["a scope alone", [{ ...jwks, scopes: { admin: "operate" } }], "scopes.admin: must be a list"],
    ["an agent that none can be", [{ ...jwks, agents: { u1: ["#x"] } }], "agents.u1.0: must not be a name that"],
    ["a table of texts", [{ ...jwks, agents: { u1: "ada" } }], "agents.u1: must be a list"],
    ["no dialects", [{ ...jwks, dialects: [] }], "dialects: must be at least 1 items long"],
    ["an unknown dialect", [{ ...jwks, dialects: ["pann"] }], "0: dialects: there is no dialect pann; there are pan"],
    ["a text in its place", ["https://login.example"], "0: must be {issuer, audience, jwks, …} or {firebase, …}"],
    ["null", [null], "0: must be {issuer, audience, jwks, …} or {firebase, …}"],
    ["one issuer twice", [jwks, other, jwks], "identityProviders.2: the issuer https://login.example is there twice"],
    [
      "one project twice",
      [firebase, firebase],
      "1: the issuer https://securetoken.google.com/my-project-1234 is there",
    ],
    ["authorities of a file", [{ ...jwks, jwks: "keys.json", ca: "ca.pem" }], "0: ca: the keys are in a file"],
  ])("are refused with %s, and it is said where", (_what, identityProviders, says) => {
    const options = { identityProviders } as BrokerOptions; // what somebody has written
    expect(() => readConfig(options, (path) => `mine.json: ${path}`)).toThrow(says);
  });

  it.each<[string, BrokerOptions]>([
    ["a door beyond this machine", { ws: ["0.0.0.0:0"], insecure: true }],
    ["a dialect's door beyond this machine", { ownDoors: { pan: "0.0.0.0:0" }, insecure: true }],
    ["a ZeroMQ door beyond this machine", { zmqIn: ["tcp://0.0.0.0:0"], insecure: true }],
    ["a proxy before the doors", { behindProxy: true }],
  ])("take no tokens of an emulator with %s", (_what, doors) => {
    const options: BrokerOptions = { ...doors, identityProviders: [{ ...firebase, emulator: true }] };
    expect(() => readConfig(options)).toThrow("emulator: anybody makes such tokens, and others can reach the doors");
    expect(() => readConfig({ identityProviders: [{ ...firebase, emulator: true }] })).not.toThrow();
  });

  it.each<[string, object, string]>([
    ["a file of keys that is missing", { jwks: "/nowhere/keys.json" }, "/nowhere/keys.json: ENOENT"],
    ["a file that holds no keys", { jwks: "package.json" }, `${resolve("package.json")}: it is no JSON Web Key Set`],
    ["authorities that are missing", { ca: "/nowhere/ca.pem" }, "/nowhere/ca.pem: ENOENT"],
    ["authorities that are none", { ca: "package.json" }, `${resolve("package.json")}:`],
  ])("are refused at the start, at a reload and by config check with %s", async (_what, more, says) => {
    const file = join(folder, "config.json");
    writeFileSync(file, JSON.stringify({ identityProviders: [{ ...jwks, ...more }] }));
    const layered = readLayers({
      flags: { dataDir: join(folder, "data") },
      env: {},
      file,
      resolveDataDir: () => folder,
    });
    const { problems } = await checkConfig(layered);
    expect(problems).toEqual([expect.stringContaining(`${file}: identityProviders.0: ${says}`)]);
    expect(problems[0]).toMatch(/; put the/);
    expect(() => issuersOf(layered.config)).toThrow(says);
  });

  it("of an emulator are not taken over by a reload that would close the doors first", () => {
    const open = readConfig({ ws: ["0.0.0.0:0"], insecure: true });
    const closed = readConfig({ ws: ["127.0.0.1:0"], identityProviders: [{ ...firebase, emulator: true }] });
    expect(() => reload({} as never, open, closed)).toThrow(/others can reach the doors.*needs a restart first$/);
  });

  it("are taken over by a reload", () => {
    const set: unknown[] = [];
    const parts = {
      access: { set: () => undefined },
      issuers: { set: (issuers: unknown) => set.push(issuers), warm: () => undefined },
      tls: undefined,
      ws: { renew: () => undefined },
    };
    const [before, after] = [[], [{ ...jwks, jwks: keys }]].map((identityProviders) =>
      readConfig({ identityProviders, serverName: "x" }),
    );
    const again = (): unknown => reload(parts as never, before ?? expect.fail(), after ?? expect.fail());
    expect(again()).toMatchObject({ changed: ["identityProviders"], needRestart: [] });
    expect(set).toEqual([issuersOf(after ?? expect.fail())]);
  });
});
