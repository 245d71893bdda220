import { beforeAll, describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../../../../clients/typescript/agent-network/crypto/base64.js";
import { canonical, NotCanonical } from "../../../../clients/typescript/agent-network/crypto/canonical-json.js";
import { conversationKey, seedKeys } from "../../../../clients/typescript/agent-network/crypto/derive.js";
import { fingerprint } from "../../../../clients/typescript/agent-network/crypto/fingerprint.js";
import {
  makeHandshake,
  readHandshake,
  signedHandshake,
  type HandshakeContent,
  type HandshakeFacts,
} from "../../../../clients/typescript/agent-network/crypto/handshake-text.js";
import { agreementPair, signingPair } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { CryptoProblem, type CryptoKind } from "../../../../clients/typescript/agent-network/crypto/problem.js";
import {
  headText,
  open,
  readSealed,
  seal,
  signedSealed,
  verify,
  type SealedContent,
  type SealedHead,
} from "../../../../clients/typescript/agent-network/crypto/sealed.js";
import {
  openForSeed,
  sealForSeed,
  signedForSeed,
  verifyForSeed,
} from "../../../../clients/typescript/agent-network/crypto/seed-mode.js";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { vectorsOf } from "../../../kit/dialect-vectors.js";
import { ofHex, toHex } from "./hex.js";

type Texts<Name extends string> = Readonly<Record<Name | "about", string>>;
type Data = Readonly<Record<string, unknown>>;

const read = vectorsOf("agent-network");
const json = read("canonical") as {
  readonly numbers: readonly Texts<"bits" | "text">[];
  readonly texts: readonly Texts<"json" | "canonical">[];
  readonly refused: readonly Texts<"json">[];
  readonly bytes: readonly Texts<"base64" | "hex">[];
  readonly noBytes: readonly Texts<"base64">[];
};
interface Said {
  readonly about: string;
  readonly facts: HandshakeFacts;
}
const handshakes = read("handshakes") as {
  readonly pairs: readonly Texts<"kind" | "secret" | "public">[];
  readonly fingerprints: readonly Texts<"signingKey" | "fingerprint">[];
  readonly keys: readonly Texts<"own" | "peer" | "conversationId" | "key">[];
  readonly seedKeys: readonly Texts<"own" | "peer" | "encryption" | "authentication" | "iv">[];
  readonly lowOrder: readonly Texts<"key">[];
  readonly made: readonly (Said &
    Texts<"signingSeed" | "publicKey" | "ephemeralKey" | "canonical" | "signed"> & {
      readonly answers?: string;
      readonly content: HandshakeContent & Data;
    })[];
  readonly read: readonly (Said & { readonly mode: 2 | "seed"; readonly content: unknown } & Data)[];
  readonly refused: readonly (Said & { readonly kind: CryptoKind; readonly content: unknown })[];
};
interface Sealed<Head> extends Texts<"key" | "verifyKey"> {
  readonly head: Head;
  readonly content: SealedContent;
}
interface Sealing<Head> extends Sealed<Head>, Texts<"signingSeed" | "nonce" | "plain" | "signed"> {
  readonly data: Data;
}
type Refused<Head> = Sealed<Head> & { readonly kind: CryptoKind };
type SeedHead = Pick<SealedHead, "originalType" | "metadata">;
const frames = read("sealed") as {
  readonly sealed: readonly (Sealing<SealedHead> & { readonly counter: number; readonly header: string })[];
  readonly refused: readonly Refused<SealedHead>[];
  readonly seed: readonly (Sealing<SeedHead> & { readonly metadata: string })[];
  readonly seedOpened: readonly (Sealed<SeedHead> & { readonly data: Data })[];
  readonly seedRefused: readonly Refused<SeedHead>[];
};

beforeAll(ready);

/** What of a peer's is wrong, or undefined if nothing is. */
async function problemOf(reading: () => unknown): Promise<CryptoKind | undefined> {
  try {
    await reading();
    return undefined;
  } catch (error) {
    if (error instanceof CryptoProblem) return error.kind;
    throw error;
  }
}

describe("the vectors of canonical JSON and of base64", () => {
  it.each(json.numbers)("a number: $about", ({ bits, text }) => {
    expect(canonical(new DataView(ofHex(bits).buffer as ArrayBuffer).getFloat64(0))).toBe(text);
  });
  it.each(json.texts)("a text: $about", (vector) => {
    expect(canonical(JSON.parse(vector.json))).toBe(vector.canonical);
    expect(canonical(JSON.parse(vector.canonical))).toBe(vector.canonical);
  });
  it.each(json.refused)("refused: $about", (vector) => {
    expect(() => canonical(JSON.parse(vector.json))).toThrow(NotCanonical);
  });
  it.each(json.bytes)("bytes: $about", ({ base64, hex }) => {
    expect(toBase64(ofHex(hex))).toBe(base64);
    expect(toHex(fromBase64(base64) ?? expect.fail("it is none"))).toBe(hex);
  });
  it.each(json.noBytes)("no bytes: $about", ({ base64 }) => {
    expect(fromBase64(base64)).toBeUndefined();
  });
});

describe("the vectors of handshakes", () => {
  it.each(handshakes.pairs)("$about", ({ kind, secret, public: shown }) => {
    const pair = kind === "Ed25519" ? signingPair(ofHex(secret)) : agreementPair(ofHex(secret));
    expect(toHex(pair.publicKey)).toBe(shown);
  });
  it.each(handshakes.fingerprints)("a fingerprint $about", async (vector) => {
    await expect(fingerprint(ofHex(vector.signingKey))).resolves.toBe(vector.fingerprint);
  });
  it.each(handshakes.keys)("a conversation's key: $about", async ({ own, peer, conversationId, key }) => {
    expect(toHex(await conversationKey(ofHex(own), ofHex(peer), conversationId))).toBe(key);
  });
  it.each(handshakes.seedKeys)("the keys of seed mode: $about", async ({ own, peer, about, ...expected }) => {
    const { encryption, authentication, iv } = await seedKeys(ofHex(own), ofHex(peer));
    const made = { encryption: toHex(encryption), authentication: toHex(authentication), iv: toHex(iv) };
    expect(made, about).toEqual(expected);
  });
  it.each(handshakes.lowOrder)("a point of low order is refused: $about", async ({ key }) => {
    const { own } = handshakes.keys[0] ?? expect.fail("there are no keys");
    expect(await problemOf(() => conversationKey(ofHex(own), ofHex(key), "conv_1"))).toBe("bad-key");
    expect(await problemOf(() => seedKeys(ofHex(own), ofHex(key)))).toBe("bad-key");
  });
  it.each(handshakes.made)("is made: $about", ({ facts, signingSeed, answers, ...vector }) => {
    const content = makeHandshake(facts, {
      signing: signingPair(ofHex(signingSeed)),
      publicKey: ofHex(vector.publicKey),
      ephemeralKey: ofHex(vector.ephemeralKey),
      ...(answers === undefined ? {} : { answers: ofHex(answers) }),
    });
    expect(content).toEqual(vector.content);
    const text = signedHandshake(facts, vector.content);
    expect(toHex(text)).toBe(vector.signed);
    expect(new TextDecoder().decode(text)).toBe(`AN2H\0${vector.canonical}`);
    expect(readHandshake(facts, vector.content).mode).toBe(2);
  });
  it.each(handshakes.read)("is read: $about", ({ facts, content, about, ...expected }) => {
    const keys = Object.entries(readHandshake(facts, content) as object) as readonly [string, unknown][];
    const shown = keys.map(([name, value]): [string, unknown] => [
      name,
      value instanceof Uint8Array ? toHex(value) : value,
    ]);
    expect(Object.fromEntries(shown), about).toEqual(expected);
  });
  it.each(handshakes.refused)("is refused: $about", async ({ facts, content, kind }) => {
    expect(await problemOf(() => readHandshake(facts, content))).toBe(kind);
  });
});

describe("the vectors of sealed frames", () => {
  it.each(frames.sealed)("is sealed and opened: $about", ({ head, counter, data, content, ...vector }) => {
    const { privateKey } = signingPair(ofHex(vector.signingSeed));
    const nonce = ofHex(vector.nonce);
    expect(seal(head, { counter, data }, ofHex(vector.key), privateKey, nonce)).toEqual(content);
    const parts = readSealed(content);
    expect(headText(head)).toBe(vector.header);
    expect(canonical({ counter, data })).toBe(vector.plain);
    const text = signedSealed(nonce, parts.encryptedData, new TextEncoder().encode(vector.header));
    expect(toHex(text)).toBe(vector.signed);
    verify(head, parts, ofHex(vector.verifyKey));
    expect(canonical(open(head, parts, ofHex(vector.key)))).toBe(vector.plain);
  });
  it.each(frames.refused)("is refused: $about", async ({ head, content, key, verifyKey, kind }) => {
    const opening = () => {
      const parts = readSealed(content);
      const whole = { ...head, originalType: parts.originalType };
      verify(whole, parts, ofHex(verifyKey));
      open(whole, parts, ofHex(key));
    };
    expect(await problemOf(opening)).toBe(kind);
  });
  it.each(frames.seed)("is sealed and opened in seed mode: $about", ({ head, data, content, ...vector }) => {
    const { privateKey } = signingPair(ofHex(vector.signingSeed));
    const nonce = ofHex(vector.nonce);
    expect(sealForSeed(head, data, ofHex(vector.key), privateKey, nonce)).toEqual(content);
    const parts = readSealed(content, "seed");
    expect(canonical(head.metadata)).toBe(vector.metadata);
    const text = signedForSeed(nonce, parts.encryptedData, new TextEncoder().encode(vector.metadata));
    expect(toHex(text)).toBe(vector.signed);
    verifyForSeed(head, parts, ofHex(vector.verifyKey));
    expect(canonical(openForSeed(parts, ofHex(vector.key)))).toBe(vector.plain);
  });
  it.each(frames.seedOpened)("is opened in seed mode: $about", ({ head, data, content, key, verifyKey }) => {
    const parts = readSealed(content, "seed");
    verifyForSeed(head, parts, ofHex(verifyKey));
    expect(openForSeed(parts, ofHex(key))).toEqual(data);
  });
  it.each(frames.seedRefused)("is refused in seed mode: $about", async ({ head, content, key, verifyKey, kind }) => {
    const opening = () => {
      const parts = readSealed(content, "seed");
      verifyForSeed(head, parts, ofHex(verifyKey));
      openForSeed(parts, ofHex(key));
    };
    expect(await problemOf(opening)).toBe(kind);
  });
});
