import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import {
  PanClient,
  type Delivery,
  type PanClientOptions,
  type Refused,
} from "../../../clients/typescript/pan/client.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { DeadLine } from "../../kit/dead-line.js";
import { panToken } from "../../kit/pan-wire.js";
import { issueToken } from "../../kit/tokens.js";

describe("PanClient with a mailbox (PAN §14)", () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const begin = async (): Promise<TestBroker> => {
    const at = await startBroker();
    ends.push(() => at.stop());
    return at;
  };
  /** A client that is not connected yet. */
  const made = (options: PanClientOptions): PanClient => {
    const client = new PanClient(options);
    ends.push(() => client.close());
    return client;
  };
  const shared = async (at: TestBroker, agentId: string): Promise<PanClient> => {
    const client = made({ url: at.pan, agentId, token: panToken(at.dataDir) });
    await client.connect();
    return client;
  };

  it("opens it, hears with its marks what was said while it was away, and the sender hears what became of it", async () => {
    const at = await begin();
    const token = await issueToken(at.dataDir, "bot", "ws");
    const options: PanClientOptions = { url: at.pan, agentId: "bot", token, mailbox: { keep_s: 60 } };
    const first = made(options);
    const opened = once(first, "mailbox");
    await first.connect();
    expect(await opened).toMatchObject([{ kind: "mailbox.open", data: { agent: "bot", keep_s: 60 } }]);
    await first.close();
    const ada = await shared(at, "ada");
    const deliveries: Delivery[] = [];
    const stored = new Promise<void>((resolve) => {
      ada.on("delivery", (delivery) => {
        deliveries.push(delivery);
        resolve();
      });
    });
    ada.say("bot", "while you were away", { messageId: "m1", intent: "inform", receipt: true });
    await stored;
    const done = once(ada, "delivery");
    const again = made(options);
    const heard = once(again, "chat");
    await again.connect();
    expect(await heard).toMatchObject([
      { text: "while you were away", messageId: "m1", stored_at: expect.any(String) as string },
    ]);
    await done;
    expect(deliveries).toMatchObject([
      { state: "stored", messageIds: ["m1"], until: expect.any(String) as string },
      { state: "done", messageIds: ["m1"] },
    ]);
  });

  it("opens it again at each reconnect, and hears what was said into the line that had died", async () => {
    const at = await begin();
    const line = await DeadLine.to(Number(new URL(at.pan).port));
    ends.push(() => line.close());
    const token = await issueToken(at.dataDir, "bot", "ws");
    const url = `ws://127.0.0.1:${String(line.port)}/pan`;
    const bot = made({ url, agentId: "bot", token, mailbox: true, silentMs: 200 });
    let opened = 0;
    const texts: string[] = [];
    bot.on("mailbox", () => (opened += 1));
    const first = once(bot, "mailbox");
    await bot.connect();
    await first;
    const all = new Promise<void>((resolve) => {
      bot.on("chat", ({ text }) => {
        if (texts.push(text) === 3) resolve();
      });
    });
    line.die();
    const ada = await shared(at, "ada");
    for (const text of ["one", "two", "three"]) ada.say("bot", text, { intent: "inform" });
    await all;
    await eventually(() => opened === 2, "it is open again");
    expect(texts).toEqual(["one", "two", "three"]);
  });

  it("tells that a shared token has none, and takes that for no other call's refusal", async () => {
    const at = await begin();
    const bot = made({ url: at.pan, agentId: "bot", token: panToken(at.dataDir), mailbox: true });
    const refused = once(bot, "refused");
    await bot.connect();
    await bot.join("#lab");
    const [{ code, message }] = (await refused) as [Refused];
    expect([code, message]).toEqual(["NOT_INVITED", expect.stringMatching(/^mailbox: .*broker token bot/)]);
  });

  describe("at a server that knows none", () => {
    async function fake(answer: (said: { readonly type: string }) => object | undefined): Promise<string> {
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      await once(server, "listening");
      server.on("connection", (socket) => {
        socket.on("message", (data: Buffer) => {
          const said = JSON.parse(data.toString()) as { readonly type: string };
          const told = said.type === "auth" ? { type: "system", status: "success" } : answer(said);
          if (told !== undefined) socket.send(JSON.stringify(told));
        });
      });
      ends.push(() => {
        for (const socket of server.clients) socket.terminate();
        return new Promise((resolve) => {
          server.close(resolve);
        });
      });
      return `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    }

    it("works, and tells so once the server answers something else", async () => {
      const url = await fake(() => ({ type: "list", agents: [] }));
      const bot = made({ url, agentId: "bot", token: "x", mailbox: true });
      await bot.connect();
      const refused = once(bot, "refused");
      expect(await bot.list()).toEqual([]);
      expect(await refused).toMatchObject([{ code: "INTERNAL", message: /nothing is kept for this agent/ }]);
      const notice = once(bot, "refused", { signal: AbortSignal.timeout(50) });
      expect(await bot.list()).toEqual([]);
      await expect(notice).rejects.toThrow(); // once
    });

    it("says nothing of it when it is closed first", async () => {
      const url = await fake(() => undefined);
      const bot = made({ url, agentId: "bot", token: "x", mailbox: true });
      const told: unknown[] = [];
      bot.on("refused", (event) => told.push(event));
      await bot.connect();
      await bot.close();
      expect(told).toEqual([]);
    });

    it("leaves out deliveries that say nothing", async () => {
      const url = await fake(() => ({ type: "system", status: "delivery", message: "?", messageIds: "m1" }));
      const bot = made({ url, agentId: "bot", token: "x", answerTimeoutMs: 100 });
      const told: unknown[] = [];
      bot.on("delivery", (delivery) => told.push(delivery));
      bot.on("system", (notice) => told.push(notice));
      bot.on("refused", (refusal) => told.push(refusal));
      await bot.connect();
      await expect(bot.list()).rejects.toMatchObject({ code: "TIMEOUT" });
      expect(told).toEqual([]);
    });
  });

  it("is back in its rooms without joining them when the mailbox says rooms: true, also as a new program", async () => {
    const at = await begin();
    const token = await issueToken(at.dataDir, "bot", "ws");
    const options: PanClientOptions = { url: at.pan, agentId: "bot", token, mailbox: { rooms: true } };
    const watcher = await shared(at, "watcher");
    await watcher.join("#lab");
    const seen: unknown[] = [];
    watcher.on("system", ({ status }) => seen.push(status));
    const first = made(options);
    await first.connect();
    expect(first.rooms.size).toBe(0);
    await first.join("#lab");
    await first.close();
    const again = made(options);
    await again.connect();
    expect([...again.rooms]).toEqual(["#lab"]);
    const heard = once(again, "chat");
    watcher.say("#lab", "welcome back");
    expect(await heard).toMatchObject([{ to: "#lab", text: "welcome back" }]);
    await again.leave("#lab");
    await eventually(() => seen.length === 2, "it has left");
    expect(seen).toEqual(["agent_joined", "agent_left"]);
    expect(again.rooms.size).toBe(0);
  });
});
