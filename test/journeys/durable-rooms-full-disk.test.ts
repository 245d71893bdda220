import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RoomCursor } from "../../clients/typescript/agent/room-past.js";
import { Agent, type Envelope } from "../../src/index.js";
import { freeDoors, serveBroker, type Served } from "../cli/served.js";
import { eventually } from "../kit/broker.js";
import { startCli } from "../kit/cli.js";
import { PlainAgent } from "../kit/plain-agent.js";

const room = "#log";
const text = (at: number): string => `${String(at)} ${"x".repeat(3_000)}`;

/** All that the room remembers: what was said, by its number, and its places. */
async function past(reader: Agent): Promise<{ readonly said: readonly number[]; readonly places: readonly number[] }> {
  const all: Envelope[] = [];
  let after: RoomCursor = { epoch: (await reader.history(room, {})).next?.epoch ?? "", seq: 0 };
  for (;;) {
    const { messages, next } = await reader.history(room, { after });
    if (messages.length === 0 || next === undefined) break;
    all.push(...messages);
    after = next;
  }
  return {
    said: all.map(({ content }) => parseInt(content.message, 10)),
    places: all.map(({ $broker }) => $broker?.room_seq ?? NaN),
  };
}

describe("a room that remembers, on a disk that is full", () => {
  let served: Served;
  let token: string;
  const open: { close(): unknown }[] = [];
  beforeEach(async () => {
    served = await serveBroker();
    token = (await served.cli("token", "dora", "--zmq")).stdout.trim();
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
    await served.end();
  });

  it("refuses what it cannot keep, lets nobody hear it, keeps what was heard, and goes on once there is room", async () => {
    const dora = await Agent.connect({ name: "dora", token, in: served.at.zmqIn, out: served.at.zmqOut });
    open.push(dora);
    await dora.create(room, { durable: true });
    const [ada, bob] = await Promise.all(
      [["ada"], ["bob", room]].map(async (topics) => {
        const agent = new PlainAgent(topics[0] ?? "", served.at, { topics });
        open.push(agent);
        return agent.meet();
      }),
    );
    if (ada === undefined || bob === undefined) expect.fail("two agents");
    const heard = (): readonly number[] =>
      bob.heard.filter(({ topic }) => topic === room).map(({ message }) => parseInt(message.content.message, 10));
    const refusal = () => ada.heard.find(({ message }) => message.content["kind"] === "fault")?.message.content;
    /** Files of the broker cannot grow beyond so many bytes: the system refuses them as a full disk does. */
    const limit = (bytes: number | "unlimited"): void => {
      execFileSync("prlimit", ["--pid", String(served.broker.process.pid), `--fsize=${bytes}:`]);
    };
    const ids = new Map<string, number>();
    let count = 0;
    const say = async (): Promise<number> => {
      const { message_id: id } = await ada.send(room, "inform", text((count += 1)));
      ids.set(id, count);
      return count;
    };

    limit(statSync(join(served.dataDir, "room-logs", "data.mdb")).size + 4 * 1024 * 1024);
    for (; refusal() === undefined && count < 2_000; await ada.meet()) for (let n = 0; n < 10; n += 1) await say();
    expect(refusal()).toMatchObject({ data: { code: "unavailable", retry_after_ms: 1_000 } });
    const before = heard();
    expect(before.length).toBeGreaterThan(20);
    expect(before).toEqual(before.map((_, at) => at + 1));
    const refused = ada.heard.flatMap(({ message: { in_reply_to: id } }) => ids.get(id ?? "") ?? []);
    expect(refused.filter((number) => before.includes(number))).toEqual([]);

    limit("unlimited");
    let late = 0;
    await eventually(async () => {
      late = await say();
      await ada.meet();
      await new Promise((resolve) => setTimeout(resolve, 50));
      return heard().includes(late);
    }, "it goes on");
    expect((await past(dora)).said).toEqual(heard());

    const all = heard();
    await served.broker.stop();
    const again = startCli(["start", ...freeDoors, "--data-dir", served.dataDir]);
    await again.prints(/broker status/);
    const reader = await Agent.connect({ name: "dora", token, dataDir: served.dataDir });
    const { said, places } = await past(reader);
    await reader.close();
    await again.stop();
    expect(said).toEqual(all);
    expect(places).toEqual(all.map((_, at) => at + 1));
  });
});
