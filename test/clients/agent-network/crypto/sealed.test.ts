import { beforeAll, describe, expect, it } from "vitest";
import { conversationKey } from "../../../../clients/typescript/agent-network/crypto/derive.js";
import { makeHandshake, readHandshake } from "../../../../clients/typescript/agent-network/crypto/handshake-text.js";
import { agreementPair, random, signingPair } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import {
  open,
  readSealed,
  seal,
  verify,
  type SealedHead,
} from "../../../../clients/typescript/agent-network/crypto/sealed.js";
import {
  openForSeed,
  sealForSeed,
  verifyForSeed,
} from "../../../../clients/typescript/agent-network/crypto/seed-mode.js";
import { ready } from "../../../../clients/typescript/agent-network/crypto/sodium.js";

beforeAll(ready);

const head: SealedHead = {
  messageId: "m1",
  conversationId: "c1",
  senderId: "ada",
  recipientId: "bob",
  originalType: "QUERY",
  timestamp: 1_800_000_000_000,
  metadata: { encrypted: true, priority: "NORMAL" },
};

describe("a sealed message", () => {
  it("is opened by who made the same key of a handshake", async () => {
    const facts = { conversationId: "c1", senderId: "ada", recipientId: "bob" };
    const signing = signingPair();
    const [ada, bob] = [agreementPair(), agreementPair()];
    const offer = makeHandshake(facts, { signing, publicKey: random(32), ephemeralKey: ada.publicKey });
    const read = readHandshake(facts, JSON.parse(JSON.stringify(offer)));
    if (read.mode !== 2) expect.fail("it is read in seed mode");
    const ours = await conversationKey(ada.privateKey, bob.publicKey, "c1");
    const theirs = await conversationKey(bob.privateKey, read.ephemeralKey, "c1");
    const sealed = seal(head, { counter: 1, data: { text: "salve" } }, ours, signing.privateKey, random(24));
    const parts = readSealed(JSON.parse(JSON.stringify(sealed)));
    verify(head, parts, read.signingKey);
    expect(open(head, parts, theirs)).toEqual({ counter: 1, data: { text: "salve" } });
  });

  it("is opened in seed mode", () => {
    const signing = signingPair();
    const key = random(32);
    const sealed = sealForSeed(head, { text: "salve" }, key, signing.privateKey, random(24));
    const parts = readSealed(sealed, "seed");
    verifyForSeed(head, parts, signing.publicKey);
    expect(openForSeed(parts, key)).toEqual({ text: "salve" });
  });
});
