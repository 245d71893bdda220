import { looksOf } from "../core/index.js";

/** Names, found by what they look like. */
export class LookAlikes {
  // bound: as many as its owner has names, two texts each · evicts: a name when its owner gives it up · owner:
  // LookAlikes
  readonly #byLook = new Map<string, readonly string[]>();
  /** Raised whenever a name comes or goes. */
  version = 0;
  /** Raised whenever a name comes. */
  additions = 0;

  add(name: string): void {
    this.version += 1;
    this.additions += 1;
    for (const look of looksOf(name)) {
      const names = this.#byLook.get(look) ?? [];
      if (!names.includes(name)) this.#byLook.set(look, [...names, name]);
    }
  }

  delete(name: string): void {
    this.version += 1;
    for (const look of looksOf(name)) {
      const left = (this.#byLook.get(look) ?? []).filter((one) => one !== name);
      if (left.length === 0) this.#byLook.delete(look);
      else this.#byLook.set(look, left);
    }
  }

  clear(): void {
    this.version += 1;
    this.#byLook.clear();
  }

  /** The first name but `name` itself that looks so (`looks`: what `name` looks like) and that `counts`. */
  find(name: string, looks: readonly string[], counts: (other: string) => boolean): string | undefined {
    for (const look of looks)
      for (const other of this.#byLook.get(look) ?? []) if (other !== name && counts(other)) return other;
    return undefined;
  }
}
