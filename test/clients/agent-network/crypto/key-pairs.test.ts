import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { conversationKey, hkdf, seedKeys, shared } from "../../../../clients/typescript/agent-network/crypto/derive.js";
import { fingerprint } from "../../../../clients/typescript/agent-network/crypto/fingerprint.js";
import {
  agreementPair,
  equal,
  publicOfSigning,
  random,
  signingPair,
  wipe,
} from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { CryptoProblem } from "../../../../clients/typescript/agent-network/crypto/problem.js";
import { isSigned } from "../../../../clients/typescript/agent-network/crypto/signature.js";
import { ready, sodium } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { ofHex, toHex } from "./hex.js";

beforeAll(ready);
afterEach(() => {
  vi.restoreAllMocks();
});

const zeros = (length: number) => "00".repeat(length);

describe("a pair of keys", () => {
  it("is another each time, and the same of the same secret", () => {
    for (const make of [signingPair, agreementPair]) {
      const [one, other] = [make(), make()];
      expect(toHex(one.privateKey)).not.toBe(toHex(other.privateKey));
      const secret = random(32);
      expect(make(secret)).toEqual(make(secret));
    }
  });

  it("has a private key of its own: wiping the secret that it was made of leaves it", () => {
    for (const make of [signingPair, agreementPair]) {
      const secret = random(32);
      const pair = make(secret);
      const before = toHex(pair.privateKey);
      wipe(secret);
      expect(toHex(pair.privateKey)).toBe(before);
    }
  });

  it("leaves no seed behind when it is made anew", () => {
    const seeds = vi.spyOn(sodium(), "crypto_sign_seed_keypair");
    signingPair();
    expect(toHex(seeds.mock.calls[0]?.[0] ?? expect.fail("there was no seed"))).toBe(zeros(32));
  });

  it("is not made of a secret that is too short or too long", () => {
    for (const length of [0, 31, 33, 64]) {
      expect(() => signingPair(random(length))).toThrow(TypeError);
      expect(() => agreementPair(random(length))).toThrow(TypeError);
    }
    expect(() => publicOfSigning(random(32))).toThrow(RangeError);
  });
});

describe("wiping", () => {
  it("sets every byte to zero, in place, and none beside", () => {
    const memory = new Uint8Array(96).fill(0xa5);
    wipe(memory.subarray(32, 64));
    expect(toHex(memory)).toBe(`${"a5".repeat(32)}${zeros(32)}${"a5".repeat(32)}`);
  });

  it("reaches the secret of X25519 and its copy, once the key of a conversation or of seed mode is made", async () => {
    const [ada, bob] = [agreementPair(), agreementPair()];
    const secrets = vi.spyOn(sodium(), "crypto_scalarmult");
    const given = vi.spyOn(globalThis.crypto.subtle, "importKey");
    const key = await conversationKey(ada.privateKey, bob.publicKey, "c1");
    await seedKeys(ada.privateKey, bob.publicKey);
    // Every other call is the one that writes over libsodium's copies.
    const made = secrets.mock.results.filter((_, index) => index % 2 === 0);
    expect(made.map(({ value }) => toHex(value as Uint8Array))).toEqual([zeros(32), zeros(32)]);
    const copies = given.mock.calls.map(([, bytes]) => toHex(bytes as unknown as Uint8Array));
    expect(copies).toEqual(Array(4).fill(zeros(32)));
    expect(toHex(key)).not.toBe(zeros(32));
  });

  it("reaches what libsodium's memory holds of an ephemeral key and its secret", async () => {
    const [ada, bob] = [agreementPair(), agreementPair()];
    const before = toHex(ada.privateKey);
    const secret = toHex(shared(bob.privateKey, ada.publicKey));
    await conversationKey(ada.privateKey, bob.publicKey, "c1");
    const { libsodium } = sodium() as unknown as { readonly libsodium: { readonly HEAPU8: Uint8Array } };
    const memory = Buffer.from(libsodium.HEAPU8).toString("hex");
    expect(memory.length).toBeGreaterThan(100_000);
    // Whoever frees memory writes its own numbers into the first bytes of it.
    for (const digits of [before, secret]) expect(memory.includes(digits.slice(16))).toBe(false);
  });

  it("reaches the secret also when no key can be made of it", async () => {
    const [ada, bob] = [agreementPair(), agreementPair()];
    const secrets = vi.spyOn(sodium(), "crypto_scalarmult");
    vi.spyOn(globalThis.crypto.subtle, "deriveBits").mockRejectedValue(new Error("no"));
    await expect(conversationKey(ada.privateKey, bob.publicKey, "c1")).rejects.toThrow("no");
    expect(toHex(secrets.mock.results[0]?.value as Uint8Array)).toBe(zeros(32));
  });
});

describe("comparing keys", () => {
  it("looks at every byte, by libsodium's comparison in constant time", () => {
    const compares = vi.spyOn(sodium(), "memcmp");
    const key = random(32);
    expect(equal(key, key.slice())).toBe(true);
    for (let at = 0; at < 32; at++) {
      const other = key.slice();
      other[at] = (other[at] ?? 0) ^ 0x80;
      expect(equal(key, other)).toBe(false);
    }
    expect(compares).toHaveBeenCalledTimes(33);
  });

  it("finds a beginning and a longer key unequal", () => {
    const key = random(32);
    expect(equal(key, key.slice(0, 31))).toBe(false);
    expect(equal(key, Uint8Array.from([...key, 0]))).toBe(false);
    expect(equal(new Uint8Array(), new Uint8Array())).toBe(true);
  });
});

describe("X25519", () => {
  it("refuses a peer's key that is no 32 bytes as the peer's fault, one's own as the caller's", () => {
    const { privateKey, publicKey } = agreementPair();
    for (const length of [0, 31, 33]) {
      expect(() => shared(privateKey, random(length))).toThrow(CryptoProblem);
      expect(() => shared(random(length), publicKey)).toThrow(RangeError);
    }
  });
});

describe("HKDF", () => {
  it("tells conversations, uses and pairs apart", async () => {
    const [ada, bob, eve] = [agreementPair(), agreementPair(), agreementPair()];
    const { encryption, authentication, iv } = await seedKeys(ada.privateKey, bob.publicKey);
    const keys = [
      await conversationKey(ada.privateKey, bob.publicKey, "c1"),
      await conversationKey(ada.privateKey, bob.publicKey, "c2"),
      await conversationKey(ada.privateKey, bob.publicKey, ""),
      await conversationKey(ada.privateKey, eve.publicKey, "c1"),
      authentication,
      iv,
    ].map(toHex);
    expect(new Set(keys).size).toBe(keys.length);
    // By the standard no salt is a salt of zeros, so a conversation without a name would share seed mode's key if it
    // had the long-term keys: it never has, and an id is never empty (Agent Network §1.1).
    expect(keys[2]).toBe(toHex(encryption));
    expect((await hkdf(random(32), new Uint8Array(), new Uint8Array(), 16)).length).toBe(16);
  });
});

describe("the fingerprint", () => {
  it("is 16 groups of four digits, and another by any bit of the key", async () => {
    const key = random(32);
    const shown = await fingerprint(key);
    expect(shown).toMatch(/^(?:[0-9a-f]{4} ){15}[0-9a-f]{4}$/);
    key[31] = (key[31] ?? 0) ^ 1;
    expect(await fingerprint(key)).not.toBe(shown);
  });
});

describe("an Ed25519 key of low order", () => {
  const small = [
    `01${zeros(31)}`,
    `01${zeros(30)}80`,
    zeros(32),
    `${zeros(31)}80`,
    `ec${"ff".repeat(30)}7f`,
    `ec${"ff".repeat(31)}`,
    `ed${"ff".repeat(30)}7f`,
    `ed${"ff".repeat(31)}`,
    `ee${"ff".repeat(30)}7f`,
    `ee${"ff".repeat(31)}`,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  ];

  it.each(small)("verifies nothing, though one of these signatures would hold for it: %s", (key) => {
    for (const point of small) {
      for (const text of ["salve", "vale", "ave"]) {
        const signature = ofHex(`${point}${zeros(32)}`);
        expect(isSigned(signature, new TextEncoder().encode(text), ofHex(key))).toBe(false);
      }
    }
  });
});
