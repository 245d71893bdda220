/** Where a log line goes: an event in words and its fields. Never message content, tokens or keys. */
export type Log = (
  level: "debug" | "info" | "warn" | "error",
  event: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

const shownMaxBytes = 128;

/**
 * A stranger's text, shortened for logs and faults: its first 128 bytes of UTF-8, followed by `…` if there was more.
 */
export function cutText(text: string): string {
  const bytes = Buffer.from(text.slice(0, shownMaxBytes));
  if (text.length <= shownMaxBytes && bytes.length <= shownMaxBytes) return text;
  return `${bytes
    .subarray(0, shownMaxBytes)
    .toString("utf8")
    .replace(/\ufffd+$/u, "")}…`;
}
