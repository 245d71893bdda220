import { afterEach, describe, expect, it } from "vitest";
import { Fault, principal } from "../../src/core/index.js";
import type { MailRow } from "../../src/mailbox/index.js";
import { MailWorld, turns, type Said } from "../kit/mail-world.js";

/** So long each row that is read, and each change that is written, takes in these tests, milliseconds. */
const rowMs = 0.01;
const changeMs = 0.02;
/** Slices have 2 ms of a turn, and one more piece of work of 250 rows, or 20 messages. */
const rowsInTurn = 2 / rowMs + 250;
const changesInTurn = 2 / changeMs + 40;

/** What is read and written in each turn of the loop. Time passes by that alone. */
class Work {
  mostRows = 0;
  mostChanges = 0;
  #rowsNow = 0;
  #changesNow = 0;
  #phase: "on" | "off" = "on";

  constructor(world: MailWorld) {
    const { store, clock } = world;
    const [rows, write] = [store.rows.bind(store), store.write.bind(store)];
    const read = (row: MailRow): MailRow => {
      clock.pause(rowMs);
      this.mostRows = Math.max(this.mostRows, (this.#rowsNow += 1));
      return row;
    };
    store.rows = function* (box, seq) {
      for (const row of rows(box, seq)) yield read(row);
    };
    store.write = (changes) => {
      clock.pause(changeMs * changes.length);
      this.mostChanges = Math.max(this.mostChanges, (this.#changesNow += changes.length));
      return write(changes);
    };
    const turn = (): void => {
      this.#rowsNow = 0;
      this.#changesNow = 0;
      if (this.#phase === "on") setImmediate(turn);
    };
    turn();
  }

  end(): void {
    this.#phase = "off";
  }
}

describe("a mailbox with much in it holds up no turn of the loop (ARCHITECTURE, invariant 11)", () => {
  let world: MailWorld;
  let work: Work;
  afterEach(async () => {
    world.sound();
    work.end();
    await world.stop();
  });

  const proved = (name: string): Said => ({
    from: name,
    trust: "proved",
    speaker: principal(name, "proved", { proof: `token:${name}` }),
  });
  const first = Array.from({ length: 900 }, (_, at) => `m${String(at)}`);

  /** Bob's box with 900 messages in it, of six senders, as it is on the disk when the broker has just started. */
  async function start(names = ["bob"]): Promise<void> {
    const before = await MailWorld.start();
    for (const name of names) {
      await before.open(name);
      for (const [at, id] of first.entries())
        expect(before.say({ ...proved(`a${String(at % 6)}`), to: name, message_id: id })).toMatchObject({
          stored: true,
        });
      await turns();
    }
    world = await before.killed();
    work = new Work(world);
  }

  it("is read in pieces, while what comes waits and follows in its order", async () => {
    await start();
    const bob = world.owner();
    const later: string[] = [];
    while (!world.box().box.isLoaded) {
      const id = `late${String(later.length)}`;
      expect(world.say({ ...proved("zoe"), message_id: id })).toEqual({ receivers: 0, stored: true });
      later.push(id);
      await turns(1);
    }
    expect(later.length, "it takes several turns").toBeGreaterThan(1);
    expect(world.say({ ...proved("zoe"), message_id: "last" })).toMatchObject({ stored: true });
    await turns();
    await bob.provesAll();
    expect(bob.ids).toEqual([...first, ...later, "last"]);
    expect(work.mostRows).toBeLessThanOrEqual(rowsInTurn);
    expect(world.counts).toMatchObject({ stored: 901 + later.length, done: 901 + later.length });
  });

  it("is read for who takes, looks and asks for its state, too, who wait for it", async () => {
    await start();
    const looked = world.box().loaded();
    const asked = world.mailboxes.taken("zoe");
    world.say({ ...proved("zoe"), message_id: "new" });
    const told = world.mailboxes.taken("zoe");
    await Promise.all([asked, told]);
    expect([...world.store.said("token:zoe", "new")]).toMatchObject([{ state: "waiting" }]);
    await looked;
    expect(world.box().box.size).toBe(901);
    expect(work.mostRows).toBeLessThanOrEqual(rowsInTurn);
  });

  it("refuses late what finds no room, tells its sender, and takes no repeat twice", async () => {
    await start();
    for (let at = 0; at < 101; at += 1) world.say({ ...proved("a0"), message_id: `more${String(at)}` });
    world.say({ ...proved("a1"), message_id: "m1" });
    expect(world.ledger.messages).toMatchObject({ stored: 102 });
    await world.box().loaded();
    expect(world.ledger.messages).toMatchObject({ accepted: 102, stored: 100, refused: 2 });
    expect(world.ledger.reasons).toEqual({ "mailbox-full": 1, "mailbox-repeated": 1 });
    expect(world.told).toMatchObject([{ agent: "a0", notice: { code: "full", inReplyTo: "more100" } }]);
    expect(world.told[0]?.notice.data).toMatchObject({ retry_after_ms: 60_000, reason: "mailbox-full", to: "bob" });
    expect(world.counts).toMatchObject({ stored: 1_000, waiting: 1_000 });
  });

  it("says that a message is safe when it is taken and kept, and why not if it is refused", async () => {
    await start();
    world.say(proved("zoe"));
    const kept = world.box().safe();
    for (let at = 0; at < 101; at += 1) world.say({ ...proved("a0"), message_id: `more${String(at)}` });
    const refused = expect(world.box().safe()).rejects.toMatchObject({ code: "full" });
    await kept;
    expect(world.counts.stored).toBeGreaterThan(900);
    await refused;
  });

  it("is read at once when too many wait for that, and when the broker stops", async () => {
    await start();
    for (let at = 0; at < 251; at += 1) world.say(proved(`z${String(at % 100)}`));
    expect(world.box().box.isLoaded).toBe(true);
    expect(world.ledger.messages).toMatchObject({ stored: 100, refused: 151 });
    work.end();
    await world.stop();
    await start();
    for (let at = 0; at < 5; at += 1) world.say({ ...proved("zoe"), message_id: `stop${String(at)}` });
    expect(world.box().box.isLoaded).toBe(false);
    work.end();
    await world.stop();
    world = await MailWorld.start(world.disk);
    work = new Work(world);
    expect(world.counts).toMatchObject({ stored: 905, waiting: 905 });
  });

  it("refuses what waits if it cannot be read, says so once in the log, and is read when it can be", async () => {
    await start();
    const rows = world.store.rows.bind(world.store);
    world.store.rows = function* (box, seq) {
      for (const row of rows(box, seq)) {
        if (row.seq === 700) throw new Fault("unavailable", "message 700 of box 1 is damaged on disk");
        yield row;
      }
    };
    world.say({ ...proved("zoe"), message_id: "lost" });
    await turns(20);
    expect(world.told).toMatchObject([{ agent: "zoe", notice: { code: "unavailable", inReplyTo: "lost" } }]);
    expect(world.ledger.messages).toMatchObject({ accepted: 1, stored: 0, refused: 1 });
    for (let at = 0; at < 5; at += 1)
      expect(() => {
        world.box().load();
      }).toThrow("the broker's log says what to do");
    expect(world.logged).toEqual(["a mailbox cannot be read"]);
    world.store.rows = rows;
    world.box().load();
    expect([world.box().box.size, world.box().box.rows]).toEqual([900, 900]);
  });

  it("ends a thousand messages whose time is over, or whose box is closed, some in each turn", async () => {
    await start();
    await world.box().loaded();
    world.clock.advance(8 * 86_400_000);
    while (world.counts.waiting > 0) {
      await turns(1);
      world.clock.advance(1_000);
    }
    expect(world.counts).toMatchObject({ stored: 900, expired: 900 });
    expect(work.mostChanges, "expired").toBeLessThanOrEqual(changesInTurn);
    work.end();
    await world.stop();
    await start();
    await world.mailboxes.close("bob", { discard: true });
    expect(work.mostChanges, "closed").toBeLessThanOrEqual(changesInTurn);
    expect(work.mostRows, "closed").toBeLessThanOrEqual(rowsInTurn);
  });

  it("finds the oldest message of many boxes some rows at a time, without keeping them in memory", async () => {
    const names = ["bob", "carol", "dave"];
    await start(names);
    for (const name of names) {
      const box = world.box(name);
      for (const row of [...world.disk.rows(box.box.id, 1)].slice(0, 800))
        void world.disk.write([{ settle: { ...row, state: "done", goesAt: world.clock.now() + 86_400_000 } }]);
    }
    await turns();
    for (let at = 0; at < 40; at += 1) {
      await turns(1);
      world.clock.advance(200);
    }
    expect(world.mailboxes.figures().oldestMs).toBeGreaterThan(0);
    expect(work.mostRows).toBeLessThanOrEqual(rowsInTurn);
    expect(names.map((name) => world.box(name).box.isLoaded)).toEqual([false, false, false]);
  });
});
