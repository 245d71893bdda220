import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { toBase64 } from "../../../../clients/typescript/agent-network/crypto/base64.js";
import { canonical } from "../../../../clients/typescript/agent-network/crypto/canonical-json.js";
import { agreementPair, random, signingPair } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { CryptoProblem, type CryptoKind } from "../../../../clients/typescript/agent-network/crypto/problem.js";
import {
  open,
  readSealed,
  seal,
  verify,
  type SealedHead,
  type SealedParts,
} from "../../../../clients/typescript/agent-network/crypto/sealed.js";
import {
  openForSeed,
  sealForSeed,
  verifyForSeed,
} from "../../../../clients/typescript/agent-network/crypto/seed-mode.js";
import { ready, type Bytes, type KeyPair } from "../../../../clients/typescript/agent-network/crypto/sodium.js";

const head: SealedHead = {
  messageId: "m1",
  conversationId: "c1",
  senderId: "ada",
  recipientId: "bob",
  originalType: "QUERY",
  timestamp: 1_800_000_000_000,
  metadata: { encrypted: true, priority: "NORMAL", requiresResponse: true },
};
const data = { queryType: "availability", parameters: { from: 9 } };

let ada: KeyPair;
let eve: KeyPair;
let key: Bytes;
let parts: SealedParts;

beforeAll(async () => {
  await ready();
  [ada, eve] = [signingPair(), signingPair()];
  key = random(32);
  parts = readSealed(seal(head, { counter: 1, data }, key, ada.privateKey, random(24)));
});

/** What a peer's frame is refused for. */
function kindOf(reading: () => unknown): CryptoKind | "opened" {
  try {
    reading();
    return "opened";
  } catch (error) {
    if (error instanceof CryptoProblem) return error.kind;
    throw error;
  }
}

/** Both looks of a receiver, each by itself: the second must hold though the first were lost. */
function refusals(at: SealedHead, changed: SealedParts, pinned = ada.publicKey): readonly string[] {
  return [
    kindOf(() => {
      verify(at, changed, pinned);
    }),
    kindOf(() => open(at, changed, key)),
  ];
}

function flipped(bytes: Bytes, bit: number): Bytes {
  const changed = bytes.slice();
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

describe("a sealed frame", () => {
  it("opens as it is", () => {
    expect(refusals(head, parts)).toEqual(["opened", "opened"]);
  });

  it.each(["nonce", "encryptedData", "signature"] as const)("fails by every single bit of its %s", (name) => {
    for (let bit = 0; bit < parts[name].length * 8; bit++) {
      const expected = ["bad-signature", name === "signature" ? "opened" : "bad-tag"];
      expect(refusals(head, { ...parts, [name]: flipped(parts[name], bit) }), `bit ${bit}`).toEqual(expected);
    }
  });

  it("fails when it is cut anywhere, or longer", () => {
    const { encryptedData } = parts;
    for (let length = 0; length < encryptedData.length; length++) {
      const cut = encryptedData.slice(0, length);
      expect(refusals(head, { ...parts, encryptedData: cut }), `${length} bytes`).toEqual(["bad-signature", "bad-tag"]);
      const content = { nonce: toBase64(parts.nonce), signature: toBase64(parts.signature), originalType: "QUERY" };
      const shape = kindOf(() => readSealed({ ...content, encryptedData: toBase64(cut) }));
      expect(shape).toBe(length < 16 ? "malformed" : "opened");
    }
    const longer = Uint8Array.from([...encryptedData, 0]);
    expect(refusals(head, { ...parts, encryptedData: longer })).toEqual(["bad-signature", "bad-tag"]);
  });

  it.each<Partial<SealedHead>>([
    { messageId: "m2" },
    { conversationId: "c2" },
    { senderId: "eve" },
    { recipientId: "eve" },
    { senderId: "bob", recipientId: "ada" },
    { originalType: "PROPOSAL" },
    { timestamp: head.timestamp + 1 },
    { metadata: { ...head.metadata, priority: "HIGH" } },
    { metadata: { ...head.metadata, encrypted: false } },
    { metadata: { ...head.metadata, more: null } },
    { metadata: { encrypted: true, priority: "NORMAL" } },
    { metadata: {} },
  ])("fails under another head: %j", (change) => {
    const changed = { ...head, ...change };
    const type = { ...parts, originalType: changed.originalType };
    expect(refusals(changed, type)).toEqual(["bad-signature", "bad-tag"]);
  });

  it("fails when its content names another type than the head that it is looked at by", () => {
    expect(refusals(head, { ...parts, originalType: "PROPOSAL" })[0]).toBe("bad-signature");
  });

  it("fails when another has signed it, or a key of 31 or 33 bytes is pinned", () => {
    const forged = readSealed(seal(head, { counter: 1, data }, key, eve.privateKey, random(24)));
    expect(refusals(head, forged)[0]).toBe("bad-signature");
    for (const pinned of [ada.publicKey.slice(1), Uint8Array.from([...ada.publicKey, 0]), new Uint8Array()]) {
      expect(refusals(head, parts, pinned)[0]).toBe("bad-signature");
    }
  });

  it("fails by a head that has no canonical text", () => {
    const heads = [
      { ...head, timestamp: Number.POSITIVE_INFINITY },
      { ...head, timestamp: Number.NaN },
      { ...head, senderId: "ada\ud83d" },
      { ...head, metadata: { deep: JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`) as unknown } },
    ];
    for (const at of heads) expect(refusals(at, parts)).toEqual(["malformed", "malformed"]);
  });

  it("says of a failure neither keys nor what was sealed", () => {
    const told = [parts, { ...parts, nonce: random(24) }].map((each) => {
      try {
        open({ ...head, messageId: "m2" }, each, key);
      } catch (error) {
        return String(error);
      }
      return expect.fail("it opens");
    });
    expect(told.join()).not.toMatch(/availability|QUERY|m2/);
    expect(told.join()).not.toContain(toBase64(key));
  });

  it("is not made with a nonce, a key or a counter of the wrong kind", () => {
    const attempt = (counter: number, by: Bytes, nonce: Bytes) => () =>
      seal(head, { counter, data }, by, ada.privateKey, nonce);
    for (const length of [0, 12, 23, 25]) expect(attempt(1, key, random(length))).toThrow(TypeError);
    for (const length of [0, 16, 31, 33]) expect(attempt(1, random(length), random(24))).toThrow(TypeError);
    for (const counter of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(attempt(counter, key, random(24))).toThrow(RangeError);
    }
    expect(() => seal(head, { counter: 1, data }, key, ada.privateKey.slice(32), random(24))).toThrow(RangeError);
    expect(() => open(head, parts, key.slice(1))).toThrow(RangeError);
  });

  it("names the place of what JSON cannot hold, before anything is sealed", () => {
    const unsayable = { list: [{ price: Number.NaN }] };
    const attempt = () => seal(head, { counter: 1, data: unsayable }, key, ada.privateKey, random(24));
    expect(attempt).toThrow("data.list[0].price is NaN");
  });

  it("brings keys of the prototype's names as keys, and nothing else gets them", () => {
    const text = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}';
    const content = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const sent = readSealed(seal(head, { counter: 1, data: content }, key, ada.privateKey, random(24)));
    const opened = open(head, sent, key).data;
    expect(JSON.stringify(opened)).toBe(text);
    expect("isAdmin" in {}).toBe(false);
    expect(Object.getPrototypeOf(opened)).toBe(Object.prototype);
  });
});

const texts = fc.string({ unit: "grapheme", maxLength: 20 });
const contents = fc.dictionary(texts, fc.jsonValue({ stringUnit: "grapheme" }), { maxKeys: 8 });
const heads = fc.record({
  messageId: texts,
  conversationId: texts,
  senderId: texts,
  recipientId: texts,
  originalType: fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
  timestamp: fc.double({ noNaN: true, noDefaultInfinity: true }),
  metadata: contents,
});

describe("any message", () => {
  it("is after opening what it was before sealing", () => {
    fc.assert(
      fc.property(heads, contents, fc.maxSafeNat(), (at, content, counter) => {
        const sealed = seal(at, { counter, data: content }, key, ada.privateKey, random(24));
        const sent = readSealed(JSON.parse(JSON.stringify(sealed)));
        verify(at, sent, ada.publicKey);
        expect(canonical(open(at, sent, key))).toBe(canonical({ counter, data: content }));
      }),
    );
  });

  it("is after opening in seed mode what it was before sealing", () => {
    fc.assert(
      fc.property(heads, contents, (at, content) => {
        const sealed = sealForSeed(at, content, key, ada.privateKey, random(24));
        const sent = readSealed(JSON.parse(JSON.stringify(sealed)), "seed");
        verifyForSeed(at, sent, ada.publicKey);
        expect(canonical(openForSeed(sent, key))).toBe(canonical(content));
      }),
    );
  });

  it("fails when anything of its frame's text becomes another", () => {
    const changed = fc.record({ at: fc.nat(), by: fc.integer({ min: 32, max: 126 }) });
    fc.assert(
      fc.property(heads, contents, changed, (at, content, { at: place, by }) => {
        const { originalType, ...rest } = at;
        const sealed = seal(at, { counter: 1, data: content }, key, ada.privateKey, random(24));
        const text = JSON.stringify({ ...rest, content: sealed });
        const where = place % text.length;
        const mutated = text.slice(0, where) + String.fromCharCode(by) + text.slice(where + 1);
        const read = parsed(mutated);
        // No JSON any more, or the same in other words.
        if (read === undefined || canonical(read) === canonical(JSON.parse(text))) return;
        const { content: its, ...header } = read;
        const outcome = kindOf(() => {
          const sent = readSealed(its);
          const whole = { ...header, originalType: sent.originalType } as unknown as SealedHead;
          verify(whole, sent, ada.publicKey);
        });
        expect(outcome, `${originalType} ${mutated}`).not.toBe("opened");
      }),
    );
  });

  it("is opened by no other key", () => {
    expect(kindOf(() => open(head, parts, agreementPair().privateKey))).toBe("bad-tag");
  });

  it("looks different each time that it is sealed", () => {
    const blocks = [1, 2].map(() => {
      const { encryptedData } = readSealed(seal(head, { counter: 1, data }, key, ada.privateKey, random(24)));
      return Buffer.from(encryptedData).toString("hex").slice(0, 32);
    });
    expect(new Set(blocks).size).toBe(2);
  });
});

/** A frame's fields, or undefined where a text is none. */
function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    canonical(value);
    return value as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
