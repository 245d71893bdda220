import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";

/** What an agent tells the other in its HANDSHAKE, base64. */
export interface PublicKeys {
  /** X25519. */
  readonly publicKey: string;
  /** Ed25519. The document does not say how the other gets it. */
  readonly signingKey: string;
}

/** The content of an ENCRYPTED message. */
export interface SealedContent {
  readonly encryptedData: string;
  readonly nonce: string;
  readonly signature: string;
  readonly originalType: string;
}

const raw = (key: KeyObject): string =>
  Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url").toString("base64");

function publicKeyOf(base64: string, crv: "X25519" | "Ed25519"): KeyObject {
  const x = Buffer.from(base64, "base64").toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv, x }, format: "jwk" });
}

/**
 * The keys of an agent, as the document's section on encryption has them. One thing differs, which no broker can tell:
 * Node has no XChaCha20-Poly1305, so this is ChaCha20-Poly1305, whose nonce is 12 bytes instead of 24.
 */
export class DocumentKeys {
  readonly #exchange = generateKeyPairSync("x25519");
  readonly #signing = generateKeyPairSync("ed25519");

  get published(): PublicKeys {
    return { publicKey: raw(this.#exchange.publicKey), signingKey: raw(this.#signing.publicKey) };
  }

  /** @param metadata of the message: it is signed along with the rest */
  seal(originalType: string, data: object, metadata: object, peer: PublicKeys): SealedContent {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("chacha20-poly1305", this.#keyFor(peer), nonce, { authTagLength: 16 });
    const text = Buffer.concat([cipher.update(JSON.stringify(data)), cipher.final(), cipher.getAuthTag()]);
    return {
      encryptedData: text.toString("base64"),
      nonce: nonce.toString("base64"),
      signature: sign(null, signed(nonce, text, metadata), this.#signing.privateKey).toString("base64"),
      originalType,
    };
  }

  /** @throws Error if it was not sealed by this peer for these keys, or was changed on its way */
  open({ encryptedData, nonce, signature }: SealedContent, metadata: object, peer: PublicKeys): object {
    const [text, iv] = [Buffer.from(encryptedData, "base64"), Buffer.from(nonce, "base64")];
    const by = publicKeyOf(peer.signingKey, "Ed25519");
    if (!verify(null, signed(iv, text, metadata), by, Buffer.from(signature, "base64")))
      throw new Error("the signature is wrong");
    const decipher = createDecipheriv("chacha20-poly1305", this.#keyFor(peer), iv, { authTagLength: 16 });
    decipher.setAuthTag(text.subarray(-16));
    const plain = Buffer.concat([decipher.update(text.subarray(0, -16)), decipher.final()]);
    return JSON.parse(plain.toString()) as object;
  }

  #keyFor(peer: PublicKeys): Buffer {
    const publicKey = publicKeyOf(peer.publicKey, "X25519");
    const secret = diffieHellman({ privateKey: this.#exchange.privateKey, publicKey });
    return Buffer.from(hkdfSync("sha256", secret, "", "encryption", 32));
  }
}

function signed(nonce: Buffer, text: Buffer, metadata: object): Buffer {
  return Buffer.concat([nonce, text, Buffer.from(JSON.stringify(metadata))]);
}
