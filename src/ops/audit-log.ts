import { open, rename, type FileHandle } from "node:fs/promises";
import type { Clock, Lifecycle, Limits, Log } from "../core/index.js";
import { auditLine, type AuditEvent } from "./audit-event.js";

/** What {@link AuditLog} needs. */
export interface AuditLogOptions {
  readonly path: string;
  readonly limits: Pick<Limits, "auditFileMaxBytes" | "auditFilesMax" | "auditQueueMaxBytes">;
  readonly clock: Clock;
  /** Hears once that the log cannot be written, and once that it can be again. */
  readonly log: Log;
}

/** After a failure the disk is tried again after this. */
const retryMs = 5_000;
/** Lines that were left out are told this long after the first of them, or with the next line. */
const leftOutMs = 10_000;
/** At stop the disk has this long. */
const stopMs = 2_000;

/**
 * The audit log: JSON lines in a file for its owner only, one writer at a time, never waited for. When the file is full
 * it becomes `.1`, and
 * `auditFilesMax` of those are kept. A disk that does not take a line loses it, and the count of lines lost is the next
 * one written.
 */
export class AuditLog implements Lifecycle {
  readonly #options: AuditLogOptions;
  #waiting = "";
  #lost = 0;
  #leftOut = 0;
  #cancelLeftOut: (() => void) | undefined;
  #file: FileHandle | undefined;
  #size = 0;
  /** Something of the last write may be in the file, without its end. */
  #torn = false;
  #mustReopen = false;
  #health: "well" | "failing" = "well";
  #phase: "new" | "open" | "stopped" = "new";
  #writing: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    this.#phase = "open";
    this.#writeSoon();
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  /** Writes what waits, unless the disk takes too long. */
  async stop(): Promise<void> {
    if (this.#phase !== "open") return;
    const { clock } = this.#options;
    this.#tellLeftOut();
    this.#forgetRetry();
    this.#writeSoon();
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(stopMs, resolve);
    });
    await Promise.race([this.#settled(), late]);
    this.#phase = "stopped";
    this.#forgetRetry();
    await Promise.race([this.#close(), late]);
    cancel();
  }

  /** Takes a line; it is written later. Never throws. */
  write(event: AuditEvent): void {
    this.#tellLeftOut();
    this.#take(event);
  }

  /** Counts a line that is not to be written; how many there were is a line of its own, soon. Never throws. */
  leaveOut(): void {
    this.#leftOut += 1;
    this.#cancelLeftOut ??= this.#options.clock.after(leftOutMs, () => {
      this.#tellLeftOut();
    });
  }

  #tellLeftOut(): void {
    this.#cancelLeftOut?.();
    this.#cancelLeftOut = undefined;
    const lines = this.#leftOut;
    this.#leftOut = 0;
    if (lines > 0) this.#take({ event: "left-out", lines });
  }

  #take(event: AuditEvent): void {
    const { clock, limits } = this.#options;
    const line = auditLine(event, clock.now());
    if (this.#waiting.length + line.length > limits.auditQueueMaxBytes) this.#lost += 1;
    else this.#waiting += line;
    this.#writeSoon();
  }

  /** Goes on in a new file of the same name: somebody has moved the old one away (logrotate). */
  reopen(): void {
    this.#mustReopen = true;
    this.#writeSoon();
  }

  #forgetRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  /** Resolves when all that was taken has been written, or the disk failed. */
  async #settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #writeSoon(): void {
    if (this.#phase !== "open" || this.#writing !== undefined || this.#cancelRetry !== undefined) return;
    this.#writing = this.#write().then(
      () => {
        this.#writing = undefined;
        if (this.#hasWork) this.#writeSoon();
      },
      (error: unknown) => {
        this.#writing = undefined;
        this.#failed(error);
      },
    );
  }

  get #hasWork(): boolean {
    return this.#waiting !== "" || this.#lost > 0 || this.#mustReopen;
  }

  /** Writes what waits now. Rejects with what the system says. */
  async #write(): Promise<void> {
    const { clock, limits } = this.#options;
    await this.#closeMoved();
    if (!this.#hasWork) return;
    const file = (this.#file ??= await this.#open());
    if (this.#mustReopen) return; // moved away while it was being opened: what waits belongs into the next one
    const lost = this.#lost;
    const lines = this.#waiting;
    const text = `${this.#torn ? "\n" : ""}${lost > 0 ? auditLine({ event: "lost", lines: lost }, clock.now()) : ""}${lines}`;
    this.#waiting = "";
    this.#lost = 0;
    try {
      await file.appendFile(text);
    } catch (error) {
      this.#torn = true;
      this.#lost += lost + lines.split("\n").length - 1;
      throw error;
    }
    this.#torn = false;
    this.#size += Buffer.byteLength(text);
    if (this.#size >= limits.auditFileMaxBytes) await this.#rotate();
    if (this.#health === "failing") {
      this.#health = "well";
      this.#options.log("info", "the audit log is written again", { path: this.#options.path, lost });
    }
  }

  async #closeMoved(): Promise<void> {
    if (!this.#mustReopen) return;
    this.#mustReopen = false;
    await this.#close();
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.#options.path, "a", 0o600);
    await file.chmod(0o600);
    this.#size = (await file.stat()).size;
    return file;
  }

  /** What was written is with the system already: a file that cannot be closed properly loses nothing more. */
  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch((error: unknown) => {
      this.#options.log("warn", "the audit log could not be closed", {
        path: this.#options.path,
        error: String(error),
      });
    });
  }

  /** `audit.log` becomes `.1`, `.1` becomes `.2` …; the last one goes. */
  async #rotate(): Promise<void> {
    const { path, limits } = this.#options;
    await this.#close();
    for (let to = Math.max(1, Math.floor(limits.auditFilesMax)); to > 0; to -= 1)
      await moveIfThere(to === 1 ? path : `${path}.${String(to - 1)}`, `${path}.${String(to)}`);
  }

  #failed(error: unknown): void {
    const { clock, log, path } = this.#options;
    if (this.#health === "well") {
      this.#health = "failing";
      log("error", "the audit log cannot be written; the broker goes on without it", { path, error: String(error) });
    }
    this.#cancelRetry = clock.after(retryMs, () => {
      this.#cancelRetry = undefined;
      // The file may have been removed, or its disk replaced.
      this.#mustReopen = true;
      this.#writeSoon();
    });
  }
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
