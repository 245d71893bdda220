import fc from "fast-check";
import { describe, it } from "vitest";
import { MailStoreLmdb, MailStoreMemory, type MailStore } from "../../src/mailbox/index.js";
import { mailFolders } from "./mail-folders.js";

/** How long the scripts are on a store, and how many of them run. */
interface Runs {
  readonly maxLength: number;
  readonly numRuns: number;
}

/** Tests that mailboxes do what a naive model says, whatever happens in whatever order, in memory and on disk. */
export function agreesWithModel<Step>(
  mode: string,
  {
    steps,
    run,
    memory,
    disk,
  }: {
    readonly steps: fc.Arbitrary<Step>;
    /** Does what the script says to mailboxes on this store and to the model, and throws where they differ. */
    readonly run: (disk: MailStore, script: readonly Step[]) => Promise<void>;
    readonly memory: Runs;
    readonly disk: Runs;
  },
): void {
  describe(`${mode} agrees with a naive model (protocols §9)`, () => {
    const folders = mailFolders();
    const agrees = ({ maxLength, numRuns }: Runs, make: () => MailStore): Promise<void> => {
      const scripts = fc.array(steps, { maxLength, size: "max" });
      return fc.assert(
        fc.asyncProperty(scripts, (script) => run(make(), script)),
        { numRuns },
      );
    };

    it("in memory", () => agrees(memory, () => new MailStoreMemory()));

    it("on disk", () => agrees(disk, () => new MailStoreLmdb({ path: folders.make(), failed: () => undefined })));
  });
}
