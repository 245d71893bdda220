import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Fault } from "../core/index.js";
import { closeToOthers, fileStamp, makeFile, readIfThere } from "./atomic-file.js";

/** A new secret: 32 random bytes, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** SHA-256 of a secret. */
export function secretHash(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** A secret that is the one line of a file; the broker keeps its hash only. */
export class SecretFile {
  readonly path: string;
  #hash: Buffer | undefined;
  #stamp: string | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Reads the secret, or makes one where there is no file; one that is there is not written.
   * @throws Fault unavailable if the file is empty, or cannot be made
   */
  load(): void {
    if (fileStamp(this.path) === undefined) makeFile(this.path, `${newSecret()}\n`);
    closeToOthers(this.path);
    const stamp = fileStamp(this.path);
    const secret = this.read();
    if (secret === undefined)
      throw new Fault("unavailable", `${this.path} is empty: delete it and start again, and a new token is made`);
    this.#hash = secretHash(secret);
    this.#stamp = stamp;
  }

  /** Takes a secret that was changed since it was read. One that is gone or empty goes on being what it was. */
  refresh(): void {
    const stamp = fileStamp(this.path);
    if (stamp === undefined || stamp === this.#stamp) return;
    const secret = this.read();
    if (secret === undefined) return;
    closeToOthers(this.path);
    this.#hash = secretHash(secret);
    this.#stamp = fileStamp(this.path);
  }

  /** The secret itself, for those who present it; undefined if there is none. */
  read(): string | undefined {
    const line = readIfThere(this.path)?.split("\n", 1)[0]?.trim();
    return line === "" ? undefined : line;
  }

  /** True if `candidate` is the secret. Takes the same time wherever they differ. */
  matches(candidate: string): boolean {
    return this.#hash !== undefined && timingSafeEqual(secretHash(candidate), this.#hash);
  }
}
