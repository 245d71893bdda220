import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyFor, type TestKey } from "../kit/agentchat-keys.js";
import { ChatWire, type ChatFrame } from "../kit/chat-wire.js";
import { repetitions } from "../kit/repetitions.js";

/** What the parties have heard of a proposal over all lives of the server. */
interface Known {
  readonly id: string;
  readonly by: TestKey;
  readonly accepts: number;
}

/** Restarts, each ended by SIGKILL. */
const lives = repetitions(3, 8);
const offersPerLife = 40;
const seed = 20_261_121;

/** Numbers of a fixed row, 0 to 1 (mulberry32). */
function numbers(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("agreements on a server that is killed while they are made", () => {
  const bob = keyFor("bob");
  let dataDir: string;
  let server: ChildProcess | undefined;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "synaptic-kill-"));
  });
  afterEach(() => {
    server?.kill("SIGKILL");
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function start(): Promise<string> {
    const child = spawn(
      process.execPath,
      ["bin/agentchat.js", "serve", "-h", "127.0.0.1", "-p", "0", "--rate", "0", "--json", "--data-dir", dataDir],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    server = child;
    for await (const line of createInterface({ input: child.stdout })) return (JSON.parse(line) as { url: string }).url;
    throw new Error("the server did not start");
  }

  async function enter(url: string, key: TestKey): Promise<ChatWire> {
    const wire = await ChatWire.open(url);
    return wire.identifies("party", key);
  }

  const offer = (by: TestKey, task: string): ChatFrame => ({
    type: "PROPOSAL",
    to: `@${bob.id}`,
    task,
    sig: by.signs(`@${bob.id}|${task}||||`),
  });
  const accept = (id: string): ChatFrame => ({ type: "ACCEPT", proposal_id: id, sig: bob.signs(`ACCEPT|${id}|`) });

  it(`loses none that was told, and makes none twice, over ${lives} kills`, async () => {
    const random = numbers(seed);
    const known = new Map<string, Known>();
    const hear = (frame: ChatFrame, by: TestKey): void => {
      const { type, proposal_id: id, task } = frame as { type: string; proposal_id?: string; task?: string };
      if (id === undefined) return;
      if (type === "PROPOSAL" && task !== undefined) {
        const before = known.get(task);
        expect(before?.id ?? id, `${task} has one id only`).toBe(id);
        known.set(task, before ?? { id, by, accepts: 0 });
      }
      if (type === "ACCEPT")
        for (const [name, one] of known) if (one.id === id) known.set(name, { ...one, accepts: one.accepts + 1 });
    };
    for (let life = 0; life < lives; life += 1) {
      const url = await start();
      // Somebody new each time: an agent has a hundred open proposals at most.
      const ada = keyFor(`ada ${life}`);
      const [proposer, proposee] = [await enter(url, ada), await enter(url, bob)];
      const killAfter = Math.floor(random() * offersPerLife * 2);
      let heard = 0;
      const ended = new Promise<void>((resolve) => {
        server?.once("exit", () => {
          resolve();
        });
      });
      proposee.socket.on("message", (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as ChatFrame;
        hear(frame, ada);
        if (frame.type === "PROPOSAL") proposee.say(accept(String(frame["proposal_id"])));
        heard += 1;
        if (heard >= killAfter) server?.kill("SIGKILL");
      });
      for (let at = 0; at < offersPerLife; at += 1) proposer.say(offer(ada, `task ${life}.${at}`));
      await ended;
      for (const wire of [proposer, proposee]) wire.close();
    }
    const url = await start();
    expect(known.size).toBeGreaterThan(lives);
    for (const [task, { id, by, accepts }] of known) {
      // anew: a hundred refusals in a row end a session
      const [proposer, proposee] = [await enter(url, by), await enter(url, bob)];
      expect(accepts, `${task} was accepted once at most`).toBeLessThanOrEqual(1);
      proposer.say(offer(by, task));
      expect((await proposer.hears(({ type }) => type === "PROPOSAL"))["id"], `${task} is there`).toBe(id);
      await proposee.hears(({ type }) => type === "PROPOSAL");
      // Taken before the kill or now: it is told, and stands once.
      proposee.say(accept(id));
      await proposee.hears(
        ({ type, proposal_id: about, status }) => type === "ACCEPT" && about === id && status === "accepted",
      );
      proposee.say(accept(id));
      expect(await proposee.hears(({ type }) => type === "ERROR"), `${task} is accepted once`).toMatchObject({
        code: "INVALID_PROPOSAL",
        message: expect.stringMatching(/this one is accepted/) as string,
      });
      for (const wire of [proposer, proposee]) wire.close();
    }
  }, 120_000);
});
