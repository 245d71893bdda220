import { Fault } from "../core/index.js";
import { MailGroup, refused } from "./mail-group.js";
import type { MailChange, Written } from "./mail-store.js";

/** Changes in a group at most, unless one write has more: building a commit does not take the thread for long. */
const groupMaxChanges = 1_000;
/** How often is looked whether a commit can be seen while its fsync lasts. */
const lookMs = 1;

/** Where groups go. */
export interface MailDisk {
  /** Resolves when all of the group is on the disk. */
  write(group: MailGroup): Promise<void>;
  /** True if what `write` was called with last can be read already. */
  isCommitted(): boolean;
  /** A group could not be kept. For the log. */
  failed(error: unknown): void;
}

/**
 * Writes groups one after another: one commit at a time takes everything that came since. Of a disk that syncs slowly,
 * a group is known to be committed while its fsync lasts. The next commit waits for that: a process that is killed
 * leaves one commit at most that is not synced, and lmdb then never writes over what the last synced one needs.
 */
export class MailWriter {
  readonly #disk: MailDisk;
  /** The one that is on its way, if one is, and those that wait. */
  readonly groups: MailGroup[] = [];
  #underWay: Promise<void> | undefined;
  #phase: "open" | "failed" | "closed" = "open";
  /** Groups that ended, well or not: what is on disk has not changed while the number has not. */
  ended = 0;

  constructor(disk: MailDisk) {
    this.#disk = disk;
  }

  write(changes: readonly MailChange[]): Written {
    if (this.#phase !== "open") return refused(this.#phase);
    const group = this.#groupFor(changes.length);
    for (const change of changes) group.add(change);
    this.#underWay ??= this.#writeAll();
    return group.written;
  }

  /** The group that is being written takes nothing more. */
  #groupFor(count: number): MailGroup {
    const last = this.groups.at(-1);
    if (last?.phase === "open" && (last.size === 0 || last.size + count <= groupMaxChanges)) return last;
    const group = new MailGroup();
    this.groups.push(group);
    return group;
  }

  /** Nothing is taken any more. Resolves when everything written so far is on disk, or was refused. */
  async close(): Promise<void> {
    this.#phase = "closed";
    await this.#underWay;
  }

  /** Never rejects: each group has its own promises. */
  async #writeAll(): Promise<void> {
    // Everything that is written in this turn of the loop goes together.
    await new Promise((resolve) => setImmediate(resolve));
    for (let group = this.groups[0]; group !== undefined; group = this.groups[0]) await this.#writeOne(group);
    this.#underWay = undefined;
  }

  async #writeOne(group: MailGroup): Promise<void> {
    group.phase = "on its way";
    const look = setInterval(() => {
      if (!this.#disk.isCommitted()) return;
      clearInterval(look);
      group.phase = "committed";
      group.committed();
    }, lookMs);
    try {
      await this.#disk.write(group);
    } catch (error) {
      // What was written meanwhile may build upon what is not there.
      const lost = this.groups.splice(0);
      this.ended += 1;
      // What can be read and is not synced: nobody knows what of it the disk has, nor of what comes after it.
      if (this.#disk.isCommitted()) this.#phase = "failed";
      const fault = new Fault(
        "unavailable",
        "the mailboxes could not be written: the disk is full or failed; the broker's log says more",
        { cause: error },
      );
      for (const one of lost) one.failed(fault);
      this.#disk.failed(error);
      return;
    } finally {
      clearInterval(look);
    }
    this.groups.shift();
    this.ended += 1;
    group.kept();
  }
}
