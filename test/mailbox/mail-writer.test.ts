import { describe, expect, it } from "vitest";
import type { MailGroup } from "../../src/mailbox/mail-group.js";
import { MailWriter } from "../../src/mailbox/mail-writer.js";
import { boxRow } from "../kit/mail-rows.js";

/** A disk that writes when it is told to. */
class SlowDisk {
  readonly writes: { readonly boxes: readonly number[]; readonly end: () => void; readonly fail: () => void }[] = [];
  readonly errors: unknown[] = [];
  isSeen = false;
  #next: () => void = () => undefined;

  write(group: MailGroup): Promise<void> {
    this.isSeen = false;
    return new Promise((end, fail) => {
      this.writes.push({
        boxes: [...group.boxes.keys()],
        end,
        fail: () => {
          fail(new Error("no space left"));
        },
      });
      this.#next();
    });
  }

  isCommitted(): boolean {
    return this.isSeen;
  }

  failed(error: unknown): void {
    this.errors.push(error);
  }

  /** Resolves when a group came. */
  came(): Promise<void> {
    return new Promise((resolve) => {
      this.#next = resolve;
    });
  }
}

/** Which of these promises are settled, and how. */
async function stand(promises: readonly Promise<void>[]): Promise<readonly string[]> {
  const open = new Promise<string>((resolve) => setImmediate(resolve, "open"));
  return Promise.all(
    promises.map((one) =>
      Promise.race([
        one.then(
          () => "yes",
          () => "no",
        ),
        open,
      ]),
    ),
  );
}

describe("the writer of groups", () => {
  it("tells that a group is committed while its fsync lasts, and writes the next only after it", async () => {
    const disk = new SlowDisk();
    const writer = new MailWriter(disk);
    const first = writer.write([{ box: boxRow(1) }]);
    await disk.came();
    const second = writer.write([{ box: boxRow(2) }]);
    const third = writer.write([{ box: boxRow(3) }]);
    expect(await stand([first.committed, first.kept])).toEqual(["open", "open"]);
    disk.isSeen = true;
    await first.committed;
    expect(await stand([first.kept, second.committed])).toEqual(["open", "open"]);
    expect(disk.writes).toHaveLength(1);
    const next = disk.came();
    disk.writes[0]?.end();
    await next;
    await first.kept;
    expect(disk.writes[1]?.boxes).toEqual([2, 3]);
    disk.writes[1]?.end();
    await Promise.all([second.committed, second.kept, third.committed, third.kept]);
    expect(writer.groups).toEqual([]);
    await writer.close();
  });

  it("gives up with a group what was written after it, which may build upon it, and goes on with what comes then", async () => {
    const disk = new SlowDisk();
    const writer = new MailWriter(disk);
    const first = writer.write([{ box: boxRow(1) }]);
    await disk.came();
    const second = writer.write([{ box: boxRow(2) }]);
    disk.writes[0]?.fail();
    for (const one of [first.committed, first.kept, second.committed, second.kept])
      await expect(one).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining("disk") as string,
      });
    expect(writer.groups).toEqual([]);
    expect(disk.errors).toHaveLength(1);
    const third = writer.write([{ box: boxRow(3) }]);
    await disk.came();
    disk.writes[1]?.end();
    await third.kept;
    expect(disk.writes.map(({ boxes }) => boxes)).toEqual([[1], [3]]);
  });

  it("takes nothing more from a disk that could not sync what can be read already", async () => {
    const disk = new SlowDisk();
    const writer = new MailWriter(disk);
    const first = writer.write([{ box: boxRow(1) }]);
    await disk.came();
    disk.isSeen = true;
    await first.committed;
    disk.writes[0]?.fail();
    await expect(first.kept).rejects.toMatchObject({ code: "unavailable" });
    const { committed, kept } = writer.write([{ box: boxRow(2) }]);
    await expect(committed).rejects.toThrow(/disk .*failed.*restart the broker/);
    await expect(kept).rejects.toThrow(/restart/);
    expect(disk.writes).toHaveLength(1);
  });

  it("splits what is much, but no single write", async () => {
    const disk = new SlowDisk();
    const writer = new MailWriter(disk);
    const boxes = (from: number, count: number): { box: ReturnType<typeof boxRow> }[] =>
      Array.from({ length: count }, (_, at) => ({ box: boxRow(from + at) }));
    writer.write(boxes(1, 600));
    writer.write(boxes(601, 400));
    writer.write(boxes(1_001, 1));
    writer.write(boxes(2_000, 3_000));
    expect(writer.groups.map(({ size }) => size)).toEqual([1_000, 1, 3_000]);
    for (let at = 0; at < 3; at += 1) {
      await disk.came();
      disk.writes[at]?.end();
    }
    await writer.close();
    expect(disk.writes.map((write) => write.boxes.length)).toEqual([1_000, 1, 3_000]);
  });
});
