import { hkdfSync } from "node:crypto";
import libsodium from "libsodium-wrappers";
import { NetworkWire, networkMessage, type NetworkFrame } from "./network-wire.js";

const base64 = libsodium.base64_variants.ORIGINAL;
const text = (bytes: Uint8Array): string => libsodium.to_base64(bytes, base64);
const bytes = (of: unknown): Uint8Array => libsodium.from_base64(String(of), base64);
/** "Ensure deterministic serialization": keys in their order; what these tests say has no number but whole ones. */
const deterministic = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );

/**
 * A client written from the document alone: one X25519 pair, HANDSHAKE with a public key, and an Ed25519 key where it has
 * one to show; HKDF, XChaCha20-Poly1305, a signature over nonce, ciphertext and metadata.
 */
export class SeedClient {
  readonly agentId: string;
  readonly wire: NetworkWire;
  readonly #exchange = libsodium.crypto_box_keypair();
  readonly #signing = libsodium.crypto_sign_keypair();
  readonly #showsSigningKey: boolean;
  // bound: the peers of one test · evicts: nothing · owner: SeedClient
  readonly #known = new Map<string, { readonly publicKey: Uint8Array; readonly signingKey: Uint8Array }>();
  #said = 0;

  private constructor(wire: NetworkWire, agentId: string, showsSigningKey: boolean) {
    this.wire = wire;
    this.agentId = agentId;
    this.#showsSigningKey = showsSigningKey;
  }

  static async login(url: string, agentId: string, token: string, showsSigningKey = true): Promise<SeedClient> {
    await libsodium.ready;
    return new SeedClient(await NetworkWire.login(url, agentId, token), agentId, showsSigningKey);
  }

  sendHandshake(to: string, requiresResponse: boolean): void {
    const signingKey = this.#showsSigningKey ? { signingKey: text(this.#signing.publicKey) } : {};
    const content = { agentId: this.agentId, publicKey: text(this.#exchange.publicKey), ...signingKey };
    this.#say(to, "HANDSHAKE", content, { priority: "HIGH", encrypted: false, requiresResponse });
  }

  /** Takes the next HANDSHAKE, and answers it if it asks for that. */
  async handlesHandshake(): Promise<NetworkFrame> {
    const frame = await this.wire.hears("HANDSHAKE");
    const { publicKey, signingKey } = frame.content;
    this.#known.set(frame.senderId, { publicKey: bytes(publicKey), signingKey: bytes(signingKey) });
    if (frame.metadata["requiresResponse"] === true) this.sendHandshake(frame.senderId, false);
    return frame;
  }

  /** @param messageId the same one again is what its sender says again */
  sendEncrypted(to: string, originalType: string, data: object, messageId?: string): void {
    const metadata = { priority: "NORMAL", encrypted: true, requiresResponse: false };
    const nonce = libsodium.randombytes_buf(24);
    const plain = deterministic(data);
    const sealed = libsodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, null, null, nonce, this.#keyFor(to));
    const signed = Buffer.concat([nonce, sealed, Buffer.from(deterministic(metadata))]);
    const signature = text(libsodium.crypto_sign_detached(signed, this.#signing.privateKey));
    this.#say(
      to,
      "ENCRYPTED",
      { encryptedData: text(sealed), nonce: text(nonce), signature, originalType },
      metadata,
      messageId,
    );
  }

  /** The next sealed message, opened. @throws Error where its signature or its tag is wrong */
  async hearsEncrypted(): Promise<{ readonly originalType: unknown; readonly data: unknown }> {
    const { senderId, content, metadata } = await this.wire.hears("ENCRYPTED");
    const [nonce, sealed] = [bytes(content["nonce"]), bytes(content["encryptedData"])];
    const signed = Buffer.concat([nonce, sealed, Buffer.from(deterministic(metadata))]);
    const key = this.#known.get(senderId)?.signingKey ?? new Uint8Array(32);
    if (!libsodium.crypto_sign_verify_detached(bytes(content["signature"]), signed, key)) throw new Error("signature");
    const open = libsodium.crypto_aead_xchacha20poly1305_ietf_decrypt;
    const plain = open(null, sealed, null, nonce, this.#keyFor(senderId), "text");
    return { originalType: content["originalType"], data: JSON.parse(plain) as unknown };
  }

  #keyFor(peer: string): Uint8Array {
    const known = this.#known.get(peer);
    if (known === undefined) throw new Error(`no handshake with ${peer} yet`);
    const secret = libsodium.crypto_scalarmult(this.#exchange.privateKey, known.publicKey);
    return new Uint8Array(hkdfSync("sha256", secret, "", "encryption", 32));
  }

  #say(to: string, messageType: string, content: object, metadata: object, messageId?: string): void {
    this.#said += 1;
    this.wire.say(
      networkMessage(this.agentId, to, {
        messageId: messageId ?? `${this.agentId}-${this.#said}`,
        conversationId: "conv_seed",
        messageType,
        content: { ...content },
        timestamp: Date.now(),
        metadata: { ...metadata },
      }),
    );
  }
}
