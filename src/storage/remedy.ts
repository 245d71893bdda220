const full: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
/** lmdb gives no codes, but the system's words. */
const fullWords = /no space left|file too large|quota exceeded/i;

/** True if a file could not be written because there is no room for it. */
export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== undefined && full.has(code)) return true;
  return error instanceof Error && fullWords.test(error.message);
}

const owner = "give it to the user that runs the broker (chown), with mode 0600";
const open = "too many files are open: raise the limit (ulimit -n)";
const remedies: Readonly<Record<string, string>> = {
  EACCES: owner,
  EPERM: owner,
  EROFS: "its disk is read-only: make it writable, or choose another data directory with --data-dir",
  EIO: "its disk has failed: look into the system's log",
  EMFILE: open,
  ENFILE: open,
};

/** What a person can do about an error of the system with a file that belongs to the broker. */
export function remedyOf(error: unknown): string {
  if (isDiskFull(error)) return "its disk is full, or its user's quota: make room there and try again";
  return remedies[errorCode(error) ?? ""] ?? "move it away and try again";
}

/** The system's word for an error, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
