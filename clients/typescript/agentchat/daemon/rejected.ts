import { fileFailure } from "./errors.js";
import { appendLines, putAside } from "./files.js";
import type { DaemonLog } from "./log.js";
import { lineText } from "./outbox-encoding.js";
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
export function setAside(
  path: string,
  { bytes, offset }: Pick<OutboxLine, "bytes" | "offset">,
  { code, message }: Reason,
  log: DaemonLog,
): void {
  const inTheWay = putAside(path, rotateBytes);
  if (inTheWay !== undefined)
    log.warn(fileFailure(inTheWay), "the older refused lines cannot be kept in outbox.rejected.jsonl.1; they are gone");
  const line = bytes && lineText(bytes);
  appendLines(path, [JSON.stringify({ ts: Date.now(), code, reason: message, offset, line })]);
}
