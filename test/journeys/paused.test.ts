import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { BrokerStatus } from "../../src/index.js";
import { ChatWire } from "../kit/chat-wire.js";
import { runCli, startCli, startProgram, type Program } from "../kit/cli.js";
import { panToken, PanWire } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { standStill } from "../kit/stand-still.js";
import { greeting, RawPeer, ready } from "../zeromq/wire/raw-peer.js";

/** Every deadline that strangers meet is shorter than the pause. */
const limits = {
  zmqPingMs: 300,
  zmqSilenceMs: 900,
  zmqHandshakeMs: 1_200,
  wsPingMs: 400,
  wsLoginMs: 1_200,
  httpHeadMs: 1_200,
  conflictPingMs: 1_200,
  requestTimeoutMs: 1_500,
  stuckMs: 1_500,
};
const pausedMs = 4_000;
const count = 100;

describe("a broker that is paused (SIGSTOP) and goes on (SIGCONT)", { timeout: 60_000 }, () => {
  let dataDir: string;
  let program: Program;
  let doors: { zmqIn: string; zmqOut: string; ws: string };
  const ends: (() => void)[] = [];

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "synaptic-paused-"));
    program = startCli([
      "start",
      "--json",
      "--data-dir",
      dataDir,
      ...["--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0", "--ws", "127.0.0.1:0"],
      ...Object.entries(limits).flatMap(([name, value]) => ["--limit", `${name}=${String(value)}`]),
    ]);
    const { zmqIn, zmqOut, ws } = JSON.parse(await program.prints(/\n/)) as Record<string, [string]>;
    doors = { zmqIn: zmqIn?.[0] ?? "", zmqOut: zmqOut?.[0] ?? "", ws: ws?.[0] ?? "" };
  });
  afterAll(async () => {
    for (const end of ends) end();
    program.process.kill("SIGCONT");
    await program.stop("SIGKILL");
    await rm(dataDir, { recursive: true, force: true });
  });

  /** Stops the broker, does this, and lets it go on after the whole pause. */
  async function whilePaused(work: () => Promise<void>): Promise<void> {
    await standStill(program.process.pid ?? 0);
    try {
      await Promise.all([work(), pause(pausedMs)]);
    } finally {
      program.process.kill("SIGCONT");
    }
  }

  function agent(name: string, declare: boolean): PlainAgent {
    const plain = new PlainAgent(name, doors, { declare });
    ends.push(() => {
      plain.close();
    });
    return plain;
  }

  const reasons = async (): Promise<BrokerStatus["ledger"]["reasons"]> => {
    const { stdout } = await runCli(["status", "--json", "--data-dir", dataDir]);
    return (JSON.parse(stdout) as BrokerStatus).ledger.reasons;
  };

  it("cuts nobody who was there, and loses nothing of what they say meanwhile", async () => {
    const zmq = [agent("inferred", false), agent("declared", true)];
    // They ping, too, and say how long they may be silent (RFC 37): shorter than the pause.
    const beating = agent("beating", true);
    for (const socket of [beating.sub, beating.pub]) {
      socket.heartbeatInterval = 100;
      socket.heartbeatTimeToLive = 600;
      socket.heartbeatTimeout = 60_000;
      // Options of a heartbeat hold for connections that come after them.
      socket.disconnect(socket === beating.sub ? doors.zmqOut : doors.zmqIn);
      socket.connect(socket === beating.sub ? doors.zmqOut : doors.zmqIn);
    }
    const speakers = [...zmq, beating];
    const listener = await agent("listener", true).meet();
    await Promise.all(speakers.map((one) => one.meet()));
    const pan = await PanWire.login(`${doors.ws}/pan`, "pan-bot", panToken(dataDir));
    const chat = await ChatWire.enter(`${doors.ws}/agentchat`, "chat-bot");
    ends.push(
      () => {
        pan.close();
      },
      () => {
        chat.close();
      },
    );
    let panClosed = false;
    let chatClosed = false;
    pan.socket.on("close", () => (panClosed = true));
    chat.socket.on("close", () => (chatClosed = true));
    await pause(limits.zmqPingMs * 3); // all have been pinged, and have ponged

    await whilePaused(async () => {
      for (let n = 0; n < count; n += 1) {
        for (const one of speakers) await one.send("listener", "inform", `${one.name} ${String(n)}`);
        if (n % 4 === 0) pan.say({ type: "chat", to: "listener", text: `pan ${String(n)}` });
        if (n % 10 === 0) chat.say({ type: "MSG", to: "@listener", content: `chat ${String(n)}` });
        pan.socket.ping();
        chat.socket.ping();
        await pause((pausedMs * 0.9) / count);
      }
    });
    const texts = (of: string): string[] =>
      listener.heard.flatMap(({ message }) =>
        message.content.message.startsWith(`${of} `) ? [message.content.message] : [],
      );
    const all = (of: string, every = 1): string[] =>
      Array.from({ length: count / every }, (_, n) => `${of} ${String(n * every)}`);
    await Promise.all([...speakers.map((one) => one.settled()), pan.settled(), chat.settled()]);
    await listener.settled();
    for (const one of speakers) expect(texts(one.name), one.name).toEqual(all(one.name));
    expect(texts("pan"), "a client that kept to its rate").toEqual(all("pan", 4));
    expect(texts("chat"), "a client that kept to its rate").toEqual(all("chat", 10));
    expect([panClosed, chatClosed]).toEqual([false, false]);
    await pause(limits.zmqSilenceMs * 2); // they stay afterwards, too
    for (const reason of Object.keys(await reasons()))
      expect(reason).not.toMatch(/silent|ttl-passed|stuck|timeout|pre-login/);
    expect([panClosed, chatClosed]).toEqual([false, false]);
  });

  it("answers those who were in the middle of coming in", async () => {
    const raw = await RawPeer.connect(doors.zmqIn);
    const bytes = greeting("NULL");
    raw.send(bytes.subarray(0, 20));
    await raw.read(11);
    const bot = await PanWire.open(`${doors.ws}/pan`);
    const http = await RawPeer.connect(doors.ws.replace("ws:", "tcp:"));
    http.send(Buffer.from("GET /healthz HTTP/1.1\r\nHost: localhost\r\n"));
    ends.push(
      () => raw.socket.destroy(),
      () => {
        bot.close();
      },
    );
    await whilePaused(async () => {
      await pause(pausedMs / 2);
      raw.send(bytes.subarray(20), ready("PUB"));
      bot.say({ type: "auth", agentId: "late-bot", name: "late-bot", token: panToken(dataDir) });
      http.send(Buffer.from("\r\n"));
    });
    expect((await raw.read(53)).length).toBe(53);
    expect(await bot.hears((frame) => frame.type === "system")).toMatchObject({ status: "success" });
    expect((await http.read(12)).toString()).toBe("HTTP/1.1 200");
  });

  it("lets whoever bears a name answer the ping of a newcomer", async () => {
    const holder = new WebSocket(`${doors.ws}/pan`, { autoPong: false });
    ends.push(() => {
      holder.terminate();
    });
    await new Promise((resolve) => holder.once("open", resolve));
    const token = panToken(dataDir);
    holder.send(JSON.stringify({ type: "auth", agentId: "holder", name: "holder", token }));
    await new Promise((resolve) => holder.once("message", resolve));
    const asked = new Promise((resolve) => holder.once("ping", resolve));
    // The ping of its own time may come first: both are answered alike.
    const newcomer = await PanWire.open(`${doors.ws}/pan`);
    newcomer.say({ type: "auth", agentId: "holder", name: "newcomer", token });
    await asked;
    await whilePaused(async () => {
      await pause(pausedMs / 2);
      holder.pong();
    });
    expect(await newcomer.hears("error")).toMatchObject({ code: "AGENT_ID_IN_USE" });
    expect(holder.readyState).toBe(WebSocket.OPEN);
  });

  it("does not tell of a request that it was not answered in time when the answer lay there", async () => {
    const asker = await agent("asker", true).meet();
    const bot = await PanWire.login(`${doors.ws}/pan`, "answerer", panToken(dataDir));
    ends.push(() => {
      bot.close();
    });
    const asked = await asker.send("answerer", "request", "what is it?");
    const { messageId } = await bot.hears((frame) => frame.type === "chat");
    await whilePaused(async () => {
      await pause(pausedMs / 2);
      bot.say({ type: "chat", to: "asker", text: "this", replyTo: messageId });
    });
    const { message } = await asker.hears(({ message: { in_reply_to: to } }) => to === asked.message_id);
    expect(message).toMatchObject({ type: "response", content: { message: "this" } });
  });

  it("is as patient when the agent is the one that was paused", async () => {
    const answerer = await agent("slow", true).meet();
    const asker = startProgram(process.execPath, [
      "--input-type=module",
      "-e",
      `import { Agent } from "synaptic-core";
      const agent = await Agent.connect({ name: "sleeper", in: "${doors.zmqIn}", out: "${doors.zmqOut}" });
      const answer = agent.request("slow", "what is it?", { timeoutMs: 1_500 });
      console.log((await answer).content.message);
      await agent.close();`,
    ]);
    const { message } = await answerer.hears(({ message: { from, type } }) => from === "sleeper" && type === "request");
    await standStill(asker.process.pid ?? 0);
    await pause(pausedMs / 2);
    await answerer.send("sleeper", "response", "this", { in_reply_to: message.message_id });
    await pause(pausedMs / 2);
    asker.process.kill("SIGCONT");
    expect(await asker.ended).toMatchObject({ code: 0, stdout: "this\n" });
  });
});
