import { lineText } from "./outbox-encoding.js";

/** Bytes of an outbox line that are told with what is wrong with it. */
export const quotedBytes = 1_024;

/** What went wrong, for whoever reads the inbox and nothing else. */
export interface InboxError {
  readonly [field: string]: unknown;
  readonly type: "ERROR";
  /** Milliseconds since 1970. */
  readonly ts: number;
  readonly code: string;
  /** What is wrong and how to mend it. */
  readonly message: string;
  /** The outbox line that it is about, cut at {@link quotedBytes}. */
  readonly line?: string;
}

/** Makes one, now. */
export function inboxError(code: string, message: string, line?: Uint8Array): InboxError {
  return {
    type: "ERROR",
    ts: Date.now(),
    code,
    message,
    ...(line !== undefined && { line: lineText(line.subarray(0, quotedBytes)) }),
  };
}
