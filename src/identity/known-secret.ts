import { basename } from "node:path";
import { SecretFile, secretHash } from "../storage/secret-file.js";
import { readable } from "./token-file.js";

/** A secret of the data directory with which clients log in: the shared token, the operator's. */
export class KnownSecret {
  readonly #file: SecretFile;
  #id = "";

  constructor(path: string) {
    this.#file = new SecretFile(path);
  }

  /** What its sessions have as the id of their token, to be closed when it changes. It reveals nothing of it. */
  get id(): string {
    return this.#id;
  }

  /** Reads it, or makes it where there is none. @throws Fault unavailable, naming the file and the remedy */
  load(): void {
    readable(this.#file.path, () => {
      this.#file.load();
    });
  }

  /** Takes one that was changed. @throws Fault unavailable; the one known before holds */
  refresh(): void {
    readable(this.#file.path, () => {
      this.#file.refresh();
      const secret = this.#file.read();
      if (secret !== undefined) this.#id = this.#idOf(secret);
    });
  }

  /** The id of the token if it is this secret. Takes the same time wherever they differ. */
  match(token: string): string | undefined {
    return this.#file.matches(token) ? this.#idOf(token) : undefined;
  }

  #idOf(secret: string): string {
    return `${basename(this.#file.path)}:${secretHash(`session ${secret}`).toString("hex").slice(0, 16)}`;
  }
}
