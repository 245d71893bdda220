import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { bytesOfRow, type LogTableRow } from "../../src/room-log/index.js";
import { TablesLmdb } from "../../src/storage/index.js";
import { eventually } from "../kit/broker.js";
import { startCli, type Program } from "../kit/cli.js";
import { PanWire, panToken, type PanFrame } from "../kit/pan-wire.js";
import { repetitions } from "../kit/repetitions.js";

const rounds = repetitions(4, 30);
const folder = mkdtempSync(join(tmpdir(), "synaptic-rooms-kill-"));
let program: Program | undefined;
afterEach(async () => {
  await program?.stop("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const config = join(folder, "config.json");
const dataDir = join(folder, "data");

/** A broker with one durable room, and where PAN is. */
async function start(): Promise<string> {
  const doors = ["--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0", "--ws", "127.0.0.1:0"];
  program = startCli(["start", "--json", "--config", config, "--data-dir", dataDir, ...doors]);
  const { ws } = JSON.parse(await program.prints(/\n/)) as { readonly ws: readonly string[] };
  return `${String(ws[0])}/pan`;
}

/** What the log holds on disk, by place, and whether its row says so exactly. */
async function onDisk(): Promise<ReadonlyMap<number, string>> {
  const tables = new TablesLmdb({ path: join(dataDir, "room-logs"), failed: () => undefined });
  tables.open();
  const table = tables.table<LogTableRow>("logs");
  const row = table.get("log #log");
  if (row === undefined || !("bounds" in row)) throw new Error("the room is not on disk");
  const texts = new Map<number, string>();
  let bytes = 0;
  for (const [key, message] of table.range(`message ${row.id} `, `message ${row.id} \uffff`)) {
    if (!("body" in message)) continue;
    bytes += bytesOfRow(message);
    const { content } = JSON.parse(Buffer.from(message.body).toString()) as { content: { message: string } };
    texts.set(Number(key.split(" ")[2]), content.message);
  }
  await tables.close();
  expect({ bytes: row.bytes, first: row.first, next: row.next }).toEqual({
    bytes,
    first: row.next - texts.size,
    next: Math.max(...texts.keys()) + 1,
  });
  return texts;
}

describe("a durable room whose broker is killed", () => {
  it(
    "has everything that anybody has heard, in its place, with exact sums, and goes on behind it",
    async () => {
      writeFileSync(
        config,
        JSON.stringify({
          rooms: [{ name: "#log", durable: { max: 500 } }],
          limits: { panRatePerSecond: 100_000, panRateBurst: 100_000 },
        }),
      );
      const heard = new Map<number, string>();
      for (let round = 0; round < rounds; round += 1) {
        const door = await start();
        const token = panToken(dataDir);
        const [speaker, listener] = [
          await PanWire.login(door, "speaker", token),
          await PanWire.login(door, "listener", token),
        ];
        listener.say({ type: "join", room: "#log" });
        await listener.hears(({ status }: PanFrame) => status === "joined");
        const before = listener.frames.length;
        const talking = setInterval(() => {
          for (let n = 0; n < 10; n += 1)
            speaker.say({ type: "chat", to: "#log", text: `${String(round)} ${"x".repeat(Math.random() * 500)}` });
        }, 1);
        await eventually(() => listener.frames.length > before + 50 + Math.random() * 500, "the room is heard", 30_000);
        clearInterval(talking);
        await program?.stop("SIGKILL");
        for (const wire of [speaker, listener]) wire.socket.terminate();
        for (const { type, room_seq, text } of listener.frames) {
          if (type !== "chat") continue;
          expect(heard.has(Number(room_seq))).toBe(false);
          heard.set(Number(room_seq), String(text));
        }
        const kept = await onDisk();
        const oldest = Math.min(...kept.keys());
        for (const [seq, text] of heard) if (seq >= oldest) expect(kept.get(seq)).toBe(text);
        expect(kept.size).toBeLessThanOrEqual(500);
      }
      expect(heard.size).toBeGreaterThan(50 * rounds);
    },
    20_000 * rounds,
  );
});
