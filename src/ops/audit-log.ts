import { open, type FileHandle } from "node:fs/promises";
import { Fault, type Clock, type Lifecycle, type Limits, type Log } from "../core/index.js";
import { appendFlags, mustBeRegular } from "../storage/atomic-file.js";
import { remedyOf } from "../storage/remedy.js";
import { auditLine, type AuditEvent } from "./audit-event.js";
import { moveUp } from "./audit-rotation.js";

interface AuditLogOptions {
  /** The file; older ones get `.1`, `.2` … after its name. */
  readonly path: string;
  readonly limits: Pick<Limits, "auditFileMaxBytes" | "auditFilesMax" | "auditQueueMaxBytes">;
  readonly clock: Clock;
  /** Gets one line when the audit log cannot be written, and one when it can be written again. */
  readonly log: Log;
}

/** How long after a failure the disk is tried again. */
const retryMs = 5_000;
/** A line about lines that were left out is written so long after the first of them, or before the next line. */
const leftOutMs = 10_000;
/** How long a stop waits for the disk. */
const stopMs = 2_000;

/**
 * The audit log: JSON lines in a file that only its owner can read. One write runs at a time, and nobody waits for it.
 * A full file is renamed to `.1`; `auditFilesMax` of those are kept. A name whose file cannot be replaced is passed
 * over. Lines that the disk does not take are lost, as are those for which a full file would have to grow on; the next
 * line that is written counts them.
 */
export class AuditLog implements Lifecycle {
  readonly #options: AuditLogOptions;
  #waiting = "";
  #lost = 0;
  #leftOut = 0;
  #cancelLeftOut: (() => void) | undefined;
  #file: FileHandle | undefined;
  #size = 0;
  /** The last write may have written only a part of its lines. */
  #torn = false;
  #mustReopen = false;
  #health: "well" | "failing" = "well";
  /** Older files that could not be replaced or moved, as was told. */
  #toldStuck = "";
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

  /** Writes the lines that wait, unless the disk takes longer than `stopMs`. */
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

  /** Counts a line that is left out; a line with their number is written soon. Never throws. */
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

  /** Goes on in a new file of the same name, because somebody has moved the old one away (logrotate). */
  reopen(): void {
    this.#mustReopen = true;
    this.#writeSoon();
  }

  #forgetRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  /** Resolves when all lines have been written, or the disk has failed. */
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

  /** Writes the lines that wait now. Rejects with the system's error. */
  async #write(): Promise<void> {
    const { clock, limits } = this.#options;
    await this.#closeMoved();
    if (!this.#hasWork) return;
    const file = await this.#fileWithRoom();
    if (this.#mustReopen) return; // it was moved away while it was being opened: the lines belong into the next file
    const lost = this.#lost;
    const lines = this.#waiting;
    const lostLine = lost > 0 ? auditLine({ event: "lost", lines: lost }, clock.now()) : "";
    const text = `${this.#torn ? "\n" : ""}${lostLine}${lines}`;
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

  /** A full file that could not be moved away when it became full is not made longer. */
  async #fileWithRoom(): Promise<FileHandle> {
    this.#file ??= await this.#open();
    if (this.#size < this.#options.limits.auditFileMaxBytes) return this.#file;
    await this.#rotate();
    return (this.#file = await this.#open());
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.#options.path, appendFlags, 0o600);
    try {
      const stat = await file.stat();
      mustBeRegular(this.#options.path, stat);
      await file.chmod(0o600);
      this.#size = stat.size;
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  }

  /** Never rejects: the system already has what was written, so a failing close loses nothing. */
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

  /** @throws Fault unavailable: none of the older files can be replaced; Error the system's */
  async #rotate(): Promise<void> {
    const { path, limits, log } = this.#options;
    await this.#close();
    const filesMax = Math.max(1, Math.floor(limits.auditFilesMax));
    const stuck = await moveUp(path, filesMax);
    const [first] = stuck;
    if (first !== undefined && stuck.length === filesMax)
      throw new Fault("unavailable", `${path} is full and cannot become ${path}.1: ${String(first.error)}`, {
        cause: first.error,
      });
    const names = stuck.map((each) => each.path).join(" ");
    if (first !== undefined && names !== this.#toldStuck)
      log("warn", "an older audit log cannot be replaced, so fewer of them are kept", {
        path: names,
        error: String(first.error),
        remedy: remedyOf(first.error),
      });
    this.#toldStuck = names;
  }

  #failed(error: unknown): void {
    const { clock, log, path } = this.#options;
    if (this.#health === "well") {
      this.#health = "failing";
      log("error", "the audit log cannot be written; the broker goes on without it", {
        path,
        error: String(error),
        remedy: remedyOf(error instanceof Fault ? error.cause : error),
      });
    }
    this.#cancelRetry = clock.after(retryMs, () => {
      this.#cancelRetry = undefined;
      // The file may have been removed meanwhile, or its disk replaced.
      this.#mustReopen = true;
      this.#writeSoon();
    });
  }
}
