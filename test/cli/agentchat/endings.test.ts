import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeServer, type Peer } from "../../clients/agentchat/fake-server.js";
import { startProgram } from "../../kit/cli.js";
import { binary } from "./binary.js";

const signals = ["SIGTERM", "SIGINT"] as const;
const commands = ["listen", "connect"] as const;

describe("how agentchat listen and connect end", () => {
  let server: FakeServer;
  let home: string;
  const started: ChildProcess[] = [];
  beforeAll(async () => {
    server = await FakeServer.start();
    home = await mkdtemp(join(tmpdir(), "agentchat-end-"));
  });
  afterAll(async () => {
    for (const child of started) child.kill("SIGKILL");
    await server.stop();
    await rm(home, { recursive: true });
  });

  /** Starts a command that stays, with an output that nobody reads. */
  function unread(
    command: string,
    stdout: "pipe" | number = "pipe",
  ): {
    readonly child: ChildProcess;
    readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;
  } {
    const child = spawn(process.execPath, [binary, command, server.url], { stdio: ["pipe", stdout, "pipe"] });
    started.push(child);
    let stderr = "";
    child.stderr?.on("data", (text: Buffer) => (stderr += text.toString()));
    return {
      child,
      ended: new Promise((resolve) =>
        child.once("exit", (code) => {
          resolve({ code, stderr });
        }),
      ),
    };
  }

  async function entered(): Promise<Peer> {
    const peer = await server.welcome();
    await peer.hears("JOIN");
    peer.says({ type: "JOINED", channel: "#general", agents: [] });
    return peer;
  }

  function says(peer: Peer, times: number): void {
    for (let n = 0; n < times; n += 1)
      peer.says({
        type: "MSG",
        from: "@b",
        from_name: "b",
        to: "#general",
        content: "x".repeat(60_000),
        msg_id: String(n),
      });
  }

  /** Resolves once the program has dealt with all that was said. */
  async function heard(peer: Peer): Promise<void> {
    peer.socket.ping();
    await once(peer.socket, "pong");
  }

  describe.each(commands)("%s", (command) => {
    it("ends by a signal though its reader has stopped: a socket", async () => {
      const { child, ended } = unread(command);
      const peer = await entered();
      says(peer, 100);
      await heard(peer);
      child.kill("SIGTERM");
      expect((await ended).code).toBe(0);
    });

    it("ends by a signal though its reader has stopped: a pipe", async () => {
      const path = join(home, command);
      await startProgram("mkfifo", [path]).ended;
      const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const writer = await open(path, "w");
      const { child, ended } = unread(command, writer.fd);
      const peer = await entered();
      says(peer, 100);
      await heard(peer);
      child.kill("SIGTERM");
      expect((await ended).code).toBe(0);
      await Promise.all([reader.close(), writer.close()]);
    });

    it("ends by itself when more waits for its reader than may", async () => {
      const { ended } = unread(command);
      const peer = await entered();
      says(peer, 600);
      const { code, stderr } = await ended;
      expect(stderr).toMatch(/agentchat: the reader of this output is too slow: more than 16 MiB wait for it\n$/);
      expect(code).toBe(1);
    });

    it("prints all that a reader who is slow, but reads, is told", async () => {
      const { child, ended } = unread(command);
      const peer = await entered();
      says(peer, 100);
      await heard(peer);
      let bytes = 0;
      child.stdout?.on("data", (text: Buffer) => {
        bytes += text.length;
      });
      const closed = once(child, "close");
      child.kill("SIGTERM");
      expect((await ended).code).toBe(0);
      await closed;
      expect(bytes).toBeGreaterThan(100 * 60_000);
    });

    it.each(signals)("ends by %s at once while it waits for the rate", async (signal) => {
      const { child, ended } = unread(command);
      const peer = await server.welcome();
      await peer.hears("JOIN");
      peer.says({ type: "ERROR", code: "RATE_LIMITED", message: "too fast", ref: "JOIN", retry_after: 3_600_000 });
      await heard(peer);
      child.kill(signal);
      expect((await ended).code).toBe(0);
    });

    it("ends at once while the server does not answer", async () => {
      const { child, ended } = unread(command);
      const peer = await server.welcome();
      await peer.hears("JOIN");
      const at = performance.now();
      child.kill("SIGTERM");
      expect((await ended).code).toBe(0);
      expect(performance.now() - at).toBeLessThan(5_000); // its own patience is 10 s
    });
  });
});
