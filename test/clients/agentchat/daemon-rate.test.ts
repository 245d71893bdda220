import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AgentChatDaemon, getDaemonStatus } from "../../../clients/typescript/agentchat/daemon.js";
import { DaemonLog } from "../../../clients/typescript/agentchat/daemon/log.js";
import { Outbox } from "../../../clients/typescript/agentchat/daemon/outbox.js";
import { OutboxFile } from "../../../clients/typescript/agentchat/daemon/outbox-file.js";
import { Uplink } from "../../../clients/typescript/agentchat/daemon/uplink.js";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { ChatWire } from "../../kit/chat-wire.js";
import { FakeClient, jsonLines, refusal, tempDir } from "./daemon-world.js";

/** What a server gives of its rate, and how it says so. */
interface Rate {
  readonly perSecond: number;
  readonly burst: number;
  readonly pingCost: number;
  /** Whether a refusal says of what it is, and when to try again. */
  readonly isTold: boolean;
}

/**
 * Refusals that are made so that a client sees them: of a message by its `ref`, if there is one, of a call by its
 * failure.
 */
class LimitedServer {
  /** Contents in the order in which they were taken. */
  readonly taken: string[] = [];
  readonly ids = new Set<string>();
  refusals = 0;
  readonly #rate: Rate;
  #tokens: number;
  #at = performance.now();

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#tokens = rate.burst;
  }

  /** A client of this server; the message is refused when the PING behind it comes, as if both were under way. */
  client(hears: FakeClient["hears"]): FakeClient {
    const client = new FakeClient({ server: "", name: "" }, hears);
    let refusedBefore: Error | undefined;
    client.send = (_to, content, { msgId }) => {
      refusedBefore = this.#spend(1, msgId);
      if (refusedBefore === undefined && !this.ids.has(msgId)) this.taken.push(content);
      if (refusedBefore === undefined) this.ids.add(msgId);
      if (refusedBefore !== undefined) {
        const error = refusedBefore;
        setTimeout(() => {
          if (refusedBefore !== error) return;
          refusedBefore = undefined;
          hears.refused(error);
        }, 20);
      }
      return Promise.resolve();
    };
    client.ping = () => {
      const pinged = this.#spend(this.#rate.pingCost, "PING");
      const late = refusedBefore;
      refusedBefore = undefined;
      if (late !== undefined && this.#rate.isTold) hears.refused(late);
      // whoever gives no ref is taken to refuse the oldest call
      else if (late !== undefined) return Promise.reject(late);
      return pinged === undefined ? Promise.resolve() : Promise.reject(pinged);
    };
    return client;
  }

  #spend(cost: number, ref: string): Error | undefined {
    const { perSecond, burst, isTold } = this.#rate;
    const now = performance.now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * perSecond) / 1_000);
    this.#at = now;
    const missing = cost - this.#tokens;
    if (missing <= 1e-6) {
      this.#tokens -= cost;
      return undefined;
    }
    this.refusals += 1;
    return refusal("RATE_LIMITED", isTold ? { ref, retryAfterMs: Math.ceil((missing * 1_000) / perSecond) } : {});
  }
}

describe("the daemon keeps to whatever rate the server has", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let end: () => Promise<void>;
  beforeEach(async () => {
    temp = await tempDir();
    end = () => Promise.resolve();
  });
  afterEach(async () => {
    await end();
    vi.useRealTimers();
    await temp.remove();
  });
  const lines = (count: number): string =>
    Array.from({ length: count }, (_, n) => `${JSON.stringify({ to: "#general", content: `${n}` })}\n`).join("");
  const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`);

  /** Says so many lines. @returns how long it took, in seconds of the clock */
  async function says(server: LimitedServer, count: number, mostSeconds: number): Promise<number> {
    const at = (file: string): string => join(temp.dir, file);
    const log = new DaemonLog(at("log"));
    const uplink = new Uplink({
      makeClient: (hears) => server.client(hears),
      channels: [],
      log,
      hear: () => undefined,
      changed: () => undefined,
      giveUp: () => undefined,
    });
    await uplink.open();
    writeFileSync(at("outbox"), lines(count));
    const file = OutboxFile.open({ outbox: at("outbox"), progress: at("progress") }, "one", log);
    const inbox = { add: () => undefined, flush: () => undefined, lines: () => [] };
    const box = new Outbox({
      file,
      rejected: at("rejected"),
      inbox,
      uplink,
      log,
      pollMs: 1_000,
      onSetAside: () => undefined,
    });
    const stopping = new AbortController();
    const running = box.run(stopping.signal);
    end = async () => {
      stopping.abort();
      await running;
      await uplink.close();
    };
    const since = performance.now();
    const isDone = (): boolean => jsonLines(at("log")).filter(({ event }) => event === "sent").length === count;
    while (!isDone() && performance.now() - since < mostSeconds * 1_000) await vi.advanceTimersByTimeAsync(100);
    expect(jsonLines(at("rejected"))).toEqual([]);
    expect(isDone()).toBe(true);
    return (performance.now() - since) / 1_000;
  }

  for (const [perSecond, burst] of [
    [1, 10],
    [0.5, 3],
    [0.5, 1],
    [5, 1],
    [100, 20],
    [2, 4],
  ] as const) {
    it(`${perSecond} a second, ${burst} at once: each message once, hardly more slowly than they may come, hardly ever refused`, async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
      const server = new LimitedServer({ perSecond, burst, pingCost: 0.1, isTold: true });
      const count = 30;
      const ideal = Math.max(0, count * 1.1 - burst) / perSecond;
      expect(await says(server, count, ideal * 1.5 + 5)).toBeLessThan(ideal * 1.2 + 1);
      expect(server.taken).toEqual(numbers(count));
      // messages, not PINGs
      expect(jsonLines(join(temp.dir, "log")).filter(({ code }) => code === "RATE_LIMITED").length).toBeLessThan(6);
    });
  }

  it("is not slowed down by a server that has none", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const server = new LimitedServer({ perSecond: 1_000_000, burst: 1_000_000, pingCost: 1, isTold: true });
    expect(await says(server, 200, 10)).toBeLessThan(1);
    expect(server.taken).toEqual(numbers(200));
  });

  for (const pingCost of [0, 0.1, 1]) {
    it(`of a server that says neither what it refuses nor for how long, with a PING that costs ${pingCost}: every message, in order`, async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
      const server = new LimitedServer({ perSecond: 1, burst: 1, pingCost, isTold: false });
      await says(server, 10, 120);
      expect(server.taken).toEqual(numbers(10));
    });
  }

  it("against our broker, which takes one at once: every message is heard once, and more can be said", async () => {
    const at: TestBroker = await startBroker({ limits: { agentchatRatePerSecond: 4, agentchatBurst: 1 } });
    const url = at.pan.replace(/pan$/, "agentchat");
    const mine = new AgentChatDaemon({ server: url, dir: temp.dir, channels: ["#general"], pollMs: 100 });
    const ada = await ChatWire.enter(url, "ada");
    end = async () => {
      await mine.stop();
      ada.socket.terminate();
      await at.stop();
    };
    await eventually(() => {
      ada.say({ type: "JOIN", channel: "#general" });
      return ada.frames.some(({ type }) => type === "JOINED");
    }, "ada is in");
    await mine.start();
    appendFileSync(mine.paths.outbox, lines(4));
    await eventually(() => getDaemonStatus("default", temp.dir).unsentBytes === 0, "all is confirmed");
    expect(
      ada.frames.filter(({ type, from }) => type === "MSG" && from === mine.agentId).map(({ content }) => content),
    ).toEqual(numbers(4));
  });
});
