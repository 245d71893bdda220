import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { bytesOfRow, type LogTableRow, type RoomLog } from "../../src/room-log/index.js";
import { TablesLmdb, TablesMemory, type Table } from "../../src/storage/index.js";
import { gatedTable } from "../kit/gated-table.js";
import { RoomLogWorld, until, wide, type Listener } from "../kit/room-log-world.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A table in memory or on disk, which can be closed and opened again. */
interface Disk {
  open(): Table<LogTableRow>;
  close(): Promise<void>;
}

function memory(): Disk {
  const table = new TablesMemory().table<LogTableRow>("logs");
  return { open: () => table, close: () => Promise.resolve() };
}

function lmdb(): Disk {
  const folder = mkdtempSync(join(tmpdir(), "synaptic-room-logs-"));
  folders.push(folder);
  let tables: TablesLmdb | undefined;
  return {
    open() {
      tables = new TablesLmdb({ path: join(folder, "rooms"), failed: () => undefined });
      tables.open();
      return tables.table("logs");
    },
    async close() {
      await tables?.close();
    },
  };
}

type Step =
  | { readonly say: number; readonly size: number; readonly room: "#a" | "#b" }
  | { readonly max: number; readonly room: "#a" | "#b" }
  | { readonly restart: true };

const room = fc.constantFrom<"#a" | "#b">("#a", "#b");
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ say: fc.integer({ min: 1, max: 30 }), size: fc.nat(3_000), room }) },
    { weight: 1, arbitrary: fc.record({ max: fc.integer({ min: 1, max: 40 }), room }) },
    { weight: 1, arbitrary: fc.record({ restart: fc.constant(true as const) }) },
  ),
  { maxLength: 25 },
);

/** What is said in which order, and what is remembered of it, without any finesse. */
class Model {
  readonly said: string[] = [];
  max = wide.max;
  /** Places before this one are forgotten for good. */
  first = 1;

  say(text: string): void {
    this.said.push(text);
    this.forget();
  }

  forget(): void {
    this.first = Math.max(this.first, this.said.length - this.max + 1);
  }

  get remembered(): readonly string[] {
    return this.said.slice(this.first - 1);
  }
}

async function agrees(disk: Disk, script: readonly Step[]): Promise<void> {
  let world = new RoomLogWorld({ table: disk.open() });
  const models = { "#a": new Model(), "#b": new Model() };
  const logs = { "#a": await world.begin("#a"), "#b": await world.begin("#b") };
  const settled = () => until(() => (["#a", "#b"] as const).every((name) => isSettled(logs[name], models[name])));
  let said = 0;
  for (const step of script) {
    if ("say" in step) {
      for (let n = 0; n < step.say; n += 1) {
        const text = `${String((said += 1))} ${"x".repeat(step.size)}`;
        world.say(step.room, text, { id: String(said) });
        models[step.room].say(text);
      }
    } else if ("max" in step) {
      await settled();
      models[step.room].max = step.max;
      models[step.room].forget();
      await world.logs.rebound(logs[step.room], { ...wide, max: step.max });
    } else {
      await world.logs.close(); // what was taken is on disk then
      await disk.close();
      world = new RoomLogWorld({ table: disk.open() });
      for (const log of world.logs.load()) logs[log.room as "#a"] = log;
      for (const log of Object.values(logs)) world.attach(log);
    }
  }
  await settled();
  for (const name of ["#a", "#b"] as const) {
    const [log, model] = [logs[name], models[name]];
    const read = readAll(world, log);
    expect(read).toEqual(model.remembered);
    const rows = [...world.table.range(`message ${log.row.id} `, `message ${log.row.id} \uffff`)];
    const bytes = rows.map(([, row]) => ("body" in row ? bytesOfRow(row) : NaN));
    expect(log.row.bytes).toBe(bytes.reduce((sum, one) => sum + one, 0));
    expect(world.table.get(`log ${name}`)).toEqual(log.row);
  }
  await world.logs.close();
  await disk.close();
}

function isSettled(log: RoomLog, model: Model): boolean {
  return log.released === model.said.length && log.row.first === model.first;
}

/** All that is remembered, page by page. */
function readAll(world: RoomLogWorld, log: RoomLog): readonly (string | undefined)[] {
  const all: (string | undefined)[] = [];
  let { past, next, more } = world.read(log, log.row.first - 1, 7, 9_000);
  all.push(...past);
  while (more) {
    ({ past, next, more } = world.read(log, next, 7, 9_000));
    expect(past.length).toBeGreaterThan(0);
    all.push(...past);
  }
  return all;
}

describe("durable rooms, whatever is said in them", () => {
  it("remember the newest and their exact sums over restarts, in memory", async () => {
    await fc.assert(
      fc.asyncProperty(steps, (script) => agrees(memory(), script)),
      { numRuns: 60 },
    );
  });

  it("remember the same on disk", async () => {
    await fc.assert(
      fc.asyncProperty(steps, (script) => agrees(lmdb(), script)),
      { numRuns: 12 },
    );
  });

  it("tell whoever comes at any moment everything once: replay ends where live begins", async () => {
    const moves = fc.array(fc.constantFrom("say", "say", "say", "come", "come", "hold", "open", "turn"), {
      minLength: 10,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(moves, async (script) => {
        const gate = gatedTable<LogTableRow>();
        const world = new RoomLogWorld({ table: gate.table });
        const log = await world.begin("#a");
        const told: { readonly before: (string | undefined)[]; readonly ear: Listener }[] = [];
        let said = 0;
        for (const move of script) {
          if (move === "say") for (const from of ["ada", "bob", "eve"]) world.say("#a", String((said += 1)), { from });
          else if (move === "come") {
            const { past } = world.read(log, 0, 1_000);
            told.push({ before: past, ear: world.listen("#a") });
          } else if (move === "hold") gate.hold();
          else if (move === "open") await gate.open();
          else await new Promise((resolve) => setImmediate(resolve));
        }
        await gate.open();
        await until(() => log.released === said);
        const all = Array.from({ length: said }, (_, index) => String(index + 1));
        for (const { before, ear } of told) expect([...before, ...ear.texts]).toEqual(all);
        await world.logs.close();
      }),
      { numRuns: 100 },
    );
  });
});
