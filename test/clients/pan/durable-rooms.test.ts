import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  PanClient,
  type ChatEvent,
  type PanClientOptions,
  type RoomCursor,
} from "../../../clients/typescript/pan/client.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { DeadLine } from "../../kit/dead-line.js";
import { issueToken } from "../../kit/tokens.js";

describe("PanClient in a room that remembers (PAN §3.1, protocols §10.2)", () => {
  let at: TestBroker;
  const ends: (() => unknown)[] = [];
  beforeEach(async () => {
    const limits = { panRatePerSecond: 100_000, panRateBurst: 100_000 };
    said = 0;
    const started = await startBroker({ limits, rooms: [{ name: "#log", durable: { max: 5 } }, "#lab"] });
    at = started;
    ends.push(() => started.stop());
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const connect = async (
    agentId: string,
    url = at.pan,
    more: Pick<PanClientOptions, "mailbox"> = {},
  ): Promise<{ client: PanClient; heard: ChatEvent[] }> => {
    const token = await issueToken(at.dataDir, agentId, "ws");
    const client = new PanClient({ url, agentId, token, silentMs: 200, ...more });
    ends.push(() => client.close());
    const heard: ChatEvent[] = [];
    client.on("chat", (chat) => heard.push(chat));
    await client.connect();
    return { client, heard };
  };
  let said = 0;
  /** Says texts in the room, which are on disk then, and no more of them than it remembers. */
  const say = async (client: PanClient, ...texts: string[]): Promise<void> => {
    for (const text of texts) client.say("#log", text);
    said += texts.length;
    await eventually(async () => {
      const after = { epoch: "", seq: 0 };
      const { count, next } = await historyOf(client, after);
      return next?.seq === said && count === Math.min(said, 5);
    }, "they are kept");
  };
  const historyOf = async (client: PanClient, after: object | "last"): Promise<{ count: number; next?: RoomCursor }> =>
    (await client.ask("room.history", { room: "#log", after })).data as { count: number; next?: RoomCursor };
  const texts = (heard: readonly ChatEvent[]): unknown[] => heard.map(({ text, replay = false }) => [text, replay]);

  it("reads on behind a cursor that it was told, and hears what is new behind that", async () => {
    const { client: ada } = await connect("ada");
    await say(ada, "one", "two", "three");
    const { client: bob, heard } = await connect("bob");
    const begun = await bob.join("#log", { after: { epoch: "", seq: 0 } });
    const { next } = begun;
    expect(begun).toEqual({ next: { epoch: expect.any(String) as string, seq: 3 }, gap: true });
    await say(ada, "four");
    await eventually(() => heard.length === 4, "all is heard");
    expect(texts(heard)).toEqual([
      ["one", true],
      ["two", true],
      ["three", true],
      ["four", false],
    ]);
    expect(heard[1]).toMatchObject({ room_seq: 2, epoch: next?.epoch });
    const { client: carol, heard: others } = await connect("carol");
    expect(await carol.join("#log", { after: { epoch: next?.epoch ?? "", seq: 2 } })).toMatchObject({ gap: false });
    await eventually(() => others.length === 2, "what follows is heard");
    expect(others.map(({ text }) => text)).toEqual(["three", "four"]);
  });

  it("leaves the cursor to the broker by last, and tells what is not remembered", async () => {
    const { client: ada } = await connect("ada");
    const { client: bob } = await connect("bob");
    expect(await bob.join("#log", { after: "last" })).toMatchObject({ gap: false, next: { seq: 0 } });
    await say(ada, "1");
    await eventually(async () => (await historyOf(bob, "last")).count === 0, "it is handed over");
    await bob.close();
    await say(ada, "2", "3", "4", "5", "6", "7", "8");
    const { client: again, heard } = await connect("bob");
    expect(await again.join("#log", { after: "last" })).toMatchObject({ gap: true, next: { seq: 8 } });
    await eventually(() => heard.length === 5, "the last five");
    expect(heard.map(({ text }) => text)).toEqual(["4", "5", "6", "7", "8"]);
  });

  it("tells nothing of a cursor in a room that remembers nothing, and refuses two ways at once", async () => {
    const { client: bob } = await connect("bob");
    expect(await bob.join("#lab", { after: { epoch: "e", seq: 1 } })).toEqual({ next: undefined, gap: true });
    expect(await bob.join("#lab")).toEqual({ next: undefined, gap: false });
    const both = { after: "last", history: 3 } as never;
    await expect(bob.join("#log", both)).rejects.toMatchObject({ code: "INVALID_FORMAT", message: /give one of them/ });
    for (const after of ["first", { epoch: "e" }, { epoch: "e", seq: NaN }] as never[])
      await expect(bob.join("#log", { after })).rejects.toMatchObject({ code: "INVALID_FORMAT", message: /after/ });
  });

  it("reads on where it was in a room in which it stays while it is away", async () => {
    const line = await DeadLine.to(Number(new URL(at.pan).port));
    ends.push(() => line.close());
    const { client: ada } = await connect("ada");
    const stays = { mailbox: { rooms: true } };
    const { client: bob, heard } = await connect("bob", `ws://127.0.0.1:${String(line.port)}/pan`, stays);
    await bob.join("#log", { after: { epoch: "", seq: 0 } });
    await say(ada, "one");
    await eventually(() => heard.length === 1, "it hears the first");
    line.isOpen = false;
    line.cut();
    await say(ada, "two", "three");
    line.isOpen = true;
    await eventually(() => heard.length === 3, "it hears what was said meanwhile");
    await say(ada, "four");
    await eventually(() => heard.length === 4, "it hears the rest");
    expect(heard.map(({ text }) => text)).toEqual(["one", "two", "three", "four"]);
  });

  it("reads on where it was when the line had died: none twice, none missing, and says what is lost", async () => {
    const line = await DeadLine.to(Number(new URL(at.pan).port));
    ends.push(() => line.close());
    const { client: ada } = await connect("ada");
    const { client: bob, heard } = await connect("bob", `ws://127.0.0.1:${String(line.port)}/pan`);
    const gaps: string[] = [];
    bob.on("gap", ({ room }) => gaps.push(room));
    await bob.join("#log", { after: { epoch: "", seq: 0 } });
    await bob.join("#lab");
    await say(ada, "one", "two");
    await eventually(() => heard.length === 2, "it hears the first two");
    const back = once(bob, "open");
    await historyOf(bob, { epoch: "", seq: 0 }); // what else it reads of the past moves nothing
    await eventually(() => heard.splice(2).length === 2, "it hears that");
    line.die();
    await say(ada, "three", "four");
    await back;
    await say(ada, "five");
    await eventually(() => heard.length === 5, "it hears the rest");
    expect(heard.map(({ text }) => text)).toEqual(["one", "two", "three", "four", "five"]);
    expect(gaps).toEqual([]);
    const again = once(bob, "gap");
    line.isOpen = false;
    line.cut();
    await say(ada, "6", "7", "8", "9", "10", "11");
    line.isOpen = true;
    expect(await again).toEqual([{ room: "#log" }]);
    await eventually(() => heard.length === 10, "it hears what is remembered");
    expect(heard.slice(5).map(({ text }) => text)).toEqual(["7", "8", "9", "10", "11"]);
  });
});
