import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent } from "../../../src/index.js";
import { AgentChatSocket } from "../../../clients/typescript/agentchat/socket.js";
import { PanClient } from "../../../clients/typescript/pan/client.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { DeadLine } from "../../kit/dead-line.js";
import { FakeServer } from "../agentchat/fake-server.js";
import { next } from "../../kit/local-agents.js";

const portOf = (url: string): number => Number(new URL(url).port);

describe("a line that dies without a word", () => {
  let at: TestBroker;
  const lines: DeadLine[] = [];
  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(async () => {
    for (const line of lines.splice(0)) await line.close();
    await at.stop();
  });
  async function lineTo(url: string): Promise<DeadLine> {
    const line = await DeadLine.to(portOf(url));
    lines.push(line);
    return line;
  }

  it("is noticed by a PAN client that only listens, and made anew", async () => {
    const line = await lineTo(at.pan);
    const url = `ws://127.0.0.1:${line.port}/pan`;
    const token = (await readFile(join(at.dataDir, "pan-token"), "utf8")).trim();
    const bot = new PanClient({ url, agentId: "bot", token, silentMs: 50 });
    const ada = at.broker.agent("ada");
    try {
      await bot.connect();
      const [lost, back] = [once(bot, "close"), once(bot, "open")];
      line.die();
      expect(await lost).toEqual([{ code: 1006, reason: "" }]);
      await back;
      const heard = once(bot, "chat");
      await ada.inform("bot", "do you hear me again?");
      expect(await heard).toMatchObject([{ text: "do you hear me again?" }]);
    } finally {
      await bot.close();
      await ada.close();
    }
  });

  it("is noticed by an AgentChat client's socket", async () => {
    const line = await lineTo(at.pan);
    let closed: (code: number) => void;
    const lost = new Promise<number>((resolve) => (closed = resolve));
    const events = {
      onText: () => undefined,
      onClose: (code: number) => {
        closed(code);
      },
    };
    const { signal } = new AbortController();
    await AgentChatSocket.open(`ws://127.0.0.1:${line.port}/agentchat`, events, { signal, silentMs: 50 });
    line.die();
    expect(await lost).toBe(1006);
  });

  it("is noticed by both sockets of an agent over ZeroMQ, which hears and is heard again", async () => {
    const [zmqIn, zmqOut] = [await lineTo(at.zmqIn), await lineTo(at.zmqOut)];
    const bob = await Agent.connect({
      name: "bob",
      in: `tcp://127.0.0.1:${zmqIn.port}`,
      out: `tcp://127.0.0.1:${zmqOut.port}`,
      silentMs: 100,
    });
    const ada = at.broker.agent("ada");
    try {
      expect([zmqIn.die(), zmqOut.die()]).toEqual([1, 1]);
      for (;;) {
        try {
          await bob.request("$broker", { message: "ping", kind: "ping" }, { timeoutMs: 500 });
          break;
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "timeout" });
        }
      }
      await ada.inform("bob", "do you hear me again?");
      expect((await next(bob)).content.message).toBe("do you hear me again?");
    } finally {
      await bob.close();
      await ada.close();
    }
  });

  it.each([-1, 0.5, NaN, Infinity])("is not looked for every %d ms", async (silentMs) => {
    const connecting = Agent.connect({ name: "bob", in: at.zmqIn, out: at.zmqOut, silentMs });
    await expect(connecting).rejects.toMatchObject({ code: "malformed" });
  });

  it("is not looked for where the time of silence is 0", async () => {
    const bob = await Agent.connect({ name: "bob", in: at.zmqIn, out: at.zmqOut, silentMs: 0 });
    await bob.close();
  });

  it("is not seen in a server that is only silent: it answers pings", async () => {
    const fake = await FakeServer.start();
    const codes: number[] = [];
    const events = { onText: () => undefined, onClose: (code: number) => codes.push(code) };
    const { signal } = new AbortController();
    const [peer, socket] = await Promise.all([
      fake.next(),
      AgentChatSocket.open(fake.url, events, { signal, silentMs: 20 }),
    ]);
    for (let pings = 0; pings < 5; pings += 1) await once(peer.socket, "ping");
    expect(codes).toEqual([]);
    await socket.close();
    await fake.stop();
  });
});
