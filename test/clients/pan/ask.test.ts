import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { PanClient } from "../../../clients/typescript/pan/client.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { panToken } from "../../kit/pan-wire.js";
import { issueToken } from "../../kit/tokens.js";

describe("PanClient.ask", () => {
  const clients: PanClient[] = [];
  let end: () => Promise<void> = () => Promise.resolve();
  async function client(url: string, agentId: string, token: string, answerTimeoutMs = 10_000): Promise<PanClient> {
    const made = new PanClient({ url, agentId, token, answerTimeoutMs });
    clients.push(made);
    await made.connect();
    return made;
  }
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((made) => made.close()));
    await end();
  });

  describe("at our broker", () => {
    async function begin(): Promise<TestBroker> {
      const at = await startBroker();
      end = () => at.stop();
      return at;
    }

    it("resolves to the broker's answer, many at once", async () => {
      const at = await begin();
      const ada = await client(at.pan, "ada", panToken(at.dataDir));
      const [made, , agents] = await Promise.all([
        ada.ask("room.create", { room: "#lab" }),
        ada.join("#tea"),
        ada.ask("agents.list"),
        ada.list(),
      ]);
      expect(made).toEqual({
        kind: "room.create",
        message: "you made #lab",
        data: { room: "#lab", invite_only: false },
      });
      expect(agents.data).toMatchObject({ agents: [{ name: "ada", dialect: "pan" }] });
    });

    it("rejects with the server's refusal, and what cannot be asked at once", async () => {
      const at = await begin();
      const ada = await client(at.pan, "ada", panToken(at.dataDir));
      await expect(ada.ask("dance")).rejects.toMatchObject({ code: "INVALID_FORMAT" });
      await expect(ada.ask("broker.status")).rejects.toMatchObject({ code: "NOT_INVITED" });
      await expect(ada.ask("")).rejects.toMatchObject({ code: "INVALID_FORMAT", message: /nothing was sent/ });
      await expect(ada.ask("room.members", { room: "#nowhere" })).rejects.toMatchObject({ code: "AGENT_NOT_FOUND" });
      await ada.list(); // no call has taken another's refusal
    });

    it("says no number that JSON cannot write, and names where it stands", async () => {
      const at = await begin();
      const [ada, bob] = await Promise.all(["ada", "bob"].map((name) => client(at.pan, name, panToken(at.dataDir))));
      const heard: unknown[] = [];
      bob?.on("chat", ({ data }) => heard.push(data));
      const cyclic: Record<string, unknown> = {};
      cyclic["self"] = cyclic;
      for (const [data, words] of [
        [{ prices: [1, NaN] }, "data.prices.1 is NaN, which is no number of JSON; say null, or a text"],
        [{ eth: -Infinity }, "data.eth is -Infinity"],
        [{ big: 1n }, "it cannot be written as JSON"],
        [cyclic, "nested deeper"],
      ] as const) {
        await expect(ada?.ask("ping", data)).rejects.toMatchObject({
          code: "INVALID_FORMAT",
          message: expect.stringContaining(`ask: ${words}`) as string,
        });
        const refused = ada && once(ada, "refused");
        ada?.say("bob", "x", { data, messageId: "m1" });
        expect(await refused).toMatchObject([
          { code: "INVALID_FORMAT", messageId: "m1", message: expect.stringContaining(`chat: ${words}`) as string },
        ]);
      }
      const told = bob && once(bob, "chat");
      ada?.say("bob", "x", { data: [null, 1e300] });
      await told;
      expect(heard).toEqual([[null, 1e300]]);
    });

    it("asks what is the operator's with a token of that scope", async () => {
      const at = await begin();
      const token = await issueToken(at.dataDir, "boss", "ws", { scopes: ["operate"] });
      const boss = await client(at.pan, "boss", token);
      expect(await boss.ask("broker.status")).toMatchObject({
        kind: "broker.status",
        message: "the broker is running",
      });
    });

    it("takes mail that comes while it waits for it, and says and hears other things meanwhile", async () => {
      const at = await begin();
      const bot = await client(at.pan, "bot", await issueToken(at.dataDir, "bot", "ws"));
      const ada = await client(at.pan, "ada", panToken(at.dataDir));
      await bot.ask("mailbox.open", { mode: "take" });
      const taking = bot.ask("mailbox.take", { wait_ms: 20_000 });
      await expect(bot.ask("mailbox.take", { wait_ms: 20_000 })).rejects.toMatchObject({ code: "room_full" });
      await bot.join("#lab");
      ada.say("bot", "hello", { messageId: "m1" });
      const { data } = await taking;
      const { messages } = data as {
        readonly messages: readonly { readonly $broker: { readonly delivery_id: string } }[];
      };
      expect(messages).toMatchObject([{ message_id: "m1", from: "ada", content: { message: "hello" } }]);
      await bot.ask("mailbox.done", { ids: messages.map(({ $broker }) => $broker.delivery_id) });
      expect((await bot.ask("mailbox.status")).data).toMatchObject({ waiting: 0, leased: 0, done: 1 });
      expect((await bot.ask("mailbox.take", { wait_ms: 20 })).data).toEqual({ messages: [] });
    });
  });

  describe("at a server that says what the test tells it to", () => {
    type Frame = Readonly<Record<string, unknown>> & { readonly type: string };
    async function fake(answer: (said: Frame, socket: WebSocket) => object | undefined): Promise<string> {
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      await once(server, "listening");
      server.on("connection", (socket) => {
        socket.on("message", (data: Buffer) => {
          const said = JSON.parse(data.toString()) as Frame;
          const told = said.type === "auth" ? { type: "system", status: "success" } : answer(said, socket);
          if (told !== undefined) socket.send(JSON.stringify(told));
        });
      });
      end = () =>
        new Promise((resolve) => {
          for (const socket of server.clients) socket.terminate();
          server.close(() => {
            resolve();
          });
        });
      return `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    }

    it("fails after its time, and gives a late answer to nobody", async () => {
      const late: Frame[] = [];
      const url = await fake((said) => {
        if (said.type !== "ask") return { type: "list", agents: [] };
        late.push(said);
        if (late.length === 1) return undefined;
        return { type: "answer", kind: "ping", message: "late", replyTo: late[0]?.["messageId"] };
      });
      const ada = await client(url, "ada", "x", 200);
      await expect(ada.ask("ping")).rejects.toMatchObject({ code: "TIMEOUT" });
      await expect(ada.ask("ping", {}, { timeoutMs: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
      expect(await ada.list()).toEqual([]);
    });

    it("waits as much longer as the question itself may wait", async () => {
      const url = await fake((said, socket) => {
        setTimeout(() => {
          socket.send(JSON.stringify({ type: "answer", kind: "k", message: "m", replyTo: said["messageId"] }));
        }, 300);
        return undefined;
      });
      const ada = await client(url, "ada", "x", 100);
      expect(await ada.ask("k", { wait_ms: 5_000 })).toEqual({ kind: "k", message: "m", data: undefined });
    });

    it("is refused by a server that knows no questions and names none; another call is not", async () => {
      const waiting: Frame[] = [];
      const url = await fake((said) => {
        if (said.type === "ask") waiting.push(said);
        return said.type === "join" ? { type: "error", code: "INVALID_FORMAT", message: "no room" } : undefined;
      });
      const ada = await client(url, "ada", "x", 5_000);
      const asked = ada.ask("ping");
      await expect(ada.join("no room")).rejects.toMatchObject({ code: "INVALID_FORMAT" });
      await Promise.all([ada.close(), expect(asked).rejects.toMatchObject({ code: "CLOSED" })]);
      const other = await fake(() => ({ type: "error", code: "INVALID_FORMAT", message: "type is none of …" }));
      const bob = await client(other, "bob", "x", 5_000);
      await expect(bob.ask("ping")).rejects.toMatchObject({ code: "INVALID_FORMAT" });
    });
  });
});
