import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import {
  AgentChatDaemon,
  isDaemonRunning,
  type AgentChatDaemonOptions,
} from "../../../clients/typescript/agentchat/daemon.js";
import { startAgentchat } from "../../cli/agentchat/binary.js";
import { FakeClient, FakeServer, refusal, tempDir } from "./daemon-world.js";

/** Longer than a stop takes, shorter than a client waits for a silent server, milliseconds. */
const soon = { timeout: 9_000 };

describe("the end of a daemon", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  const daemons: AgentChatDaemon[] = [];
  const clients: FakeClient[] = [];
  const closing: (() => void)[] = [];
  beforeEach(async () => {
    temp = await tempDir();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) close();
    await Promise.all(daemons.splice(0).map((one) => one.stop()));
    clients.splice(0);
    await temp.remove();
  });

  function daemon(options: Partial<AgentChatDaemonOptions> = {}): AgentChatDaemon {
    const made = new AgentChatDaemon({ server: "ws://nowhere", dir: temp.dir, pollMs: 20, ...options });
    daemons.push(made);
    return made;
  }
  function faked(prepare: (client: FakeClient) => void = () => undefined): AgentChatDaemon {
    return daemon({
      clientFactory: (told, hears) => {
        const client = new FakeClient(told, hears);
        prepare(client);
        clients.push(client);
        return client;
      },
    });
  }
  /** A server that takes a connection and says nothing. */
  async function silent(): Promise<{ readonly url: string; readonly server: Server }> {
    const server = createServer();
    const sockets: Socket[] = [];
    server.on("connection", (socket) => {
      socket.on("error", () => undefined);
      sockets.push(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }
  /** One that opens a WebSocket, and then says nothing. */
  async function mute(): Promise<{ readonly url: string; readonly server: WebSocketServer }> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    closing.push(() => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    });
    return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it("does not wait for a server that is silent", soon, async () => {
    for (const { server, url } of [await silent(), await mute()]) {
      const mine = daemon({ server: url });
      const connection = once(server, "connection");
      const started = mine.start();
      await connection;
      await mine.stop();
      await started;
      expect(await mine.ended).toBeUndefined();
      expect(isDaemonRunning("default", temp.dir)).toBe(false);
    }
  });

  it("does not wait for a JOIN that is not answered", soon, async () => {
    const server = await FakeServer.start();
    const asked = new Promise<void>((resolve) => {
      server.onFrame = ({ type }) => {
        if (type === "JOIN") resolve();
        return type !== "JOIN";
      };
    });
    const mine = daemon({ server: server.url });
    const started = mine.start();
    await asked;
    await mine.stop();
    await started;
    await server.stop();
  });

  it("does not wait for the rate of a server that refuses a JOIN, or a PING", soon, async () => {
    const joining = faked(({ failures }) => failures.join.push(refusal("RATE_LIMITED", { retryAfterMs: 60_000 })));
    const started = joining.start();
    while (!clients.some(({ joined }) => joined.length === 1))
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    await joining.stop();
    await started;
    clients.splice(0);
    const sending = faked(({ failures }) =>
      failures.ping.push(refusal("RATE_LIMITED", { ref: "PING", retryAfterMs: 60_000 })),
    );
    await sending.start();
    writeFileSync(sending.paths.outbox, '{"to":"#general","content":"hello"}\n');
    while (!clients.some(({ sent }) => sent.length === 1))
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    await sending.stop();
    expect(clients.map(({ sent }) => sent.length)).toEqual([1]);
  });

  it("comes although another start holds the lock", soon, async () => {
    const mine = faked();
    mkdirSync(mine.paths.dir, { recursive: true });
    writeFileSync(`${mine.paths.pid}.lock`, "");
    const started = mine.start();
    await mine.stop();
    await started;
    expect(clients).toEqual([]);
    expect(isDaemonRunning("default", temp.dir)).toBe(false);
  });

  it("listens to SIGTERM, SIGINT and SIGHUP while it runs", async () => {
    const listeners = (): number[] => ["SIGTERM", "SIGINT", "SIGHUP"].map((signal) => process.listenerCount(signal));
    const before = listeners();
    const mine = faked();
    await mine.start();
    expect(listeners()).toEqual(before.map((count) => count + 1));
    process.emit("SIGHUP");
    expect(await mine.ended).toBeUndefined();
    expect(listeners()).toEqual(before);
  });

  it("comes at SIGTERM in the program, too, while it connects", { timeout: 9_000 }, async () => {
    const { server, url } = await silent();
    const connection = once(server, "connection");
    const program = startAgentchat(temp.dir, ["daemon", url]);
    await connection;
    expect(await program.stop("SIGTERM")).toMatchObject({ code: 0 });
    expect(isDaemonRunning("default", temp.dir)).toBe(false);
  });

  it("comes when its folder is removed: nobody could end it otherwise", async () => {
    const mine = faked();
    await mine.start();
    rmSync(mine.paths.dir, { recursive: true });
    expect(await mine.ended).toMatchObject({
      code: "FILES_LOST",
      message: expect.stringContaining(mine.paths.pid) as string,
    });
    expect(clients.map(({ isGone }) => isGone)).toEqual([true]);
  });

  it("comes when another daemon has taken its place, whose files it leaves alone", async () => {
    const mine = faked();
    await mine.start();
    const successor = JSON.stringify({
      pid: process.pid,
      start: "another",
      startedAt: 1,
      server: "ws://x",
      channels: [],
    });
    writeFileSync(mine.paths.run, successor);
    expect(await mine.ended).toMatchObject({ code: "FILES_LOST" });
    expect(readFileSync(mine.paths.run, "utf8")).toBe(successor);
    expect(readFileSync(mine.paths.pid, "utf8")).toBe(`${process.pid}\n`);
  });

  it("comes at once for an identity that is a pipe, which would be read for ever", soon, async () => {
    const identity = join(temp.dir, "id.fifo");
    execFileSync("mkfifo", [identity]);
    await expect(daemon({ identity }).start()).rejects.toMatchObject({ code: "IDENTITY_UNSAFE" });
    expect(isDaemonRunning("default", temp.dir)).toBe(false);
  });
});
