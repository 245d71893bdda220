import { bytesIfThere, overwriteEnd } from "./files.js";
import { inboxError } from "./inbox-error.js";

const newline = 0x0a;

/**
 * Lines that were gathered for the inbox and are not in it. `begun`: the process before this one was killed while it
 * appended them, or before it had forgotten them, so these go on where it ended; else the inbox has none of them.
 */
export function notYetAppended(
  inbox: Buffer,
  gathered: Buffer,
): { readonly lines: readonly string[]; readonly begun: boolean } {
  const whole = gathered.subarray(0, gathered.lastIndexOf(newline) + 1); // half a line was never taken for written
  const first = whole.subarray(0, whole.indexOf(newline) + 1);
  const at = first.length === 0 ? -1 : inbox.lastIndexOf(first);
  const appended = at < 0 ? undefined : inbox.subarray(at);
  const begun = appended !== undefined && whole.subarray(0, appended.length).equals(appended);
  const rest = whole.subarray(begun ? appended.length : 0).toString("utf8");
  return { lines: rest === "" ? [] : rest.slice(0, -1).split("\n"), begun };
}

/**
 * Half a line at the end was left by a process that was killed while it wrote. Its place gets a line that says so; the
 * file never becomes shorter, since a follower would begin again from its beginning.
 * @throws NodeJS.ErrnoException
 */
export function mendInbox(path: string): void {
  const bytes = bytesIfThere(path);
  if (bytes === undefined) return;
  const start = bytes.lastIndexOf(newline) + 1;
  const half = bytes.length - start;
  if (half === 0) return;
  const notice = JSON.stringify(
    inboxError("INTERNAL", "the daemon was killed while it wrote this line; what stood here is lost"),
  );
  overwriteEnd(path, start, `${notice.padEnd(half)}\n`);
}
