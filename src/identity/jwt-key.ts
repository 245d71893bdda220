import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint } from "jose/jwk/thumbprint";
import { Fault } from "../core/index.js";
import { closeToOthers, fileStamp, makeFile, readIfThere } from "../storage/atomic-file.js";
import { readable } from "./token-file.js";

/** The key that a broker signs its own JWTs with. */
export interface JwtKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Who signs with it (`iss`): this broker. It follows from the public key (RFC 7638), so that it is kept nowhere. */
  readonly issuer: string;
}

/** A new Ed25519 private key. */
export function newPrivateKey(): KeyObject {
  return generateKeyPairSync("ed25519").privateKey;
}

/** What is signed and verified with. @throws Error the system's, at once: it is no private key */
export function jwtKeyOf(privateKey: KeyObject): Promise<JwtKey> {
  const publicKey = createPublicKey(privateKey);
  return calculateJwkThumbprint(publicKey).then((print) => ({
    privateKey,
    publicKey,
    issuer: `synaptic-core:${print}`,
  }));
}

/** `jwt-key`: an Ed25519 private key (RFC 8410), PKCS #8 in PEM. Another process may make or replace it; see `refresh`. */
export class JwtKeyFile {
  readonly path: string;
  #key: Promise<JwtKey> | undefined;
  #stamp: string | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** The key as it was read last; undefined if there is none: no JWT was made yet. */
  get key(): Promise<JwtKey> | undefined {
    return this.#key;
  }

  /**
   * Reads the file if it has changed since it was read last, and takes the rights of others to it away.
   * @throws Fault unavailable if it cannot be read or is no such key; the one known before holds
   */
  refresh(): void {
    if (this.#readStamp() === this.#stamp) return;
    readable(this.path, () => {
      closeToOthers(this.path);
    });
    const stamp = this.#readStamp();
    const text = readable(this.path, () => readIfThere(this.path));
    this.#key = text === undefined ? undefined : this.#keyOf(text);
    this.#stamp = stamp;
  }

  /**
   * The key, which is made if there is none. Of two processes that make it at once both use the same.
   * @throws Fault unavailable
   */
  async obtain(): Promise<JwtKey> {
    this.refresh();
    if (this.#key === undefined) {
      const privateKey = newPrivateKey();
      readable(this.path, () => makeFile(this.path, privateKey.export({ type: "pkcs8", format: "pem" }).toString()));
      this.refresh();
    }
    if (this.#key === undefined)
      throw new Fault("unavailable", `${this.path} was taken away while it was made; try again`);
    return this.#key;
  }

  #readStamp(): string | undefined {
    return readable(this.path, () => fileStamp(this.path));
  }

  #keyOf(text: string): Promise<JwtKey> {
    try {
      const privateKey = createPrivateKey(text);
      if (privateKey.asymmetricKeyType !== "ed25519") throw new Error("no Ed25519 key");
      return jwtKeyOf(privateKey);
    } catch (error) {
      throw new Fault(
        "unavailable",
        `${this.path} is damaged, it is to hold an Ed25519 private key: put it back from a copy, ` +
          "or delete it and make the JWTs anew (broker token NAME --jwt)",
        { cause: error },
      );
    }
  }
}
