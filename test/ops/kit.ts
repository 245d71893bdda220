import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import type { AuditEvent } from "../../src/ops/index.js";

/** A line of the audit log as it stands in the file. */
export type AuditLine = AuditEvent & { readonly at: string };

/** The whole lines of an audit log; none if there is no file. */
export function auditLines(path: string): readonly AuditLine[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .slice(0, -1)
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AuditLine);
}

/** A folder of its own for one test. */
export async function folder(): Promise<{
  readonly path: string;
  readonly file: (name: string) => string;
  remove(): Promise<void>;
}> {
  const path = await mkdtemp(join(tmpdir(), "synaptic-ops-"));
  return { path, file: (name) => join(path, name), remove: () => rm(path, { recursive: true, force: true }) };
}

/** `http://HOST:PORT` of a broker's WebSocket door. */
export function httpOf(ws: string): string {
  return ws.replace(/^ws/, "http").replace(/\/pan$/, "");
}
