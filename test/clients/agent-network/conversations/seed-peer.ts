import type { NetworkFrame } from "../../../../clients/typescript/agent-network/frames.js";
import { fromBase64, toBase64 } from "../../../../clients/typescript/agent-network/crypto/base64.js";
import { seedKeys } from "../../../../clients/typescript/agent-network/crypto/derive.js";
import { agreementPair, random, signingPair } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { readSealed } from "../../../../clients/typescript/agent-network/crypto/sealed.js";
import { openForSeed, sealForSeed } from "../../../../clients/typescript/agent-network/crypto/seed-mode.js";
import type { Fields } from "../../../../clients/typescript/agent-network/crypto/shape.js";
import type { Bytes, KeyPair } from "../../../../clients/typescript/agent-network/crypto/sodium.js";

/** A client that knows the document alone: long-term keys, no version. */
export class SeedPeer {
  agreement: KeyPair = agreementPair();
  readonly signing: KeyPair = signingPair();
  #count = 0;

  constructor(
    readonly name: string,
    readonly hasSigningKey = true,
  ) {}

  handshake(to: string, conversationId = "c"): NetworkFrame {
    const signingKey = this.hasSigningKey ? { signingKey: toBase64(this.signing.publicKey) } : {};
    const content = { agentId: this.name, publicKey: toBase64(this.agreement.publicKey), ...signingKey };
    return this.#frame(to, "HANDSHAKE", content, conversationId, { encrypted: false, requiresResponse: true });
  }

  async says(
    to: string,
    toKey: unknown,
    content: Fields,
    type = "INFORM",
    conversationId = "c",
  ): Promise<NetworkFrame> {
    const metadata = { priority: "NORMAL", encrypted: true, requiresResponse: false };
    const sealed = sealForSeed(
      { originalType: type, metadata },
      content,
      await this.#key(toKey),
      this.signing.privateKey,
      random(24),
    );
    return this.#frame(to, "ENCRYPTED", { ...sealed }, conversationId, metadata);
  }

  async opens(frame: NetworkFrame, fromKey: unknown): Promise<Fields> {
    return openForSeed(readSealed(frame.content, "seed"), await this.#key(fromKey));
  }

  async #key(publicKey: unknown): Promise<Bytes> {
    const peer = typeof publicKey === "string" ? fromBase64(publicKey) : undefined;
    if (peer === undefined) throw new TypeError("no key");
    return (await seedKeys(this.agreement.privateKey, peer)).encryption;
  }

  #frame(
    to: string,
    messageType: string,
    content: Fields,
    conversationId: string,
    metadata: NetworkFrame["metadata"],
  ): NetworkFrame {
    const messageId = `${this.name}-${(this.#count += 1)}`;
    return {
      messageId,
      conversationId,
      senderId: this.name,
      recipientId: to,
      messageType,
      content,
      timestamp: 1,
      metadata,
    };
  }
}
