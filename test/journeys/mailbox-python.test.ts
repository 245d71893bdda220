import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { startProgram, type Program } from "../kit/cli.js";
import { DeadLine } from "../kit/dead-line.js";
import { PanWire } from "../kit/pan-wire.js";
import { repetitions } from "../kit/repetitions.js";
import { issueToken } from "../kit/tokens.js";

/** python3-websockets as Debian has it, with the defaults of its library (protocols §9.9). */
describe("the mailbox of a bot in Python", () => {
  let test: TestBroker;
  let ada: Agent;
  const ends: (() => unknown)[] = [];

  beforeEach(async () => {
    test = await startBroker({ limits: { mailMax: 4_000 } }); // of which one sender has a quarter
    ada = await Agent.connect({ name: "ada", in: test.zmqIn, out: test.zmqOut });
    ends.push(
      () => test.stop(),
      () => ada.close(),
    );
  });

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  const bot = (url: string, name: string, token: string, seconds: number, count: number): Program => {
    const args = [url, name, token, String(seconds), String(count)];
    const program = startProgram("/usr/bin/python3", ["test/interop/slow-bot.py", ...args]);
    ends.push(() => program.stop("SIGKILL"));
    return program;
  };
  const heardBy = async (program: Program): Promise<string[]> => {
    const { stdout } = await program.ended;
    expect(stdout).not.toContain("closed");
    return [...stdout.matchAll(/^heard (.*)$/gm)].map(([, text = ""]) => text);
  };
  const texts = (count: number): string[] => Array.from({ length: count }, (_, at) => `number ${String(at)}`);

  /** Opens the mailbox of a name, goes, and says so many messages to it. @returns its token */
  async function unread(name: string, count: number): Promise<string> {
    const token = await issueToken(test.dataDir, name, "ws");
    const wire = await PanWire.open(test.pan);
    wire.say({ type: "auth", agentId: name, token, mailbox: true });
    await wire.hears("answer");
    wire.close();
    await wire.closed;
    for (const text of texts(count)) await ada.inform(name, text);
    return token;
  }

  it(
    "is never cut while it works slowly on what waited, and hears each message once, in order",
    async () => {
      // 32 messages that wait in the library stop its pongs; what it did for 20 s and more decides.
      const quick = repetitions(120, 500);
      const slow = repetitions(16, 60);
      const quickBot = bot(test.pan, "quick", await unread("quick", quick), 0.2, quick);
      const slowBot = bot(test.pan, "slow", await unread("slow", slow), 2, slow);
      expect(await heardBy(quickBot)).toEqual(texts(quick));
      expect(await heardBy(slowBot)).toEqual(texts(slow));
    },
    repetitions(90_000, 240_000),
  );

  it("hears after its reconnect what was written into a line that had died without a word", async () => {
    const line = await DeadLine.to(Number(new URL(test.pan).port));
    ends.push(() => line.close());
    const token = await unread("nomad", 0);
    const first = bot(`ws://127.0.0.1:${String(line.port)}/pan`, "nomad", token, 0, 10);
    await first.prints(/^here$/m);
    await ada.inform("nomad", "heard");
    await first.prints(/^heard heard$/m);
    const written = test.broker.status().ledger.copies.written;
    expect(line.die()).toBe(1);
    for (const text of texts(5)) await ada.inform("nomad", text);
    await eventually(() => test.broker.status().ledger.copies.written >= written + 5, "they are written into the void");
    const again = bot(test.pan, "nomad", token, 0, 5);
    expect(await heardBy(again)).toEqual(texts(5));
  });
});
