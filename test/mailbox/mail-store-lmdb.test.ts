import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { MailStoreLmdb } from "../../src/mailbox/index.js";
import { mailStoreSuite } from "../kit/mail-store-suite.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "synaptic-mail-"));
  folders.push(made);
  return join(made, "mail");
}

mailStoreSuite("lmdb", () => new MailStoreLmdb({ path: folder(), failed: console.error }));
