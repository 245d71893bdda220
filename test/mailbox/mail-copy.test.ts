import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { copyMail } from "../../src/mailbox/index.js";
import { mailFolders } from "../kit/mail-folders.js";
import { mailRow } from "../kit/mail-rows.js";

const folders = mailFolders();

describe("a copy of a store of mail", () => {
  it("leaves out the free pages, has all that was kept, and an epoch of its own", async () => {
    const path = folders.make();
    const store = folders.open(path);
    await store.write(Array.from({ length: 500 }, (_, at) => ({ put: mailRow(1, at + 1), body: Buffer.alloc(4_000) })))
      .kept;
    await store.write([{ close: 1 }]).kept;
    await store.write([{ put: mailRow(2, 1), body: Buffer.from("b") }]).kept;
    const { epoch, diskBytes } = store;
    await store.close();
    const folder = folders.make();
    await copyMail(path, folder);
    expect(statSync(join(folder, "data.mdb")).size).toBeLessThan(diskBytes / 10);
    const copy = folders.open(folder);
    expect([...copy.rows(2, 0)].map(({ seq }) => [seq, String(copy.body(2, seq))])).toEqual([[1, "b"]]);
    expect(copy.epoch).not.toBe(epoch);
    await copy.close();
  });

  it("is refused where something is", async () => {
    const path = folders.make();
    const store = folders.open(path);
    await store.write([{ put: mailRow(1, 1), body: Buffer.from("a") }]).kept;
    await store.close();
    await expect(copyMail(path, path)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("cannot be copied") as string,
    });
  });
});
