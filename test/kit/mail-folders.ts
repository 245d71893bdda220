import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { MailStoreLmdb } from "../../src/mailbox/index.js";

/** Folders of a test file, which go with it. */
export interface MailFolders {
  /** The path of a folder that is not there yet, in one of its own. */
  readonly make: () => string;
  /** A store on it that is open. */
  readonly open: (path: string) => MailStoreLmdb;
}

/** To be called once in a test file. */
export function mailFolders(): MailFolders {
  const made: string[] = [];
  afterAll(() => {
    for (const folder of made) rmSync(folder, { recursive: true, force: true });
  });
  return {
    make: () => {
      const folder = mkdtempSync(join(tmpdir(), "synaptic-mail-"));
      made.push(folder);
      return join(folder, "mail");
    },
    open: (path) => {
      const store = new MailStoreLmdb({ path, failed: () => undefined });
      store.open();
      return store;
    },
  };
}
