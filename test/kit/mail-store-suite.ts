import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MailChange, MailRow, MailStore } from "../../src/mailbox/index.js";
import { boxRow, mailRow, noMail } from "./mail-rows.js";

const text = (of: string): Buffer => Buffer.from(of);
const seqs = (rows: Iterable<MailRow>): readonly number[] => [...rows].map(({ seq }) => seq);

/** What every implementation of `MailStore` must do. `make` gives an empty one that is not open yet. */
export function mailStoreSuite(name: string, make: () => MailStore): void {
  describe(`a store of mail: ${name}`, () => {
    let store: MailStore;
    beforeEach(() => {
      store = make();
      store.open();
    });
    afterEach(() => store.close());
    const keep = (...changes: MailChange[]): Promise<void> => store.write(changes).kept;

    it("is empty at first, and its epoch is a word", () => {
      expect([...store.boxes(), ...store.rows(1, 0), ...store.said("a", "b"), ...store.due(1e13, 10)]).toEqual([]);
      expect([store.row(1, 1), store.body(1, 1)]).toEqual([undefined, undefined]);
      expect(store.epoch).toMatch(/^[0-9a-f]{16}$/);
      expect(store.epoch).toBe(store.epoch);
    });

    it("gives back a row with all that may stand in it, and its body, byte for byte", async () => {
      const whole = mailRow(1, 1, {
        state: "dead",
        reason: "unrenderable",
        leaseMs: 120_000,
        goesAt: 1_700_600_000_000,
        priority: 2,
        trust: "claimed",
        type: "inform",
        receipt: 3,
        attempts: 5,
      });
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
      const look = (): void => {
        expect(store.row(1, 1)).toEqual(whole);
        expect(store.row(1, 2)).toEqual(mailRow(1, 2));
        expect(Buffer.from(store.body(1, 1) ?? [])).toEqual(bytes);
        expect(store.body(1, 2)).toHaveLength(0);
        expect([store.row(1, 3), store.row(2, 1), store.body(2, 1)]).toEqual([undefined, undefined, undefined]);
      };
      const kept = keep({ put: whole, body: bytes }, { put: mailRow(1, 2), body: text("") });
      look();
      await kept;
      look();
    });

    it("gives back a box with all that may stand in it, and its counts", async () => {
      const counts = { ...noMail, stored: 9, done: 9 };
      const box = boxRow(7, { mode: "take", rooms: true, nextSeq: 2 ** 40, counts });
      const last = boxRow(4_294_967_295, { trust: "claimed", proof: "token:7", awaySince: 5 });
      const kept = keep({ box }, { box: last });
      expect(new Set(store.boxes())).toEqual(new Set([box, last]));
      await kept;
      expect(new Set(store.boxes())).toEqual(new Set([box, last]));
      await keep({ box: boxRow(7) });
      expect(new Set(store.boxes())).toEqual(new Set([boxRow(7), last]));
    });

    it("shows at once what is written, and says it is committed before it says it is kept", async () => {
      const order: string[] = [];
      const { committed, kept } = store.write([{ put: mailRow(1, 1), body: text("hello") }, { box: boxRow(1) }]);
      expect([store.row(1, 1)?.seq, String(store.body(1, 1)), [...store.boxes()].length]).toEqual([1, "hello", 1]);
      const both = Promise.all([committed.then(() => order.push("committed")), kept.then(() => order.push("kept"))]);
      const settled = store.write([{ settle: mailRow(1, 1, { state: "done", goesAt: 9 }) }]);
      expect([store.row(1, 1)?.state, store.body(1, 1)]).toEqual(["done", undefined]);
      await Promise.all([both, settled.kept]);
      expect(order).toEqual(["committed", "kept"]);
      expect([store.row(1, 1)?.state, store.body(1, 1)]).toEqual(["done", undefined]);
    });

    it("keeps the body of a row that is put again without one, and the row of a body that goes", async () => {
      await keep({ put: mailRow(1, 1), body: text("body") });
      await keep({ put: mailRow(1, 1, { state: "leased", attempts: 1, leaseMs: 1_000 }) });
      expect([store.row(1, 1)?.state, String(store.body(1, 1))]).toEqual(["leased", "body"]);
      await keep({ put: mailRow(1, 1), body: text("another") });
      expect([store.row(1, 1), String(store.body(1, 1))]).toEqual([mailRow(1, 1), "another"]);
      await keep({ settle: mailRow(1, 1, { state: "answered", goesAt: 5 }) });
      expect([store.row(1, 1)?.state, store.body(1, 1)]).toEqual(["answered", undefined]);
    });

    it("moves what waits and what is leased to and fro, and brings it to its end, whether its body is small or large", async () => {
      for (const [seq, bytes] of [
        [1, 250],
        [2, 60_000],
      ] as const) {
        const came = mailRow(1, seq, { bytes });
        const leased = mailRow(1, seq, { bytes, state: "leased", attempts: 1, leaseMs: 120_000 });
        const rests = mailRow(1, seq, { bytes, attempts: 1, leaseMs: 60_000 });
        const body = "b".repeat(bytes - 200);
        const look = (row: MailRow): void => {
          expect([store.row(1, seq), [...store.rows(1, seq)][0]]).toEqual([row, row]);
          expect(String(store.body(1, seq))).toBe(body);
          expect([...store.said(row.sender, row.messageId)]).toEqual([row]);
        };
        await keep({ put: came, body: text(body), before: null });
        for (const row of [leased, rests, leased, came, leased]) {
          const kept = keep({ move: row });
          look(row);
          await kept;
          look(row);
        }
        await keep({ settle: mailRow(1, seq, { bytes, state: "done", goesAt: 9, attempts: 1 }), before: leased });
        expect([store.row(1, seq)?.state, store.body(1, seq)]).toEqual(["done", undefined]);
        expect(store.due(9, 9).map((row) => row.seq)).toEqual([seq]);
        await keep({ put: came, body: text(body) });
        look(came);
        await keep({ forget: { box: 1, seq }, before: came });
        expect([store.row(1, seq), store.body(1, seq), store.due(1e14, 9)]).toEqual([undefined, undefined, []]);
      }
    });

    it("gives the rows of a box in order of arrival, from any of them on, and of no other box", async () => {
      const changes = [5, 1, 300, 2, 70_000, 2 ** 40].map((seq) => ({ put: mailRow(3, seq), body: text("b") }));
      const kept = keep(...changes, { put: mailRow(2, 9) }, { put: mailRow(4, 1) }, { put: mailRow(259, 1) });
      const look = (): void => {
        expect(seqs(store.rows(3, 0))).toEqual([1, 2, 5, 300, 70_000, 2 ** 40]);
        expect(seqs(store.rows(3, 3))).toEqual([5, 300, 70_000, 2 ** 40]);
        expect(seqs(store.rows(3, 2 ** 40))).toEqual([2 ** 40]);
        expect(seqs(store.rows(3, 2 ** 40 + 1))).toEqual([]);
        expect(seqs(store.rows(5, 0))).toEqual([]);
      };
      look();
      await kept;
      look();
      const more = keep({ put: mailRow(3, 4) }, { forget: { box: 3, seq: 5 } });
      expect(seqs(store.rows(3, 2))).toEqual([2, 4, 300, 70_000, 2 ** 40]);
      await more;
      expect(seqs(store.rows(3, 2))).toEqual([2, 4, 300, 70_000, 2 ** 40]);
    });

    it("lets rows be written to while they are read: each is given as it is when its turn comes", async () => {
      await keep(...Array.from({ length: 600 }, (_, at) => ({ put: mailRow(1, at + 1), body: text("b") })));
      const seen: string[] = [];
      for (const { seq, state } of store.rows(1, 1)) {
        seen.push(`${String(seq)} ${state}`);
        if (seq === 1) await keep({ forget: { box: 1, seq: 3 } });
        if (seq === 2) void keep({ settle: mailRow(1, 4, { state: "done", goesAt: 1 }) }, { put: mailRow(1, 601) });
        if (seq === 5) break;
      }
      expect(seen).toEqual(["1 waiting", "2 waiting", "4 done", "5 waiting"]);
      expect(seqs(store.rows(1, 500))).toEqual(Array.from({ length: 102 }, (_, at) => at + 500));
      for (const { seq } of store.rows(1, 1)) void keep({ forget: { box: 1, seq } });
      expect(seqs(store.rows(1, 1))).toEqual([]);
    });

    it("finds what a sender said under an id, in all boxes, and nothing of another sender or id", async () => {
      const said = { sender: "name:eve", messageId: "same" };
      const kept = keep(
        { put: mailRow(1, 1, said) },
        { put: mailRow(2, 7, said) },
        { put: mailRow(1, 2, { ...said, messageId: "other" }) },
        { put: mailRow(1, 3, { ...said, sender: "name:ev", messageId: "esame" }) },
      );
      const places = (): ReadonlySet<string> =>
        new Set([...store.said(said.sender, said.messageId)].map(({ box, seq }) => `${box}/${seq}`));
      expect(places()).toEqual(new Set(["1/1", "2/7"]));
      await kept;
      expect(places()).toEqual(new Set(["1/1", "2/7"]));
      expect([...store.said("name:eve", "")]).toEqual([]);
      const last = [...store.said(said.sender, said.messageId, { max: 1 })];
      expect(last.map(({ box, seq }) => [box, seq])).toEqual([[2, 7]]);
      await keep({ settle: mailRow(1, 1, { ...said, state: "done", goesAt: 1 }) });
      expect([...store.said(said.sender, said.messageId)].map(({ state }) => state).sort()).toEqual([
        "done",
        "waiting",
      ]);
      const gone = keep({ forget: { box: 1, seq: 1 } });
      expect(places()).toEqual(new Set(["2/7"]));
      await gone;
      expect(places()).toEqual(new Set(["2/7"]));
      await keep({ close: 2 });
      expect(places()).toEqual(new Set());
    });

    it("finds what is due, by the time at which it is, so many at most, and nothing that stays", async () => {
      const kept = keep(
        { put: mailRow(1, 1, { until: 300 }) },
        { put: mailRow(1, 2, { until: 100, state: "leased", leaseMs: 1 }) },
        { settle: mailRow(1, 3, { until: 1, state: "done", goesAt: 200 }) },
        { put: mailRow(2, 1, { until: 100 }) },
        { settle: mailRow(2, 2, { until: 1, state: "refused" }) },
        { put: mailRow(2, 3, { until: 1, state: "dead", goesAt: 301 }) },
      );
      const due = (now: number, max = 10): readonly string[] =>
        store.due(now, max).map(({ box, seq }) => `${String(box)}/${String(seq)}`);
      const look = (): void => {
        expect(due(99)).toEqual([]);
        expect(due(100)).toEqual(["1/2", "2/1"]);
        expect(due(300)).toEqual(["1/2", "2/1", "1/3", "1/1"]);
        expect(due(1e13)).toEqual(["1/2", "2/1", "1/3", "1/1", "2/3"]);
        expect(due(1e13, 3)).toEqual(["1/2", "2/1", "1/3"]);
        expect(due(1e13, 0)).toEqual([]);
      };
      look();
      await kept;
      look();
      const later = keep({ put: mailRow(1, 2, { until: 400 }) }, { forget: { box: 2, seq: 1 } });
      expect(due(1e13)).toEqual(["1/3", "1/1", "2/3", "1/2"]);
      await later;
      expect(due(1e13)).toEqual(["1/3", "1/1", "2/3", "1/2"]);
      await keep({ close: 1 });
      expect(due(1e13)).toEqual(["2/3"]);
    });

    it("forgets a row with its body, and what is not there", async () => {
      await keep({ put: mailRow(1, 1), body: text("b") }, { put: mailRow(1, 2), body: text("c") });
      await keep({ forget: { box: 1, seq: 1 } }, { forget: { box: 9, seq: 9 } });
      expect([store.row(1, 1), store.body(1, 1), String(store.body(1, 2))]).toEqual([undefined, undefined, "c"]);
    });

    it("closes a box with all that is in it and nothing else, and opens another under its number", async () => {
      const many = Array.from({ length: 700 }, (_, at) => ({ put: mailRow(1, at + 1, { until: 5 }), body: text("b") }));
      await keep(...many, { box: boxRow(1) }, { box: boxRow(2) }, { put: mailRow(2, 1), body: text("two") });
      const look = (): void => {
        expect([...store.boxes()]).toEqual([boxRow(2)]);
        expect([...store.rows(1, 0), ...store.due(5, 9), ...store.said("proof:ada", "id-1-3")]).toEqual([]);
        expect([store.row(1, 7), store.body(1, 7), String(store.body(2, 1))]).toEqual([undefined, undefined, "two"]);
      };
      const closed = keep({ close: 1 });
      look();
      await closed;
      look();
      const again = keep({ box: boxRow(1) }, { put: mailRow(1, 5, { until: 6 }), body: text("new") });
      expect([seqs(store.rows(1, 0)), String(store.body(1, 5))]).toEqual([[5], "new"]);
      await again;
      expect([seqs(store.rows(1, 0)), String(store.body(1, 5))]).toEqual([[5], "new"]);
    });

    it("makes the changes of one write in their order", async () => {
      await keep({ put: mailRow(1, 1), body: text("old") }, { box: boxRow(1) });
      await keep(
        { close: 1 },
        { put: mailRow(1, 1) },
        { put: mailRow(1, 2), body: text("two") },
        { forget: { box: 1, seq: 2 } },
        { put: mailRow(1, 3), body: text("three") },
        { settle: mailRow(1, 3, { state: "done" }) },
        { put: mailRow(1, 3, { state: "answered" }) },
        { put: mailRow(1, 4) },
        { box: boxRow(2) },
        { close: 2 },
      );
      expect([...store.boxes()]).toEqual([]);
      expect([...store.rows(1, 0)].map(({ seq, state }) => [seq, state])).toEqual([
        [1, "waiting"],
        [3, "answered"],
        [4, "waiting"],
      ]);
      expect([1, 2, 3, 4].map((seq) => store.body(1, seq))).toEqual([undefined, undefined, undefined, undefined]);
    });

    it("takes nothing, and waits for nothing, where there is no change", async () => {
      const { committed, kept } = store.write([]);
      await Promise.all([committed, kept]);
    });

    it("keeps names and ids of every kind apart", async () => {
      const names = [
        "",
        " ",
        "\0",
        "a\0b",
        "__proto__",
        "constructor",
        "ä",
        "a\u0308",
        "😀",
        "名前",
        "x".repeat(5_000),
        "\u2028",
        '"',
        "\ufffd",
      ];
      const kept = keep(
        ...names.map((word, at) => ({ box: boxRow(at, { name: word, proof: word }) })),
        ...names.map((word, at) => ({ put: mailRow(at, 1, { sender: word, from: word, messageId: word }) })),
      );
      const look = (): void => {
        expect(new Set([...store.boxes()].map((box) => box.name))).toEqual(new Set(names));
        for (const [at, word] of names.entries()) {
          expect([...store.said(word, word)]).toEqual([mailRow(at, 1, { sender: word, from: word, messageId: word })]);
          expect(store.row(at, 1)?.from).toBe(word);
        }
      };
      look();
      await kept;
      look();
    });

    it("keeps bodies of up to 4 MiB", async () => {
      const sizes = [1, 4_000, 4_096, 32_767, 32_768, 65_536, 1_048_576, 4_194_304];
      const body = (size: number): Buffer => Buffer.alloc(size, `${String(size)} `);
      await keep(...sizes.map((size, at) => ({ put: mailRow(1, at + 1), body: body(size) })));
      for (const [at, size] of sizes.entries()) {
        const found = store.body(1, at + 1);
        expect(found?.length).toBe(size);
        expect(body(size).equals(found ?? new Uint8Array())).toBe(true);
      }
    });

    it("knows fifty thousand boxes", async () => {
      const ids = Array.from({ length: 50_000 }, (_, at) => at + 1);
      await keep(...ids.map((id) => ({ box: boxRow(id) })));
      expect(new Set([...store.boxes()].map(({ id }) => id)).size).toBe(ids.length);
      await keep({ box: boxRow(25_000, { nextSeq: 77 }) }, ...ids.slice(0, 100).map((close) => ({ close })));
      const boxes = new Map([...store.boxes()].map((box) => [box.id, box]));
      expect([boxes.size, boxes.get(25_000)?.nextSeq, boxes.has(100), boxes.has(101)]).toEqual([
        49_900,
        77,
        false,
        true,
      ]);
    });

    it("lets boxes be closed while they are listed", async () => {
      await keep(...[1, 2, 3, 4].map((id) => ({ box: boxRow(id) })));
      const seen: number[] = [];
      for (const { id } of store.boxes()) {
        seen.push(id);
        void keep(...[1, 2, 3, 4].filter((other) => other !== id).map((close) => ({ close })));
      }
      expect(seen).toHaveLength(1);
    });

    it("refuses what comes after its end, and then finds nothing", async () => {
      const last = store.write([{ put: mailRow(1, 1), body: text("b") }, { box: boxRow(1) }]);
      await store.close();
      await last.kept;
      const { committed, kept } = store.write([{ put: mailRow(1, 2) }]);
      await expect(committed).rejects.toMatchObject({ code: "unavailable" });
      await expect(kept).rejects.toMatchObject({ code: "unavailable" });
      expect([store.row(1, 1), store.body(1, 1), ...store.boxes(), ...store.rows(1, 0)]).toEqual([
        undefined,
        undefined,
      ]);
      expect([...store.due(1e15, 9), ...store.said("proof:ada", "id-1-1")]).toEqual([]);
      await store.close();
    });
  });
}
