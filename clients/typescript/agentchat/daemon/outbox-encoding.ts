/** What to do about a line in UTF-16. */
export const utf16Remedy =
  "this is UTF-16, which PowerShell 5 writes with > and >>; write UTF-8: " +
  "… | Out-File -Append -Encoding utf8 outbox.jsonl";

/** Whether a line is UTF-16: JSON in UTF-8 has no NUL, and in UTF-16 every character of ASCII has one. */
export function isUtf16(line: Uint8Array): boolean {
  const [first, second] = line;
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return hasMark || withoutHalfNewline(line).includes(0);
}

/**
 * A line without the NUL before it, which is half of the newline of a line in UTF-16: the daemon takes the other half
 * for the end of that line. It has none of these if it is UTF-16 itself.
 */
export function withoutHalfNewline(line: Uint8Array): Uint8Array {
  return line[0] === 0 && !line.includes(0, 1) ? line.subarray(1) : line;
}

/** A line, or its beginning, as text, whatever it is written in. A character that is cut in two is left out. */
export function lineText(line: Uint8Array): string {
  if (!isUtf16(line)) return new TextDecoder().decode(withoutHalfNewline(line), { stream: true });
  // Half a newline before a line of little-endian puts its characters where those of big-endian are.
  const encoding = line[0] === 0 || line[0] === 0xfe ? "utf-16be" : "utf-16le";
  return new TextDecoder(encoding).decode(line.subarray(0, line.length - (line.length % 2)));
}
