import { join } from "node:path";
import { readIfThere, replaceFile } from "../storage/index.js";

/** How the secret of the seals is written. */
export const secretForm = /^[0-9a-f]{8}$/;

/** Keeps the secret of the seals beside lmdb's file, too: salvage needs it when the page that has it is lost. */
export function keepSecret(folder: string, secret: string): void {
  if (keptSecret(folder) !== secret) replaceFile(join(folder, "seal"), secret);
}

/** The secret that was kept, or undefined. */
export function keptSecret(folder: string): string | undefined {
  const found = readIfThere(join(folder, "seal"));
  return found !== undefined && secretForm.test(found) ? found : undefined;
}
