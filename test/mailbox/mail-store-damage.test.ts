import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { MailStoreLmdb, salvageMail, type MailChange, type MailRow, type MailState } from "../../src/mailbox/index.js";
import { TablesLmdb } from "../../src/storage/index.js";
import { Dice } from "../fuzz/dice.js";
import { mailDump, type MailDump } from "../kit/mail-dump.js";
import { mailFolders } from "../kit/mail-folders.js";
import { boxRow, mailRow, noMail } from "../kit/mail-rows.js";

const folders = mailFolders();
const pageBytes = 4_096;
const ids = Array.from({ length: 40 }, (_, at) => at + 1);

const body = ({ box, seq }: MailRow): Buffer =>
  Buffer.alloc(seq % 9 === 0 ? 9_000 : 60 + seq, `${String(box)}/${String(seq)} `);

/** What salvage changes of a message whose body is lost. */
const lost = { state: "dead", reason: "damaged", goesAt: 0 };

/** A row as it was written, settled or not. */
const once = ({ box, seq, state }: MailRow): MailRow =>
  mailRow(box, seq, state === "done" ? { state, goesAt: 9 } : { state });

/** Counts of these rows. */
function countsOf(rows: readonly MailRow[]): typeof noMail {
  const of = (state: MailState): number => rows.filter((row) => row.state === state).length;
  const bytes = (...states: MailState[]): number =>
    rows.reduce((sum, row) => sum + (states.includes(row.state) ? row.bytes : 0), 0);
  return {
    stored: rows.length,
    ...{ waiting: of("waiting"), leased: of("leased"), done: of("done"), answered: of("answered") },
    ...{ refused: of("refused"), expired: of("expired"), dead: of("dead") },
    ...{ bytes: bytes("waiting", "leased"), deadBytes: bytes("dead") },
  };
}

/** A store in which much was settled, forgotten and closed again. */
async function fill(path: string): Promise<MailDump> {
  const store = folders.open(path);
  await store.write([...ids, 41, 42].map((id) => ({ box: boxRow(id) }))).kept;
  for (let seq = 1; seq <= 50; seq += 1) {
    const changes: MailChange[] = [...ids, 41, 42].flatMap((box) => {
      const row = mailRow(box, seq);
      const settled = mailRow(box, seq - 5, { state: "done", goesAt: 9 });
      return [
        { put: row, body: body(row) },
        ...(seq > 5 && seq % 3 > 0 ? [{ settle: settled }] : []),
        ...(seq > 20 && seq % 2 > 0 ? [{ forget: { box, seq: seq - 20 } }] : []),
      ];
    });
    await store.write(changes).kept;
  }
  for (const box of ids) {
    const rows = [...store.rows(box, 0)];
    await store.write([{ box: boxRow(box, { nextSeq: 51, counts: countsOf(rows) }) }]).kept;
  }
  await store.write([{ close: 41 }, { close: 42 }]).kept;
  const dump = mailDump(store, [...ids, 41, 42]);
  await store.close();
  return dump;
}

describe("a damaged store of mail", () => {
  let path: string;
  let whole: Buffer;
  let before: MailDump;
  beforeAll(async () => {
    path = folders.make();
    before = await fill(path);
    whole = readFileSync(join(path, "data.mdb"));
  });

  /** The store, damaged. */
  function damaged(damage: (file: Buffer) => Buffer): string {
    const folder = folders.make();
    mkdirSync(folder, { mode: 0o700 });
    copyFileSync(join(path, "seal"), join(folder, "seal"));
    writeFileSync(join(folder, "data.mdb"), damage(Buffer.from(whole)));
    return folder;
  }

  /**
   * Salvages, and looks whether all that came out is as it was, and counted as it is. `hasOld`: without the newest pages,
   * and the list of free ones, it is as it was once, and what was forgotten or closed may be found again.
   */
  async function salvaged(
    from: string,
    hasOld = false,
  ): Promise<{ readonly report: Awaited<ReturnType<typeof salvageMail>>; dump: MailDump }> {
    const to = folders.make();
    const report = await salvageMail(from, to);
    const store = folders.open(to);
    const dump = mailDump(store, [...ids, 41, 42]);
    const was = new Map(before.rows.map((row) => [`${row.box}/${row.seq}`, row]));
    for (const box of dump.boxes) {
      const rows = dump.rows.filter((row) => row.box === box.id);
      const isOld = hasOld && !ids.includes(box.id);
      expect(box).toEqual(boxRow(box.id, { ...(isOld ? box : { nextSeq: 51 }), counts: countsOf(rows) }));
    }
    for (const row of dump.rows) {
      const key = `${String(row.box)}/${String(row.seq)}`;
      const { reason, goesAt } = row;
      if (reason === "damaged") {
        expect([row.state, goesAt, dump.bodies[key]]).toEqual(["dead", row.until, undefined]);
        expect({ ...row, ...lost }).toEqual({ ...(hasOld ? once(row) : was.get(key)), ...lost });
      } else if (hasOld) expect(row).toEqual(once(row));
      else expect(row).toEqual(was.get(key));
      const isThere = dump.bodies[key] !== undefined && (!hasOld || before.bodies[key] !== undefined);
      if (isThere) expect(dump.bodies[key]).toBe(before.bodies[key]);
      expect([...store.said(row.sender, row.messageId)]).toEqual([row]);
    }
    expect(report.boxes.saved).toBe(dump.boxes.length);
    expect(report.rows.saved).toBe(dump.rows.length);
    expect(report.bodies.saved).toBe(Object.keys(dump.bodies).length);
    await store.close();
    return { report, dump };
  }

  const open = (folder: string) => (): void => {
    new MailStoreLmdb({ path: folder, failed: () => undefined }).open();
  };

  it("that is whole is salvaged whole, nothing that was forgotten or closed is, and its epoch is another", async () => {
    const { report, dump } = await salvaged(path);
    expect(dump).toEqual(before);
    expect([report.boxes.lost, report.rows.lost, report.bodies.lost]).toEqual([0, 0, 0]);
    const [one, other] = [folders.open(path), folders.make()];
    await salvageMail(path, other);
    const fresh = folders.open(other);
    expect(fresh.epoch).not.toBe(one.epoch);
    await Promise.all([one.close(), fresh.close()]);
  });

  it("that is cut off is found, with the way out, and what is left of it is salvaged", async () => {
    for (const share of [0.3, 0.6, 0.9]) {
      const folder = damaged((file) => file.subarray(0, Math.floor(usedBytes(whole) * share)));
      expect(open(folder)).toThrow(/data\.mdb is damaged: .*broker mailbox salvage.*copy of the folder/s);
      const { report } = await salvaged(folder, true);
      expect(report.rows.saved + report.rows.lost, String(share)).toBeGreaterThan(0);
    }
  });

  it("whose pages are zeroed or written over is salvaged but for what was on them", async () => {
    const dice = new Dice(5);
    const pages = Math.floor(usedBytes(whole) / pageBytes);
    let saved = 0;
    for (let round = 0; round < 6; round += 1) {
      const folder = damaged((file) => {
        for (let page = 0; page < 5; page += 1) {
          const at = dice.between(2, pages - 1) * pageBytes;
          if (round % 2 === 0) file.fill(0, at, at + pageBytes);
          else for (let byte = at; byte < at + pageBytes; byte += 1) file[byte] = dice.below(256);
        }
        return file;
      });
      const { report } = await salvaged(folder);
      saved += report.rows.saved;
    }
    // Five pages of some hundred at a time.
    expect(saved).toBeGreaterThan(0.8 * 6 * before.rows.length);
  });

  it("whose first pages are gone, which say where all others are, is salvaged nearly whole", async () => {
    const folder = damaged((file) => file.fill(0, 0, 2 * pageBytes));
    expect(open(folder)).toThrow(/damaged/);
    const to = folders.make();
    const { boxes, rows } = await salvageMail(folder, to);
    expect([boxes.lost, rows.lost]).toEqual([0, 0]);
    const store = folders.open(to);
    const dump = mailDump(store, ids);
    // Old pages are not told from new ones then: what was forgotten may be there, but nothing is missing.
    expect(dump.rows).toEqual(expect.arrayContaining([...before.rows]));
    expect(dump.bodies).toMatchObject(before.bodies);
    await store.close();
  });

  it("whose boxes are lost finds them in what was there before, and counts their messages anew", async () => {
    const folder = damaged((file) => {
      const last = { at: 0, transaction: 0n };
      for (let at = 2 * pageBytes; at + pageBytes <= file.length; at += pageBytes) {
        const page = file.subarray(at, at + pageBytes);
        const transaction = page.readBigUInt64LE(8);
        const isOfBoxes = page.includes("agent-17") && page.readUInt16LE(18) === 2;
        if (isOfBoxes && transaction > last.transaction) Object.assign(last, { at, transaction });
      }
      return file.fill(0, last.at, last.at + pageBytes);
    });
    expect(open(folder)).toThrow(/damaged/);
    const { report, dump } = await salvaged(folder);
    expect([report.boxes, dump.rows]).toEqual([{ saved: ids.length, lost: 0 }, before.rows]);
  });

  it("with a byte that is another never gives a wrong row or body: reading tells, and salvage leaves it out", async () => {
    const needle = Buffer.from("7/48 7/48");
    const at = whole.lastIndexOf(needle);
    const flipped = damaged((file) => {
      for (let place = file.indexOf(needle); place !== -1; place = file.indexOf(needle, place + 1)) file[place] = 0x58;
      return file;
    });
    expect(at).toBeGreaterThan(0);
    const store = folders.open(flipped);
    expect(() => store.body(7, 48)).toThrow(/the body of message 48 of box 7 is damaged.*broker mailbox salvage/s);
    expect(store.row(7, 48)?.state).toBe("waiting");
    await store.close();
    const { report, dump } = await salvaged(flipped);
    expect(report.bodies.lost).toBe(1);
    expect(dump.rows.find((row) => row.box === 7 && row.seq === 48)).toMatchObject({
      state: "dead",
      reason: "damaged",
    });
  });

  it("without its seal in a file of its own is salvaged by the one in it", async () => {
    const folder = damaged((file) => file);
    rmSync(join(folder, "seal"));
    expect((await salvaged(folder)).dump).toEqual(before);
  });

  it("that is another program's is refused at the start, and not changed", async () => {
    const folder = folders.make();
    const tables = new TablesLmdb({ path: folder, failed: () => undefined });
    tables.open();
    await tables.table("agents").put("a", 1);
    await tables.close();
    expect(open(folder)).toThrow(/not one of mailboxes, but has agents/);
    tables.open();
    expect(tables.table("agents").get("a")).toBe(1);
    await tables.close();
  });

  it("is not salvaged into a folder that is in use, nor from one that is not there", async () => {
    await expect(salvageMail(path, path)).rejects.toMatchObject({ code: "unavailable" });
    await expect(salvageMail(folders.make(), folders.make())).rejects.toThrow(/there is no .*data\.mdb/);
  });
});

/** Where the last page ends, by the newest meta page. */
function usedBytes(file: Buffer): number {
  return (Math.max(...[0, pageBytes].map((at) => Number(file.readBigUInt64LE(at + 24 + 120)))) + 1) * pageBytes;
}
