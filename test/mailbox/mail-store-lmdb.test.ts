import fc from "fast-check";
import { open } from "lmdb";
import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  MailStoreLmdb,
  MailStoreMemory,
  type MailChange,
  type MailRow,
  type MailStore,
} from "../../src/mailbox/index.js";
import { moved } from "../../src/mailbox/mail-row.js";
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
    bytes: fc.constantFrom(250, 9_000),
    attempts: fc.constantFrom(0, 0, 1, 5),
    leaseMs: fc.option(time, { nil: undefined }),
    goesAt: fc.option(time, { nil: undefined }),
  })
  .map(({ goesAt, leaseMs, ...told }) =>
    mailRow(told.box, told.seq, {
      ...told,
      ...(goesAt !== undefined && told.state !== "waiting" && told.state !== "leased" && { goesAt }),
      ...(leaseMs !== undefined && { leaseMs }),
    }),
  );
/** A change as it is drawn; a move is one of a row that is there then, and waits. */
type Drawn = MailChange & { readonly knows?: boolean };
const change: fc.Arbitrary<Drawn> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ put: row, body: fc.uint8Array({ maxLength: 9 }), knows: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ put: row, knows: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ move: row }) },
  { weight: 3, arbitrary: fc.record({ settle: row, knows: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ forget: fc.record({ box, seq }), knows: fc.boolean() }) },
  { weight: 2, arbitrary: fc.tuple(box, fc.nat(99)).map(([id, nextSeq]) => ({ box: boxRow(id, { nextSeq }) })) },
  { weight: 1, arbitrary: fc.record({ close: box }) },
);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ write: fc.array(change, { maxLength: 6 }) }) },
  { weight: 2, arbitrary: fc.constant("kept" as const) },
  { weight: 1, arbitrary: fc.constant("turn" as const) },
  { weight: 1, arbitrary: fc.constant("reopen" as const) },
);

/**
 * Writes drawn changes: a row that is moved is the one that is there, if it waits; who knows what was before says it.
 * @returns what was written
 */
function fitted(drawn: readonly Drawn[], twin: MailStoreMemory): readonly MailChange[] {
  return drawn.flatMap(({ knows, ...one }): readonly MailChange[] => {
    const change = "move" in one ? movedAs(one.move, twin) : known(one, knows === true, twin);
    if (change !== undefined) twin.write([change]);
    return change === undefined ? [] : [change];
  });
}

function movedAs({ box, seq, state, attempts, leaseMs }: MailRow, twin: MailStoreMemory): MailChange | undefined {
  const found = twin.row(box, seq);
  if (found === undefined || (found.state !== "waiting" && found.state !== "leased")) return undefined;
  const how = { state: state === "leased" ? state : ("waiting" as const), attempts };
  return { move: moved(found, { ...how, ...(leaseMs !== undefined && { leaseMs }) }) };
}

function known(change: MailChange, knows: boolean, twin: MailStoreMemory): MailChange {
  if (!knows || "box" in change || "close" in change || "move" in change) return change;
  const { box, seq } = "put" in change ? change.put : "settle" in change ? change.settle : change.forget;
  return { ...change, before: twin.row(box, seq) ?? null };
}

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
            last = store.write(fitted(one.write, twin)).kept;
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

  it("that was written in another form is refused, with the way out, and stays as it is", async () => {
    const path = folders.make();
    const store = folders.open(path);
    await store.write([{ put: mailRow(1, 1), body: Buffer.from("kept") }, { box: boxRow(1) }]).kept;
    await store.close();
    const form = async (to: string): Promise<void> => {
      const root = open({ path, maxDbs: 9 });
      const about = root.openDB<Buffer, Buffer>({ name: "about", keyEncoding: "binary", encoding: "binary" });
      await about.put(Buffer.from("version"), Buffer.from(to));
      await root.close();
    };
    for (const other of ["1", "3"]) {
      await form(other);
      expect(() => folders.open(path)).toThrow(
        new RegExp(
          `written in form ${other}, and this version reads form 2: start the version .* or move their folder`,
        ),
      );
    }
    await form("2");
    const again = folders.open(path);
    expect(String(again.body(1, 1))).toBe("kept");
    await again.close();
  });

  it("is not open before it is opened", async () => {
    const store = new MailStoreLmdb({ path: folders.make(), failed: () => undefined });
    expect(() => store.epoch).toThrow(/not open/);
    await expect(store.write([{ box: boxRow(1) }]).kept).rejects.toMatchObject({ code: "unavailable" });
    await store.close();
  });
});
