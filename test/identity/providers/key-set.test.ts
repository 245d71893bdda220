import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readKeys } from "../../../src/identity/providers/key-set.js";
import { issuerKey } from "../../kit/outside-tokens.js";

const good = issuerKey("ES256", "good");
const rsa = issuerKey("RS256", "rsa");
const set = (...keys: readonly unknown[]): string => JSON.stringify({ keys });
const read = (text: string): ReturnType<typeof readKeys> => readKeys(text, "jwks", 0);
const rsaOf = (modulusLength: number): object =>
  generateKeyPairSync("rsa", { modulusLength }).publicKey.export({ format: "jwk" });

describe("a set of keys", () => {
  it("holds keys of every algorithm that is taken", () => {
    const keys = (["RS256", "PS256", "ES256", "EdDSA"] as const).map((alg) => issuerKey(alg).jwk);
    const { count, algorithms, ignored } = read(set(...keys));
    expect([count, algorithms, ignored]).toEqual([4, ["RS256", "PS256", "ES256", "EdDSA"], []]);
  });

  it("has an RSA key that names no algorithm for both, and an Ed25519 key by either name", async () => {
    const any = { ...rsa.jwk, alg: undefined };
    const { find, algorithms } = read(set(any, { ...issuerKey("EdDSA", "ed").jwk, alg: "Ed25519" }));
    expect(algorithms).toEqual(["RS256", "PS256", "EdDSA"]);
    for (const alg of ["RS256", "PS256"]) expect(await find({ alg, kid: "rsa" })).toBeDefined();
    await expect(find({ alg: "ES256", kid: "rsa" })).rejects.toThrow();
    expect(await find({ alg: "EdDSA", kid: "ed" })).toBeDefined();
  });

  it.each<[string, object, string]>([
    ["a symmetric key", { kty: "oct", k: "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", alg: "HS256" }, "symmetric"],
    ["a private key", rsa.privateKey.export({ format: "jwk" }), "private"],
    ["a key for encryption", { ...rsa.jwk, use: "enc" }, "not for signatures"],
    ["a key that verifies nothing", { ...rsa.jwk, key_ops: ["encrypt"] }, "not for verifying"],
    ["an RSA key of 1024 bits", rsaOf(1_024), "fewer than 2048 bits"],
    ["an RSA key beyond measure", { kty: "RSA", e: "AQAB", n: "_".repeat(1_400) }, "more than 8192 bits"],
    [
      "a key on another curve",
      { ...generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ format: "jwk" }) },
      "another curve",
    ],
    ["a point that is not on its curve", { ...good.jwk, x: good.jwk.y }, "damaged"],
    ["a key for RS512", { ...rsa.jwk, alg: "RS512" }, "an algorithm that is not taken"],
    ["a key for ECDH", generateKeyPairSync("x25519").publicKey.export({ format: "jwk" }), "not taken"],
    ["a key of an unknown kind", { kty: "AKP" }, "damaged"],
    ["an endless kid", { ...rsa.jwk, kid: "k".repeat(257) }, "kid is no short text"],
    ["a kid that is a number", { ...rsa.jwk, kid: 7 }, "kid is no short text"],
  ])("leaves out %s, and goes on with the others", async (_what, key, why) => {
    const { count, ignored, find } = read(set(good.jwk, key));
    expect([count, ignored]).toEqual([1, [expect.stringContaining(why)]]);
    expect(await find({ alg: "ES256", kid: "good" })).toBeDefined();
    expect(() => read(set(key))).toThrow(why);
  });

  it("keeps nothing of a key but what verifying needs", () => {
    const { find } = read(set({ ...good.jwk, x5c: ["x"], x5u: "https://elsewhere", extra: "x".repeat(1_000) }));
    expect(Object.keys(find.jwks().keys[0] ?? {}).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
  });

  it.each<[string, string, string]>([
    ["no JSON", "<html>", "not JSON"],
    ["a list", "[]", "no JSON object"],
    ["null", "null", "no JSON object"],
    ["no list of keys", "{}", "no list keys"],
    ["keys that are no list", '{"keys": {"length": 1}}', "no list keys"],
    ["no keys", set(), "holds no keys"],
    ["what is no key", set(null, 1, "x", []), "an entry is no key"],
    ["too many keys", set(...Array.from({ length: 65 }, () => good.jwk)), "more than 64"],
  ])("is refused that is %s, and nothing of it is told", (_what, text, why) => {
    expect(() => read(text)).toThrow(why);
  });

  it("does not choose between two keys of one id", async () => {
    const { find } = read(set(good.jwk, issuerKey("ES256", "good").jwk));
    await expect(find({ alg: "ES256", kid: "good" })).rejects.toMatchObject({
      code: "ERR_JWKS_MULTIPLE_MATCHING_KEYS",
    });
  });
});
