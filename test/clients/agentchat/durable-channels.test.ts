import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatClient, type MsgEvent, type RoomCursor } from "../../../clients/typescript/agentchat/client.js";
import { generateIdentity, writeIdentity } from "../../../clients/typescript/agentchat/identity-file.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { DeadLine } from "../../kit/dead-line.js";
import { told } from "./fake-server.js";

describe("the AgentChat client in a channel that remembers (protocols §10.2)", () => {
  let at: TestBroker;
  const ends: (() => unknown)[] = [];
  beforeEach(async () => {
    said = 0;
    const started = await startBroker({
      limits: { agentchatRatePerSecond: 0 },
      rooms: [{ name: "#log", durable: { max: 5 } }, "#lab"],
    });
    at = started;
    ends.push(() => started.stop());
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const connect = async (
    name: string,
    server = at.pan.replace(/pan$/, "agentchat"),
    isNew = true,
  ): Promise<{ client: AgentChatClient; heard: MsgEvent[] }> => {
    const identity = join(at.dataDir, `${name}.json`);
    if (isNew) await writeIdentity(identity, generateIdentity(name));
    const client = new AgentChatClient({ server, identity });
    ends.push(() => client.disconnect());
    const heard: MsgEvent[] = [];
    client.on("message", (msg) => heard.push(msg));
    await client.connect();
    return { client, heard };
  };
  let said = 0;
  /** Says texts in the channel, which are on disk then, and no more of them than it remembers. */
  const say = async (client: AgentChatClient, ...texts: string[]): Promise<void> => {
    for (const text of texts) await client.deliver("#log", text);
    said += texts.length;
    await eventually(async () => {
      const { count, next } = await historyOf(client, { epoch: "", seq: 0 });
      return next?.seq === said && count === Math.min(said, 5);
    }, "they are kept");
  };
  const historyOf = async (client: AgentChatClient, after: object): Promise<{ count: number; next?: RoomCursor }> =>
    (await client.ask("room.history", { room: "#log", after })).data as { count: number; next?: RoomCursor };
  const texts = (heard: readonly MsgEvent[]): unknown[] => heard.map(({ content }) => content);

  it("reads on behind a cursor that it was told, and hears what is new behind that", async () => {
    const { client: ada } = await connect("ada");
    await ada.join("#log");
    await say(ada, "one", "two", "three");
    const { client: bob, heard } = await connect("bob");
    const { agents, next, gap } = await bob.join("#log", { after: { epoch: "", seq: 0 } });
    expect([agents, next, gap]).toEqual([
      expect.arrayContaining([ada.agentId, bob.agentId]),
      { epoch: expect.any(String) as string, seq: 3 },
      true,
    ]);
    await say(ada, "four");
    await eventually(() => heard.length === 4, "all is heard");
    expect(texts(heard)).toEqual(["one", "two", "three", "four"]);
    expect(heard[1]).toMatchObject({ room_seq: 2, epoch: next?.epoch, replay: true });
    expect(await bob.join("#log", { after: { epoch: next?.epoch ?? "", seq: 2 } })).toMatchObject({ gap: false });
    await eventually(() => heard.length === 6, "it hears again what it asks for");
    expect(texts(heard.slice(4))).toEqual(["three", "four"]);
    expect(await bob.join("#log")).toEqual(agents);
  });

  it("leaves the cursor to the broker by last, and tells of no cursor where nothing is remembered", async () => {
    const { client: ada } = await connect("ada");
    await ada.join("#log");
    const { client: bob } = await connect("bob");
    expect(await bob.join("#log", { after: "last" })).toMatchObject({ gap: false, next: { seq: 0 } });
    await say(ada, "1");
    const isHandedOver = async (): Promise<boolean> => {
      const { data } = await bob.ask("room.history", { room: "#log", after: "last" });
      return (data as { readonly count: number }).count === 0;
    };
    await eventually(isHandedOver, "it is handed over");
    await bob.disconnect();
    await say(ada, "2", "3", "4", "5", "6", "7", "8");
    const { client: again, heard } = await connect("bob", undefined, false);
    expect(await again.join("#log", { after: "last" })).toMatchObject({ gap: true, next: { seq: 8 } });
    await eventually(() => heard.length === 5, "the last five");
    expect(texts(heard)).toEqual(["4", "5", "6", "7", "8"]);
    expect(await again.join("#lab", { after: { epoch: "e", seq: 1 } })).toMatchObject({ next: undefined, gap: true });
    const both = { after: "last", replay: 3 } as never;
    await expect(again.join("#log", both)).rejects.toMatchObject({ code: "INVALID_MSG", message: /give one of them/ });
    for (const after of ["first", { epoch: "e", seq: NaN }] as never[])
      await expect(again.join("#log", { after })).rejects.toMatchObject({ code: "INVALID_MSG", message: /after/ });
  });

  it("reads on where it was when the line had died: none twice, none missing, and says what is lost", async () => {
    const line = await DeadLine.to(Number(new URL(at.pan).port));
    ends.push(() => line.close());
    const { client: ada } = await connect("ada");
    await ada.join("#log");
    const { client: bob, heard } = await connect("bob", `ws://127.0.0.1:${String(line.port)}/agentchat`);
    const gaps: string[] = [];
    bob.on("gap", ({ channel }) => gaps.push(channel));
    await bob.join("#log", { after: { epoch: "", seq: 0 } });
    await say(ada, "one", "two");
    await eventually(() => heard.length === 2, "it hears the first two");
    line.isOpen = false;
    line.cut();
    await say(ada, "three", "four");
    line.isOpen = true;
    await eventually(() => heard.length === 4, "it hears what was said meanwhile");
    await say(ada, "five");
    await eventually(() => heard.length === 5, "it hears the rest");
    expect(texts(heard)).toEqual(["one", "two", "three", "four", "five"]);
    expect(gaps).toEqual([]);
    const again = told(bob, "gap");
    line.isOpen = false;
    line.cut();
    await say(ada, "6", "7", "8", "9", "10", "11");
    line.isOpen = true;
    expect(await again).toEqual({ channel: "#log" });
    await eventually(() => heard.length === 10, "it hears what is remembered");
    expect(texts(heard.slice(5))).toEqual(["7", "8", "9", "10", "11"]);
  });
});
