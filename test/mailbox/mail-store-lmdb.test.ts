import fc from "fast-check";
import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MailStoreLmdb, MailStoreMemory, type MailChange, type MailStore } from "../../src/mailbox/index.js";
import { mailDump } from "../kit/mail-dump.js";
import { mailFolders } from "../kit/mail-folders.js";
import { boxRow, mailRow } from "../kit/mail-rows.js";
import { mailStoreSuite } from "../kit/mail-store-suite.js";

const folders = mailFolders();

mailStoreSuite("lmdb", () => new MailStoreLmdb({ path: folders.make(), failed: console.error }));

const box = fc.integer({ min: 1, max: 3 });
const seq = fc.integer({ min: 1, max: 6 });
const time = fc.integer({ min: 0, max: 9 });
const word = fc.constantFrom("ada", "bob", "");
const row = fc
  .record({
    box,
    seq,
    sender: word,
    messageId: word,
    state: fc.constantFrom("waiting" as const, "leased" as const, "done" as const, "dead" as const),
    until: time,
    goesAt: fc.option(time, { nil: undefined }),
  })
  .map(({ goesAt, ...told }) => mailRow(told.box, told.seq, goesAt === undefined ? told : { ...told, goesAt }));
const change: fc.Arbitrary<MailChange> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ put: row, body: fc.uint8Array({ maxLength: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ put: row }) },
  { weight: 3, arbitrary: fc.record({ settle: row }) },
  { weight: 2, arbitrary: fc.record({ forget: fc.record({ box, seq }) }) },
  { weight: 2, arbitrary: fc.tuple(box, fc.nat(99)).map(([id, nextSeq]) => ({ box: boxRow(id, { nextSeq }) })) },
  { weight: 1, arbitrary: fc.record({ close: box }) },
);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ write: fc.array(change, { maxLength: 6 }) }) },
  { weight: 2, arbitrary: fc.constant("kept" as const) },
  { weight: 1, arbitrary: fc.constant("turn" as const) },
  { weight: 1, arbitrary: fc.constant("reopen" as const) },
);

/** All that can be asked of a store. */
function answers(store: MailStore): unknown {
  const words = ["ada", "bob", ""];
  const place = ({ box, seq, state }: { box: number; seq: number; state: string }): string => `${box}/${seq} ${state}`;
  return {
    dump: mailDump(store, [1, 2, 3, 4]),
    some: [...store.rows(2, 3)].map(place),
    one: [store.row(1, 1), store.row(3, 6)],
    said: words.flatMap((sender) => words.map((id) => [...store.said(sender, id)].map(place).sort())),
    due: [0, 4, 9].map((now) => store.due(now, 99).map(place)),
    first: store.due(9, 2).map(place),
  };
}

describe("a store of mail on disk", () => {
  it("answers as the one in memory after any changes, on their way and on disk, over restarts", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const path = folders.make();
        let store = folders.open(path);
        const twin = new MailStoreMemory();
        let last = Promise.resolve();
        for (const one of steps) {
          if (one === "kept") await last;
          else if (one === "turn") await new Promise((resolve) => setImmediate(resolve));
          else if (one === "reopen") {
            await store.close();
            store = folders.open(path);
          } else {
            last = store.write(one.write).kept;
            twin.write(one.write);
          }
          expect(answers(store)).toEqual(answers(twin));
        }
        await store.close();
        store = folders.open(path);
        expect(answers(store)).toEqual(answers(twin));
        await store.close();
      }),
      { numRuns: 60 },
    );
  });

  it("is there again after a restart with the same epoch, and nobody else's to read", async () => {
    const path = folders.make();
    const store = folders.open(path);
    const { epoch } = store;
    await store.write([{ put: mailRow(1, 1), body: Buffer.from("kept") }, { box: boxRow(1) }]).kept;
    expect([store.syncs, store.diskBytes > 4_096]).toEqual([1, true]);
    await store.close();
    const modes = ["", "data.mdb", "lock.mdb"].map((name) => statSync(join(path, name)).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600, 0o600]);
    const again = folders.open(path);
    expect([again.epoch, String(again.body(1, 1)), again.syncs]).toEqual([epoch, "kept", 0]);
    await again.close();
  });

  it("takes what was written in one turn, and while a commit is on its way, as one group", async () => {
    const store = folders.open(folders.make());
    const turn = Array.from({ length: 50 }, (_, at) => store.write([{ put: mailRow(1, at + 1) }]));
    await turn[0]?.kept;
    expect(store.syncs).toBe(1);
    const first = store.write([{ put: mailRow(2, 1) }]);
    await new Promise((resolve) => setImmediate(resolve));
    const later = Array.from({ length: 50 }, (_, at) => store.write([{ put: mailRow(2, at + 2) }]));
    await Promise.all([first.kept, ...later.map(({ kept }) => kept)]);
    expect(store.syncs).toBe(3);
    await store.close();
  });

  it("is not open before it is opened", async () => {
    const store = new MailStoreLmdb({ path: folders.make(), failed: () => undefined });
    expect(() => store.epoch).toThrow(/not open/);
    await expect(store.write([{ box: boxRow(1) }]).kept).rejects.toMatchObject({ code: "unavailable" });
    await store.close();
  });
});
