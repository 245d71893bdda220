import { codeOf } from "./files.js";

/** Reads what can be read: one file that cannot be hides neither the others nor the other instances. */
export class TolerantReader {
  /** Code of the system, of the first that could not be read. */
  failure: string | undefined;

  /** What `read` gives; undefined if the system does not let it read. @throws what else it throws */
  try<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      const code = codeOf(thrown);
      if (code === undefined) throw thrown;
      this.failure ??= code;
      return undefined;
    }
  }
}
