import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../../../../clients/typescript/agent-network/crypto/base64.js";
import { conversationKey } from "../../../../clients/typescript/agent-network/crypto/derive.js";
import {
  makeHandshake,
  readHandshake,
  type HandshakeContent,
  type HandshakeFacts,
} from "../../../../clients/typescript/agent-network/crypto/handshake-text.js";
import { agreementPair, random, signingPair } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { CryptoProblem } from "../../../../clients/typescript/agent-network/crypto/problem.js";
import { ready, type KeyPair } from "../../../../clients/typescript/agent-network/crypto/sodium.js";
import { toHex } from "./hex.js";

const facts: HandshakeFacts = { conversationId: "c1", senderId: "ada", recipientId: "bob" };
const back: HandshakeFacts = { conversationId: "c1", senderId: "bob", recipientId: "ada" };

let ada: KeyPair;
let offer: HandshakeContent;
let answer: HandshakeContent;

beforeAll(async () => {
  await ready();
  ada = signingPair();
  const [mine, theirs] = [agreementPair().publicKey, agreementPair().publicKey];
  offer = makeHandshake(facts, { signing: ada, publicKey: random(32), ephemeralKey: mine });
  answer = makeHandshake(back, { signing: ada, publicKey: random(32), ephemeralKey: theirs, answers: mine });
});

/** The word for what is wrong with a peer's content. */
function kindOf(about: HandshakeFacts, content: unknown): string {
  try {
    return String(readHandshake(about, content).mode);
  } catch (error) {
    if (error instanceof CryptoProblem) return error.kind;
    throw error;
  }
}

describe("a handshake", () => {
  it("gives both sides one key, whoever was first, and nobody else", async () => {
    const [mine, theirs] = [agreementPair(), agreementPair()];
    const offered = makeHandshake(facts, { signing: ada, publicKey: random(32), ephemeralKey: mine.publicKey });
    const read = readHandshake(facts, JSON.parse(JSON.stringify(offered)));
    if (read.mode !== 2) expect.fail("it is read in seed mode");
    const key = await conversationKey(theirs.privateKey, read.ephemeralKey, "c1");
    expect(toHex(await conversationKey(mine.privateKey, theirs.publicKey, "c1"))).toBe(toHex(key));
    expect(toHex(await conversationKey(agreementPair().privateKey, read.ephemeralKey, "c1"))).not.toBe(toHex(key));
  });

  it("fails by every single bit of its keys and of its signature", () => {
    for (const [about, content] of [
      [facts, offer],
      [back, answer],
    ] as const) {
      for (const name of ["publicKey", "signingKey", "ephemeralKey", "answers", "signature"] as const) {
        const bytes = fromBase64(content[name] ?? "") ?? expect.fail(`${name} is no base64`);
        for (let bit = 0; bit < bytes.length * 8; bit += 3) {
          const changed = bytes.slice();
          changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(kindOf(about, { ...content, [name]: toBase64(changed) }), `${name}, ${bit}`).toBe("bad-signature");
        }
      }
    }
  });

  it("fails between others, and in another conversation", () => {
    for (const [name, value] of Object.entries({ conversationId: "c2", senderId: "eve", recipientId: "eve" })) {
      const about = { ...facts, [name]: value };
      expect(kindOf(about, { ...offer, agentId: about.senderId })).toBe("bad-signature");
    }
  });

  it("cannot be moved over the borders of its facts", () => {
    // By canonical JSON each text has its quotes: what one id loses, the next cannot win.
    for (const about of [
      { ...facts, conversationId: 'c1","recipientId":"bob', recipientId: "bob" },
      { ...facts, conversationId: "c", senderId: "ada" },
    ]) {
      expect(kindOf(about, offer)).toBe("bad-signature");
    }
  });

  it("has no inherited fields: a polluted prototype adds none", () => {
    const inherits = Object.create(offer) as object;
    expect(kindOf(facts, inherits)).toBe("malformed");
    const bare = { agentId: "ada", publicKey: offer.publicKey };
    const polluted = Object.assign(Object.create({ v: 2, signingKey: offer.signingKey }) as object, bare);
    expect(readHandshake(facts, polluted)).not.toHaveProperty("signingKey");
  });

  it("is one of seed mode without v, and says so: a broker that takes v away leaves a pinned peer to find out", () => {
    const { v, ...rest } = offer;
    expect(v).toBe(2);
    expect(kindOf(facts, rest)).toBe("seed");
    expect(kindOf(facts, { ...rest, v: undefined })).toBe("malformed");
  });

  it("is refused by its shape when it nests 100,000 levels deep or is as large as a frame can be", () => {
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`);
    expect(kindOf(facts, { ...offer, deep })).toBe("malformed");
    expect(kindOf(facts, { ...offer, more: "x".repeat(65_536) })).toBe("bad-signature");
    expect(kindOf(facts, { ...offer, publicKey: "A".repeat(65_536) })).toBe("bad-key");
    expect(kindOf(facts, { ...offer, signature: "A".repeat(65_536) })).toBe("malformed");
  });

  it("is not made of keys of another length", () => {
    const side = { signing: ada, publicKey: random(32), ephemeralKey: random(32) };
    for (const wrong of [
      { ...side, publicKey: random(31) },
      { ...side, ephemeralKey: random(33) },
      { ...side, answers: random(0) },
      { ...side, signing: { ...ada, publicKey: random(31) } },
      { ...side, signing: { ...ada, privateKey: ada.privateKey.slice(0, 32) } },
    ]) {
      expect(() => makeHandshake(facts, wrong)).toThrow(RangeError);
    }
  });

  it("is refused, never more, whatever a peer says", () => {
    const names = fc.constantFrom("agentId", "publicKey", "v", "signingKey", "ephemeralKey", "answers", "signature");
    fc.assert(
      fc.property(names, fc.jsonValue(), (name, value) => {
        const content = { ...offer, [name]: value };
        if (JSON.stringify(content) === JSON.stringify(offer)) return;
        expect(["malformed", "bad-key", "bad-signature"]).toContain(kindOf(facts, JSON.parse(JSON.stringify(content))));
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(kindOf(facts, value)).toBe("malformed");
      }),
    );
  });
});
