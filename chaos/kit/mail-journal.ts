import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MailTally } from "./mail-tally.js";
import type { Course } from "./scenario.js";

/** What owners of mailboxes that may be killed have handled: they append to a file, which outlives them. */
export class MailJournal {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** An empty one, which goes with the scenario. */
  static in(course: Course): MailJournal {
    const folder = mkdtempSync(join(tmpdir(), "synaptic-journal-"));
    course.finally(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const path = join(folder, "journal");
    writeFileSync(path, "");
    return new MailJournal(path);
  }

  /** Tells the tally what each owner has handled in which of its lives (`OWNER LIFE TEXT …`). */
  tell(tally: MailTally): void {
    for (const [owner = "", life, text = ""] of this.#lines())
      if (owner !== "again") tally.hears(owner, text, Number(life));
  }

  /** Messages that an owner has handled more than once. */
  twice(owner: string): readonly string[] {
    const seen = new Set<string>();
    return this.#lines().flatMap(([who, , text = ""]) => {
      if (who !== owner) return [];
      const again = seen.has(text);
      seen.add(text);
      return again ? [text] : [];
    });
  }

  /** How often an owner was given again what it knew by its id (`again OWNER …`). */
  again(owner: string): number {
    return this.#lines().filter(([word, who]) => word === "again" && who === owner).length;
  }

  #lines(): readonly (readonly string[])[] {
    return readFileSync(this.path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" "));
  }
}
