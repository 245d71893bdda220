import { renameSync } from "node:fs";
import { appendLines, sizeOf } from "./files.js";
import type { OutboxLine } from "./outbox-file.js";

/** `outbox.rejected.jsonl` is moved to `outbox.rejected.jsonl.1` beyond that, bytes. */
const rotateBytes = 5 * 1024 * 1024;

/** Why a line of the outbox was not taken. */
export interface Reason {
  /** A code of the protocol. */
  readonly code: string;
  readonly message: string;
}

/**
 * Keeps a line that can never be sent, with the reason: `{ts, code, reason, offset, line}`.
 * @throws NodeJS.ErrnoException
 */
export function setAside(path: string, { bytes, offset }: OutboxLine, { code, message }: Reason): void {
  if (sizeOf(path) > rotateBytes) renameSync(path, `${path}.1`);
  appendLines(path, [
    JSON.stringify({ ts: Date.now(), code, reason: message, offset, line: bytes && new TextDecoder().decode(bytes) }),
  ]);
}
