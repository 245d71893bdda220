import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../kit/broker.js";
import { runCli, startCli, type Program } from "../kit/cli.js";
import { PanWire, panToken, type PanFrame } from "../kit/pan-wire.js";
import { repetitions } from "../kit/repetitions.js";

const rounds = repetitions(6, 40);
const folder = mkdtempSync(join(tmpdir(), "synaptic-away-"));
const config = join(folder, "config.json");
const dataDir = join(folder, "data");
let program: Program | undefined;
afterEach(async () => {
  await program?.stop("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the real broker. @returns where PAN is */
async function start(): Promise<string> {
  const doors = ["--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0", "--ws", "127.0.0.1:0"];
  program = startCli(["start", "--json", "--config", config, "--data-dir", dataDir, ...doors]);
  const { ws } = JSON.parse(await program.prints(/\n/)) as { readonly ws: readonly string[] };
  return `${String(ws[0])}/pan`;
}

const status =
  (wanted: string) =>
  (frame: PanFrame): boolean =>
    frame["status"] === wanted;

/** Logs in with a token of its own. @returns the bot, and the rooms in which it is at once */
async function login(
  door: string,
  token: string,
): Promise<{ readonly bot: PanWire; readonly rooms: readonly string[] }> {
  const bot = await PanWire.open(door);
  bot.say({ type: "auth", agentId: "bot", token });
  const { rooms = [] } = await bot.hears(status("success"));
  return { bot, rooms: rooms as readonly string[] };
}

async function asks(wire: PanWire, kind: string, data: object): Promise<PanFrame> {
  wire.say({ type: "ask", kind, data, messageId: kind });
  return wire.hears(({ replyTo, messageId }) => replyTo === kind || messageId === kind);
}

describe("a bot that stays in its rooms, whose broker is killed", () => {
  it(
    "is in every room that it was told to have joined, in none that it has left, and misses and repeats nothing",
    async () => {
      writeFileSync(
        config,
        JSON.stringify({
          rooms: [{ name: "#log", durable: { max: 100_000 } }],
          limits: { panRatePerSecond: 100_000, panRateBurst: 100_000 },
        }),
      );
      let door = await start();
      const issued = await runCli(["token", "bot", "--pan", "--data-dir", dataDir]);
      const token = issued.stdout.trim();
      const opened = await runCli(["mailbox", "open", "bot", "--rooms", "--data-dir", dataDir, "--json"]);
      expect(JSON.parse(opened.stdout)).toMatchObject({ agent: "bot", rooms: true });
      const heard: number[] = [];
      const inside = new Set<string>();
      let epoch = "";
      let said = 0;
      for (let round = 0; round < rounds; round += 1) {
        if (round > 0) door = await start();
        const speaker = await PanWire.login(door, "speaker", panToken(dataDir));
        speaker.say({ type: "join", room: "#log" });
        const place = await speaker.hears(status("joined"));
        const missed = (place["next"] as { readonly seq: number }).seq;
        expect(missed).toBeGreaterThanOrEqual(Math.max(0, ...heard));
        const { bot, rooms } = await login(door, token);
        expect([...rooms].sort()).toEqual([...inside].sort());
        expect((await asks(speaker, "rooms.list", {}))["type"]).toBe("answer");
        // It hears what is said now before it asks for what it missed.
        for (let n = 0; n < 20; n += 1) speaker.say({ type: "chat", to: "#log", text: String((said += 1)) });
        if (round > 0)
          await eventually(() => bot.frames.some(({ room_seq }) => room_seq !== undefined), "it hears them");
        const after = { epoch, seq: Math.max(0, ...heard) };
        bot.say({ type: "join", room: "#log", ...(round > 0 && { after }) });
        const joined = await bot.hears(status("joined"));
        expect(joined).not.toHaveProperty("gap");
        ({ epoch } = joined["next"] as { readonly epoch: string });
        inside.add("#log");
        const first = (joined["next"] as { readonly seq: number }).seq + 1;
        const seqs = (): number[] =>
          bot.frames.flatMap(({ room_seq: seq }) => (typeof seq === "number" ? [seq] : [])).sort((a, b) => a - b);
        const last = missed + 20;
        const wanted = round > 0 ? after.seq + 1 : first;
        await eventually(() => seqs().at(-1) === last && seqs().length >= last - wanted + 1, "it has heard all");
        await asks(bot, "room.history", { room: "#log", count: 0 });
        expect(seqs()).toEqual(Array.from({ length: last - wanted + 1 }, (_, at) => wanted + at));
        heard.push(...seqs());
        // Told, so it is so after the kill.
        const room = `#r${String(round)}`;
        bot.say({ type: "join", room });
        await bot.hears(status("joined"));
        inside.add(room);
        if (round % 2 === 1) {
          const gone = `#r${String(round - 1)}`;
          bot.say({ type: "leave", room: gone });
          await bot.hears(status("left"));
          inside.delete(gone);
        }
        if (round % 3 === 1) bot.close(); // it is away when something more is said
        if (round % 3 === 1) {
          await eventually(async () => {
            const { data } = (await asks(speaker, "room.members", { room: "#log" })) as { data?: { away?: string[] } };
            return data?.away?.includes("bot") === true;
          }, "it is away");
          for (let n = 0; n < 20; n += 1) speaker.say({ type: "chat", to: "#log", text: String((said += 1)) });
          await eventually(async () => {
            const { data } = (await asks(speaker, "room.history", { room: "#log", count: 0 })) as {
              data?: { next: { seq: number } };
            };
            return data?.next.seq === last + 20;
          }, "the room remembers it");
        }
        await program?.stop("SIGKILL");
        bot.close();
        speaker.close();
      }
      expect(new Set(heard).size).toBe(heard.length);
    },
    rounds * 10_000,
  );
});
