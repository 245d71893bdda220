import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { fromBase64 } from "../../clients/typescript/agent-network/crypto/base64.js";
import { canonical } from "../../clients/typescript/agent-network/crypto/canonical-json.js";
import { conversationKey, seedKeys, shared } from "../../clients/typescript/agent-network/crypto/derive.js";
import { fingerprint } from "../../clients/typescript/agent-network/crypto/fingerprint.js";
import { makeHandshake, readHandshake } from "../../clients/typescript/agent-network/crypto/handshake-text.js";
import { agreementPair, signingPair } from "../../clients/typescript/agent-network/crypto/key-pairs.js";
import { headText, open, readSealed, seal, verify } from "../../clients/typescript/agent-network/crypto/sealed.js";
import { sealForSeed } from "../../clients/typescript/agent-network/crypto/seed-mode.js";
import { ready, type Bytes } from "../../clients/typescript/agent-network/crypto/sodium.js";
import type { NetworkFrame } from "../kit/network-wire.js";

const page = readFileSync(new URL("../../bridges/agent-network/README.md", import.meta.url), "utf8");
const [, after = ""] = page.split("## A client of your own\n");
const [section = ""] = after.split("\n## ");

const bytes = (value: number, length = 32): Bytes => new Uint8Array(length).fill(value);
const hex = (value: Bytes): string => Buffer.from(value).toString("hex");
const bytesIn = (frame: NetworkFrame, name: string): Bytes => fromBase64(String(frame.content[name])) ?? bytes(0);

/** The frame of the page with this id. */
function frame(messageId: string): NetworkFrame {
  const [text = "{}"] = new RegExp(`^\\{"messageId":"${messageId}".*\\}$`, "m").exec(section) ?? [];
  return JSON.parse(text) as NetworkFrame;
}

describe("a client of your own, in the README of Agent Network: by the page's keys", () => {
  beforeAll(() => ready());
  const sides = {
    alice: () => ({
      signing: signingPair(bytes(1)),
      long: agreementPair(bytes(2)),
      ephemeral: agreementPair(bytes(3)),
    }),
    bob: () => ({ signing: signingPair(bytes(4)), long: agreementPair(bytes(5)), ephemeral: agreementPair(bytes(6)) }),
  };
  const key = (): Promise<Bytes> => conversationKey(bytes(3), sides.bob().ephemeral.publicKey, "conv_1");

  it("its fingerprint is Alice's", async () => {
    expect(section).toContain(`\n${await fingerprint(sides.alice().signing.publicKey)}\n`);
  });

  it("its canonical texts are those of RFC 8785", () => {
    expect(canonical(JSON.parse('{"b": 1.0, "a": "é\\/"}'))).toBe('{"a":"é/","b":1}');
    expect(section).toContain('`{"b": 1.0, "a": "é\\/"}` is `{"a":"é/","b":1}`');
  });

  it.each(["h1", "h2"])("its handshake %s is what this client says, and one that it takes", (id) => {
    const { content, ...about } = frame(id);
    const own = sides[about.senderId as keyof typeof sides]();
    const answers = id === "h2" ? sides.alice().ephemeral.publicKey : undefined;
    const side = { signing: own.signing, publicKey: own.long.publicKey, ephemeralKey: own.ephemeral.publicKey };
    expect(makeHandshake(about, { ...side, ...(answers !== undefined && { answers }) })).toEqual(content);
    expect(readHandshake(about, content)).toMatchObject({ mode: 2, ...(answers !== undefined && { answers }) });
  });

  it("its signed text is that of the offer", () => {
    const { content, conversationId, senderId, recipientId } = frame("h1");
    const covered = Object.fromEntries(Object.entries(content).filter(([name]) => name !== "signature"));
    expect(section).toContain(`\n${canonical({ ...covered, conversationId, senderId, recipientId })}\n`);
  });

  it("its secret and its key come out on both sides", async () => {
    const { alice, bob } = { alice: sides.alice().ephemeral, bob: sides.bob().ephemeral };
    expect(section).toContain(`secret  ${hex(shared(alice.privateKey, bob.publicKey))}\n`);
    expect(section).toContain(`key     ${hex(await key())}\n`);
    expect(await conversationKey(bob.privateKey, alice.publicKey, "conv_1")).toEqual(await key());
  });

  it("its sealed frame is what this client says, and one that it opens", async () => {
    const { content, ...rest } = frame("m1");
    const head = { ...rest, originalType: String(content["originalType"]) };
    const data = { requestId: "r1", queryType: "CUSTOM", parameters: { text: "Free on Monday, señora?" } };
    const text = { counter: 1, data };
    expect(seal(head, text, await key(), sides.alice().signing.privateKey, bytes(7, 24))).toEqual(content);
    const parts = readSealed(content);
    verify(head, parts, bytesIn(frame("h1"), "signingKey"));
    expect(open(head, parts, await key())).toEqual(text);
    for (const shown of [canonical(text), headText(head)]) expect(section).toContain(`\n${shown}\n`);
  });

  it("its frame of seed mode is what this client says there", async () => {
    const { encryption } = await seedKeys(bytes(2), sides.bob().long.publicKey);
    expect(section).toContain(`key     ${hex(encryption)}\n`);
    const metadata = { priority: "NORMAL", encrypted: true, requiresResponse: false };
    const head = { originalType: "INFORM", metadata };
    const sealed = sealForSeed(head, { text: "hello" }, encryption, sides.alice().signing.privateKey, bytes(7, 24));
    const [shown = ""] = /^\{"encryptedData":.*\}$/m.exec(section) ?? [];
    expect(JSON.parse(shown)).toEqual(sealed);
    expect(section).toContain(`\`${canonical(metadata)}\``);
  });
});
