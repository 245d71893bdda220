import { describe, expect, it, vi } from "vitest";
import { Fault } from "../../src/core/index.js";
import { bytesOfRow, epochOfCopy } from "../../src/room-log/log-row.js";
import { RoomLog, type LogTableRow } from "../../src/room-log/index.js";
import { TablesMemory, type Table } from "../../src/storage/index.js";
import { gatedTable } from "../kit/gated-table.js";
import { RoomLogWorld, until, wide } from "../kit/room-log-world.js";

const diskFull = new Fault("unavailable", "the disk is full");
const told = (message: { envelope?: { content: { data?: unknown }; in_reply_to?: string } | undefined }) => ({
  ref: message.envelope?.in_reply_to,
  ...(message.envelope?.content.data as { code: string; count?: number }),
});

describe("a durable room", () => {
  it("keeps what is said before anybody hears it, taps included", async () => {
    const gate = gatedTable<LogTableRow>();
    const world = new RoomLogWorld({ table: gate.table });
    const log = await world.begin("#a");
    const [member, tap] = [world.listen("#a"), world.listen("x")];
    world.router.tap(tap);
    gate.hold();
    expect(world.say("#a", "one")).toEqual({ receivers: 0, stored: true });
    await until(() => gate.written().includes(`put message ${log.row.id} 0000000000000001`));
    expect([member.texts, tap.texts]).toEqual([[], []]);
    expect(world.read(log, 0)).toMatchObject({ past: [], more: false });
    await gate.open();
    await until(() => member.texts.length === 1);
    expect(tap.texts).toEqual(["one"]);
    expect(member.messages[0]?.envelope?.$broker).toEqual({ room_seq: 1, epoch: log.epoch });
    expect(world.read(log, 0)).toMatchObject({ past: ["one"], next: 1 });
    expect(world.ledger.messages).toMatchObject({ accepted: 1, stored: 1, routed: 0 });
  });

  it("keeps one order of all that is said, and numbers each room by itself", async () => {
    const world = new RoomLogWorld();
    for (const room of ["#a", "#b"]) await world.begin(room);
    const [a, b] = [world.listen("#a"), world.listen("#b")];
    for (let n = 1; n <= 1_200; n += 1) world.say(n % 3 === 0 ? "#b" : "#a", String(n));
    await until(() => a.texts.length + b.texts.length === 1_200);
    expect(a.texts.map(Number)).toEqual([...a.texts.map(Number)].sort((one, other) => one - other));
    expect(a.places).toEqual(a.texts.map((_, index) => index + 1));
    expect(b.places).toEqual(b.texts.map((_, index) => index + 1));
  });

  it("remembers who said it, when and how well that was proved, in the bytes that came", async () => {
    const world = new RoomLogWorld();
    const log = await world.begin("#a");
    const member = world.listen("#a");
    world.say("#a", "live", { from: "bob", trust: "proved" });
    await until(() => member.texts.length === 1);
    const [past] = world.logs.reader.page(log, 0, { max: 1, maxBytes: 1 }).past;
    expect(past?.message()?.envelope).toMatchObject({
      from: "bob",
      trust: "proved",
      replay: true,
      message_id: "live",
      $broker: { room_seq: 1, epoch: log.epoch },
    });
    expect(member.messages[0]).toMatchObject({ trust: "proved", receivedAt: world.clock.now() });
  });

  it("is heard by nobody while the disk fails: senders are told, sums are right, and no place is left out", async () => {
    const gate = gatedTable<LogTableRow>();
    const world = new RoomLogWorld({ table: gate.table });
    await world.begin("#a");
    const [member, ada, bob] = [world.listen("#a"), world.listen("ada"), world.listen("bob")];
    gate.hold();
    for (let n = 1; n <= 15; n += 1) world.say("#a", `m${String(n)}`);
    world.say("#a", "other", { from: "bob" });
    await until(() => gate.written().length > 10);
    await gate.fail(diskFull);
    await until(() => bob.messages.length === 1);
    expect(member.texts).toEqual([]);
    expect(bob.messages.map(told)).toMatchObject([{ ref: "other", code: "unavailable", retry_after_ms: 1_000 }]);
    expect(ada.messages.map(told)).toHaveLength(10);
    expect(told(ada.messages[9] ?? {})).toMatchObject({ ref: "m10", count: 5 });
    expect(world.ledger.messages).toMatchObject({ accepted: 16 + 11, stored: 0, refused: 16 });
    expect(() => world.say("#a", "too soon")).toThrow(expect.objectContaining({ code: "unavailable" }));
    world.clock.advance(1_000);
    await gate.open();
    world.say("#a", "again");
    await until(() => member.texts.length === 1);
    expect(member.places).toEqual([1]);
  });

  it("is known in numbers: rooms, messages, their bytes, writes, and whose oldest messages go", async () => {
    const gate = gatedTable<LogTableRow>();
    const world = new RoomLogWorld({ table: gate.table, limits: { roomLogsTotalMaxBytes: 1_000_000 } });
    const few = await world.begin("#few", { max: 3 });
    const many = await world.begin("#many");
    for (let n = 1; n <= 5; n += 1) world.say("#few", `m${String(n)}`);
    for (let n = 1; n <= 2; n += 1) world.say("#many", `n${String(n)}`);
    await until(() => few.released === 5 && many.released === 2);
    const figures = world.logs.figures();
    expect(figures).toMatchObject({ rooms: 2, messages: 5, maxBytes: 1_000_000, forgetting: 1, failures: 0 });
    expect([figures.bytes, figures.syncs > 2]).toEqual([world.logs.bytes, true]);
    gate.hold();
    world.say("#many", "lost");
    gate.written();
    await until(() => gate.written().length > 0);
    await gate.fail(diskFull);
    await until(() => world.logs.figures().failures === 1);
    await gate.open();
    await world.logs.end(few);
    expect(world.logs.figures()).toMatchObject({ rooms: 1, messages: 2, forgetting: 0, failures: 1 });
  });

  it("goes on after what could not be told of a failed write", async () => {
    const gate = gatedTable<LogTableRow>();
    const world = new RoomLogWorld({ table: gate.table });
    await world.begin("#a");
    const member = world.listen("#a");
    gate.hold();
    world.say("#a", "lost");
    await until(() => gate.written().length > 1);
    const told = vi.spyOn(world.exchange, "announce").mockImplementationOnce(() => {
      throw new Error("broken");
    });
    await gate.fail(diskFull);
    await until(() => world.failed.length === 1);
    expect([world.failed, told.mock.calls.length]).toEqual([["Error: broken"], 1]);
    world.clock.advance(1_000);
    await gate.open();
    world.say("#a", "again");
    await until(() => member.texts.length === 1);
    expect(member.texts).toEqual(["again"]);
  });

  it("forgets the oldest where it is more than it may remember", async () => {
    const world = new RoomLogWorld();
    const few = await world.begin("#few", { max: 3 });
    for (let n = 1; n <= 10; n += 1) world.say("#few", `m${String(n)}`);
    await until(() => few.released === 10);
    expect(world.read(few, 0)).toMatchObject({ past: ["m8", "m9", "m10"], gap: true, next: 10 });
    const size = bytesOfRow({
      body: Buffer.from('{"message_id":"x1","from":"ada","type":"inform","content":{"message":"x1"}}'),
      receivedAt: 0,
      trust: "claimed",
    });
    const small = await world.begin("#small", { maxBytes: 2 * size });
    for (let n = 1; n <= 5; n += 1) world.say("#small", `x${String(n)}`);
    await until(() => small.released === 5);
    expect(world.read(small, 0).past).toEqual(["x4", "x5"]);
    expect(small.row.bytes).toBe(2 * size);
    expect(world.logs.bytes).toBe(small.row.bytes + few.row.bytes);
  });

  it("never remembers more than it may, however fast it is spoken in", async () => {
    const world = new RoomLogWorld();
    const log = await world.begin("#a", { max: 100 });
    for (let round = 1; round <= 4; round += 1) {
      for (let n = 0; n < 450; n += 1) world.say("#a", String(n));
      await until(() => log.released === round * 450);
      expect(log.row.next - log.row.first).toBe(100);
    }
  });

  it("forgets what is too old, also if nothing is said", async () => {
    const world = new RoomLogWorld();
    const log = await world.begin("#a", { keepMs: 30_000 });
    world.say("#a", "old");
    await until(() => log.released === 1);
    world.clock.advance(20_000);
    world.say("#a", "new");
    await until(() => log.released === 2);
    world.clock.advance(15_000);
    expect(world.read(log, 0)).toMatchObject({ past: ["new"], gap: true, next: 2 });
    world.clock.advance(60_000);
    await until(() => log.row.first === 3);
    expect(log.row.bytes).toBe(0);
    expect([...world.table.range("message", "message\uffff")]).toEqual([]);
    expect(world.read(log, 0)).toMatchObject({ past: [], gap: true, next: 2 });
    expect(world.read(log, 2)).toMatchObject({ past: [], gap: false, next: 2 });
  });

  it.each([1, 3, 5])("goes on where message %i of it is damaged on disk: a gap, said once", async (damaged) => {
    const inner = new TablesMemory().table<LogTableRow>("logs");
    const isDamaged = (key: string): boolean => key.startsWith("message ") && key.endsWith(`0${String(damaged)}`);
    const table: Table<LogTableRow> = {
      get: (key) => {
        if (isDamaged(key)) throw new Fault("unavailable", "an entry is damaged");
        return inner.get(key);
      },
      put: (key, value) => inner.put(key, value),
      delete: (key) => inner.delete(key),
      range: (from, to) => inner.range(from, to),
      batch: (changes) => inner.batch(changes),
    };
    const world = new RoomLogWorld({ table });
    const log = await world.begin("#a", { max: 5, keepMs: 30_000 });
    for (let n = 1; n <= 5; n += 1) world.say("#a", `m${String(n)}`);
    await until(() => log.released === 5);
    const others = ["m1", "m2", "m3", "m4", "m5"].filter((text) => text !== `m${String(damaged)}`);
    expect(world.read(log, 0)).toMatchObject({ past: others, gap: true, next: 5 });
    for (let n = 6; n <= 9; n += 1) world.say("#a", `m${String(n)}`); // what is too much goes, the damaged one too
    await until(() => log.released === 9);
    expect(world.read(log, 5)).toMatchObject({ past: ["m6", "m7", "m8", "m9"], gap: false });
    world.clock.advance(60_000);
    await until(() => log.row.first === 10);
    expect(world.failed).toEqual(["Fault: an entry is damaged"]);
  });

  it("may be told to remember less: what is too much goes, in pieces", async () => {
    const world = new RoomLogWorld();
    const log = await world.begin("#a");
    for (let n = 1; n <= 700; n += 1) world.say("#a", String(n));
    await until(() => log.released === 700);
    await world.logs.rebound(log, { ...wide, max: 5 });
    expect(world.read(log, 0).past).toEqual(["696", "697", "698", "699", "700"]); // from now on, however much has to go
    await until(() => log.row.first === 696);
    expect(world.read(log, 695).past).toEqual(["696", "697", "698", "699", "700"]);
  });

  it("refuses as full what cannot be kept at all", async () => {
    const limits = { roomLogsTotalMaxBytes: 8_000, roomLogsPerOwnerMax: 1, roomLogsMax: 6 };
    const world = new RoomLogWorld({ limits });
    const free = { standing: "free", network: "" } as const;
    const full = expect.objectContaining({ code: "full" }) as Error;
    await world.begin("#small", { maxBytes: 300 });
    expect(() => world.say("#small", "x".repeat(300))).toThrow("#small remembers 300 bytes");
    await world.begin("#one", {}, { key: "one", ...free });
    expect(() =>
      world.logs.begin("#more", { inviteOnly: false, owner: { key: "one", ...free }, bounds: wide }),
    ).toThrow("1 durable rooms");
    /** How much is taken of what `from` says. */
    const takes = (room: string, from: string): number => {
      for (let n = 0; n < 100; n += 1) {
        try {
          world.say(room, `${room}${String(n)}`, { from });
        } catch (thrown) {
          expect(thrown).toEqual(full);
          return n;
        }
      }
      return 100;
    };
    expect(takes("#one", "ada")).toBe(7); // a quarter, on its way to the disk
    await until(() => world.logs.bytes > 1_800);
    expect(takes("#one", "ada")).toBe(0);
    await world.begin("#two", {}, { key: "two", ...free });
    expect(takes("#two", "bob")).toBe(7);
    await world.begin("#three", {}, { key: "three", ...free });
    await until(() => world.logs.bytes > 3_600);
    expect(takes("#three", "eve")).toBe(0); // half for all without a token
    await world.begin("#house");
    expect(takes("#house", "ada")).toBe(14);
    expect(() => world.logs.begin("#x", { inviteOnly: false, owner: { key: "x", ...free }, bounds: wide })).toThrow(
      full,
    );
  });

  it("refuses as full what the disk is too slow for, and takes more when it has caught up", async () => {
    const gate = gatedTable<LogTableRow>();
    const world = new RoomLogWorld({ table: gate.table });
    await world.begin("#a");
    const member = world.listen("#a");
    gate.hold();
    const text = "x".repeat(60_000);
    const full = expect.objectContaining({ code: "full", retryAfterMs: 200 }) as Error;
    let taken = 0;
    expect(() => {
      for (; taken < 1_000; taken += 1) world.say("#a", text);
    }).toThrow(full);
    expect(taken).toBeGreaterThan(30); // a quarter: others have room
    world.say("#a", "of another connection", { from: "bob" });
    taken += 1;
    await gate.open();
    await until(() => member.texts.length === taken);
    world.say("#a", "more");
    await until(() => member.texts.length === taken + 1);
    expect(world.ledger.messages).toMatchObject({ accepted: taken + 2, stored: taken + 1, refused: 1 });
  });

  it("ends, with all that was said: then it is a room like any other", async () => {
    const world = new RoomLogWorld();
    const log = await world.begin("#a");
    const member = world.listen("#a");
    for (let n = 1; n <= 300; n += 1) world.say("#a", String(n));
    const ended = world.logs.end(log);
    expect(() => world.say("#a", "too soon")).toThrow(expect.objectContaining({ code: "unavailable" }));
    await ended;
    expect(member.texts).toHaveLength(300);
    expect([world.logs.bytes, log.phase]).toEqual([0, "ended"]);
    await until(() => [...world.table.range("", "\uffff")].length === 0);
  });

  it("is as it was after a restart, and what is left of an ended one goes", async () => {
    const world = new RoomLogWorld();
    const log = await world.begin("#a");
    const gone = await world.begin("#gone");
    for (let n = 1; n <= 5; n += 1) for (const room of ["#a", "#gone"]) world.say(room, String(n));
    await until(() => gone.released === 5);
    await world.table.put(`ended ${gone.row.id}`, { first: 1, next: 6 });
    await world.table.delete("log #gone");
    await world.logs.close();
    const again = new RoomLogWorld({ table: world.table });
    const [found] = again.logs.load();
    expect(found).toBeInstanceOf(RoomLog);
    expect(found?.row).toEqual(log.row);
    expect(again.read(found ?? log, 3)).toMatchObject({ past: ["4", "5"], gap: false });
    await until(() => [...again.table.range("", "\uffff")].length === 6);
    again.say("#a", "6");
    const member = again.listen("#a");
    await until(() => member.texts.length === 1);
    expect(member.places).toEqual([6]);
  });

  it("has an epoch of its own in a copy, and keeps it: cursors of the original say gap", async () => {
    const world = new RoomLogWorld();
    const { row } = await world.begin("#a");
    world.say("#a", "1");
    await until(() => [...world.table.range("message", "messagf")].length === 1);
    await world.logs.close();
    const written = world.table.get("log #a");
    await world.table.put("log #a", { ...row, ...written, epoch: epochOfCopy });
    const copy = new RoomLogWorld({ table: world.table });
    const [found] = copy.logs.load();
    expect(found?.epoch).toMatch(/^[0-9a-f]{16}$/);
    expect(found?.epoch).not.toBe(row.epoch);
    await copy.logs.close();
    const [kept] = new RoomLogWorld({ table: world.table }).logs.load();
    expect(kept?.row).toEqual({ ...row, ...written, epoch: found?.epoch });
  });
});
