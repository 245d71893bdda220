import { SignJWT, type JWTPayload } from "jose";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { readJwt } from "../../../src/identity/jwt-form.js";
import { AtOnce } from "../../../src/identity/providers/at-once.js";
import type { Issuer } from "../../../src/identity/providers/index.js";
import { readKeys } from "../../../src/identity/providers/key-set.js";
import { verifyOutside, type OutsideClaims } from "../../../src/identity/providers/outside-token.js";
import { forged, issuerKey, testIssuer, unsigned, type Algorithm } from "../../kit/outside-tokens.js";

const keys = Object.fromEntries(
  (["RS256", "PS256", "ES256", "EdDSA"] as const).map((alg) => [alg, issuerKey(alg, `kid-${alg}`)]),
) as Readonly<Record<Algorithm, ReturnType<typeof issuerKey>>>;
const name = "https://login.example";
const issuer = testIssuer({ audience: ["agents", "https://agents.example"] });
const firebase: Issuer = { ...issuer, firebase: true };
const published = readKeys(JSON.stringify({ keys: Object.values(keys).map(({ jwk }) => jwk) }), "jwks", 0);

describe("a token of another issuer", () => {
  const clock = new FakeClock();
  const now = clock.now() / 1_000;
  const claims = (more: JWTPayload = {}): JWTPayload => ({
    iss: name,
    aud: "agents",
    sub: "ada",
    iat: now,
    exp: now + 600,
    ...more,
  });
  let again: number;
  beforeEach(() => {
    again = 0;
  });

  const verify = async (token: string, by: Issuer = issuer): Promise<OutsideClaims> => {
    const jwt = readJwt(token) ?? expect.fail("it has not the form of a JWT");
    const source = {
      keys: () => Promise.resolve(published),
      again: () => {
        again += 1;
        return Promise.resolve(published);
      },
      close: () => undefined,
    };
    return verifyOutside(jwt, by, source, { clock, turns: new AtOnce(4) });
  };
  const refusal = async (token: string | Promise<string>, by: Issuer = issuer): Promise<string> => {
    try {
      await verify(await token, by);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: "unauthenticated" });
      return (thrown as Error).message;
    }
    return "taken";
  };
  const sign = (more: JWTPayload = {}): Promise<string> => keys.ES256.sign(claims(more));
  const without = (claim: string): Promise<string> =>
    keys.ES256.sign(Object.fromEntries(Object.entries(claims()).filter(([one]) => one !== claim)));

  it.each(["RS256", "PS256", "ES256", "EdDSA"] as const)("is taken that is signed by %s", async (alg) => {
    const { subject, expiresAt, payload } = await verify(await keys[alg].sign(claims({ scope: "a b" })));
    expect([subject, expiresAt, payload["scope"]]).toEqual(["ada", (now + 600) * 1_000, "a b"]);
  });

  it("is taken whose audience is one of several on either side", async () => {
    expect(await refusal(sign({ aud: ["other", "https://agents.example"] }))).toBe("taken");
  });

  it("has to be signed: alg none is refused, however it is written", async () => {
    expect(await refusal(unsigned(claims()))).toContain("is not signed by one of RS256, PS256, ES256, EdDSA");
    for (const alg of ["NONE", "None", ""]) expect(await refusal(forged({ alg }, claims(), ""))).not.toBe("taken");
  });

  it.each(["HS256", "HS512"])("is refused that has the published key as its secret (%s)", async (alg) => {
    const secret = keys.RS256.publicKey.export({ type: "spki", format: "pem" });
    const header = { alg, kid: keys.RS256.kid };
    const token = new SignJWT(claims()).setProtectedHeader(header).sign(Buffer.from(secret));
    expect(await refusal(token)).toContain("secret");
  });

  it.each(["jwk", "jku", "x5u", "x5c"])("is refused that brings its own key (%s)", async (member) => {
    const stranger = issuerKey("ES256", keys.ES256.kid);
    const own = { jwk: stranger.jwk, jku: "https://elsewhere", x5u: "https://elsewhere", x5c: ["AAAA"] }[member];
    expect(await refusal(stranger.sign(claims(), { [member]: own }))).toContain(`its header has ${member}`);
  });

  it("is refused that demands what is not understood (crit)", async () => {
    const token = forged({ alg: "ES256", kid: keys.ES256.kid, crit: ["exp"], exp: 1 }, claims());
    expect(await refusal(token)).toContain("crit");
  });

  it.each(["RS384", "RS512", "PS512", "ES384", "ES512", "ES256K", "Ed448", "ML-DSA-44", "rs256"])(
    "is refused that names the algorithm %s",
    async (alg) => {
      expect(await refusal(forged({ alg, kid: keys.RS256.kid }, claims()))).toContain("is not signed by one of");
    },
  );

  it("is refused that is signed by a stranger under the id of a published key", async () => {
    expect(await refusal(issuerKey("ES256", keys.ES256.kid).sign(claims()))).toContain("its signature is wrong");
  });

  it("is refused whose claims were changed", async () => {
    const [head, , signature] = (await sign()).split(".");
    const [, body] = (await sign({ sub: "eve" })).split(".");
    expect(await refusal([head, body, signature].join("."))).toContain("its signature is wrong");
  });

  it("is refused whose key is for another algorithm", async () => {
    expect(await refusal(keys.RS256.sign(claims(), { kid: keys.PS256.kid }))).toContain("does not publish");
  });

  it("is refused that is signed by an unknown key, after the keys were asked for again", async () => {
    expect(await refusal(issuerKey("ES256", "unknown").sign(claims()))).toContain(
      `signed with a key that ${name} does not publish`,
    );
    expect(again).toBe(1);
  });

  it("is looked at by the clock when its keys are there, not when it came", async () => {
    const later = new FakeClock();
    const source = {
      keys: () => {
        later.advance(40_000);
        return Promise.resolve(published);
      },
      again: () => Promise.resolve(published),
      close: () => undefined,
    };
    const jwt = readJwt(await sign({ exp: later.now() / 1_000 + 5 })) ?? expect.fail("no JWT");
    await expect(verifyOutside(jwt, issuer, source, { clock: later, turns: new AtOnce(4) })).rejects.toThrow(
      "it expired at",
    );
  });

  it("may leave its key unnamed only where there is one that can be meant", async () => {
    const unnamed = (alg: Algorithm): Promise<string> =>
      new SignJWT(claims()).setProtectedHeader({ alg }).sign(keys[alg].privateKey);
    expect(await refusal(unnamed("EdDSA"))).toBe("taken");
    const two = readKeys(JSON.stringify({ keys: [issuerKey("ES256").jwk, keys.ES256.jwk] }), "jwks", 0);
    const source = { keys: () => Promise.resolve(two), again: () => Promise.resolve(two), close: () => undefined };
    const jwt = readJwt(await unnamed("ES256")) ?? expect.fail("no JWT");
    await expect(verifyOutside(jwt, issuer, source, { clock, turns: new AtOnce(4) })).rejects.toThrow(
      "does not say which of the keys",
    );
  });

  it.each(["iss", "aud", "sub", "exp"])("is refused without %s", async (claim) => {
    expect(await refusal(without(claim))).toContain(`it has no ${claim}`);
  });

  it.each<[string, JWTPayload, string]>([
    ["for another audience", { aud: "agents2" }, "for somebody else (aud)"],
    ["for an audience in another case", { aud: "Agents" }, "(aud)"],
    ["for no audience", { aud: [] }, "(aud)"],
    ["of another issuer", { iss: `${name}/` }, "its iss"],
    ["that has expired", { exp: now - 31 }, "it expired at"],
    ["that is not valid yet", { nbf: now + 31 }, "nbf"],
    ["that was issued in the future", { iat: now + 31 }, "still to come"],
    ["without a subject", { sub: "" }, "its sub"],
    ["whose subject is endless", { sub: "s".repeat(256) }, "its sub"],
    ["whose subject has a line break", { sub: "ada\nbob" }, "its sub"],
    ["that never ends", { exp: 1e300 }, "no end"],
  ])("is refused %s", async (_what, more, why) => {
    expect(await refusal(sign(more))).toContain(why);
  });

  it.each<[string, object]>([
    ["an exp that is a text", { exp: "never" }],
    ["an exp that is null", { exp: null }],
    ["an nbf that is a text", { nbf: "now" }],
    ["an iat that is a text", { iat: "now" }],
    ["a subject that is a number", { sub: 7 }],
    ["a subject that is a list", { sub: ["ada"] }],
  ])("is refused with %s", async (_what, more) => {
    expect(await refusal(sign(more as JWTPayload))).not.toBe("taken");
  });

  it("may have a clock that is 30 s off, either way, and lives as long as that", async () => {
    expect(await refusal(sign({ iat: now + 30, nbf: now + 30 }))).toBe("taken");
    const { expiresAt } = await verify(await sign({ exp: now - 29 }));
    expect(expiresAt).toBe((now + 1) * 1_000);
  });

  it("tells nothing of itself in a refusal", async () => {
    const marker = "marker7f3a";
    const token = await issuerKey("ES256", marker).sign(claims({ sub: marker, more: marker }));
    expect(await refusal(token)).not.toContain(marker);
  });

  describe("of Firebase", () => {
    const signed = (more: JWTPayload = {}): Promise<string> =>
      keys.RS256.sign(claims({ auth_time: now - 10, ...more }));

    it("is taken by RS256 alone", async () => {
      expect(await refusal(signed(), firebase)).toBe("taken");
      expect(await refusal(keys.ES256.sign(claims({ auth_time: now })), firebase)).toContain("one of RS256;");
      expect(await refusal(keys.PS256.sign(claims({ auth_time: now })), firebase)).toContain("one of RS256;");
    });

    it.each<[string, object, string]>([
      ["does not say when its owner signed in", { auth_time: undefined }, "auth_time"],
      ["says it as a text", { auth_time: "now" }, "auth_time"],
      ["says that its owner will sign in", { auth_time: now + 31 }, "still to come (auth_time)"],
      ["has a subject of 129 characters", { sub: "s".repeat(129) }, "1 to 128"],
      ["has an empty subject", { sub: "" }, "1 to 128"],
    ])("is refused that %s", async (_what, more, why) => {
      expect(await refusal(signed(more as JWTPayload), firebase)).toContain(why);
    });

    it("is taken unsigned only where the emulator is", async () => {
      const token = unsigned(claims({ auth_time: now }));
      expect(await refusal(token, firebase)).toContain("is not signed");
      expect(await refusal(token, { ...firebase, emulator: true })).toBe("taken");
      expect(await refusal(signed(), { ...firebase, emulator: true })).toBe("taken");
    });

    it.each<[string, JWTPayload, string]>([
      ["of another project", { aud: "other" }, "(aud)"],
      ["that has expired", { exp: now - 31 }, "expired"],
      ["of the future", { iat: now + 31 }, "still to come"],
      ["without its owner's sign-in", { auth_time: undefined }, "auth_time"],
    ])("is refused unsigned where the emulator is, too, %s", async (_what, more, why) => {
      const token = unsigned(claims({ auth_time: now, ...more }));
      expect(await refusal(token, { ...firebase, emulator: true })).toContain(why);
    });

    it("is refused that is called unsigned and has a signature", async () => {
      const token = forged({ alg: "none" }, claims({ auth_time: now }), "AAAA");
      expect(await refusal(token, { ...firebase, emulator: true })).not.toBe("taken");
    });
  });
});
