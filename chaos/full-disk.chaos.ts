import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { keyFor } from "../test/kit/agentchat-keys.js";
import { eventually } from "../test/kit/broker.js";
import type { ChatWire } from "../test/kit/chat-wire.js";
import { startProgram } from "../test/kit/cli.js";
import { PanWire } from "../test/kit/pan-wire.js";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { issueToken } from "../test/kit/tokens.js";
import { settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { enterProved, offer } from "./kit/proved-chat.js";
import { scenario } from "./kit/scenario.js";

const fullAtKib = 480;
/** Long, so that the audit log fills soon. */
const bot = `bot-${"x".repeat(120)}`;
const task = (n: number): string => `task ${String(n)} ${"x".repeat(2_000)}`;

scenario({
  number: 7,
  title: "a full disk",
  done: `The broker's files may not grow beyond ${String(fullAtKib)} KiB (RLIMIT_FSIZE, soft): proposals fill its tables, logins its audit log, tokens their file; then there is room again, and after that it is killed`,
  limitMs: 60_000,
  async run(course) {
    const ledgers = { limits: { agentchatRatePerSecond: 0 }, ulimit: `ulimit -S -f ${String(fullAtKib)}` };
    const broker = await BrokerProcess.start(course, ledgers);
    const agent = await new PlainAgent("ada", broker, { declare: true }).meet();
    course.finally(() => {
      agent.close();
    });

    const [one, other] = [keyFor("one"), keyFor("other")];
    const enter = async (): Promise<readonly [ChatWire, ChatWire]> => [
      await enterProved(broker.agentchat, one),
      await enterProved(broker.agentchat, other),
    ];
    let [proposer, proposee] = await enter();
    const told = new Map<number, string>();
    let refused = 0;
    let next = 0;
    const propose = async (n: number): Promise<boolean> => {
      proposer.say(offer(one, other, task(n)));
      const { type, id, code, message } = await proposer.hears(
        (frame) => frame.type === "PROPOSAL" || frame.type === "ERROR",
      );
      if (type === "PROPOSAL") told.set(n, String(id));
      else
        expect([code, message], "a full disk is told as such").toEqual([
          "INTERNAL",
          expect.stringContaining("could not be kept"),
        ]);
      return type === "PROPOSAL";
    };
    while (refused < 3 && next < 90) if (!(await propose(next++))) refused += 1;
    expect(refused, "the disk became full").toBe(3);
    await broker.tells(/a change could not be kept/);
    const keptBefore = told.size;

    const token = await issueToken(broker.dataDir, bot, "ws");
    const audit = join(broker.dataDir, "audit.log");
    let logins = 0;
    for (; statSync(audit).size < fullAtKib * 1_024 && logins < 4_000; logins += 1)
      (await PanWire.login(broker.pan, bot, token)).close();
    for (let more = 0; more < 5; more += 1) (await PanWire.login(broker.pan, bot, token)).close();
    await broker.tells(/the audit log cannot be written/);

    let issued = 0;
    const issue = (maxKib: string): Promise<{ readonly code: number | null; readonly stderr: string }> =>
      startProgram("bash", [
        "-c",
        `ulimit -S -f ${maxKib}; exec "$@"`,
        "bash",
        process.execPath,
        "bin/broker.js",
        "token",
        `agent-${String(issued)}`,
        "--pan",
        "--data-dir",
        broker.dataDir,
        "--json",
      ]).ended;
    let ended = await issue("1");
    for (; ended.code === 0 && issued < 8; ended = await issue("1")) issued += 1;
    expect(ended.stderr).toMatch(/tokens\.json could not be written/);
    (await PanWire.login(broker.pan, bot, token)).close();
    await agent.settled();
    expect(broker.isAlive).toBe(true);

    await promisify(execFile)("prlimit", ["--pid", String(broker.pid), "--fsize=unlimited"]);
    expect(await propose(next++), "a proposal is kept again").toBe(true);
    await eventually(
      async () => {
        (await PanWire.login(broker.pan, bot, token)).close();
        return statSync(audit).size > fullAtKib * 1_024;
      },
      "the audit log grows again",
      15_000,
    );
    await settle(course, broker);
    for (const wire of [proposer, proposee]) wire.close();

    await broker.kill();
    await broker.again();
    [proposer, proposee] = await enter();
    for (const [n, id] of told) {
      proposer.say(offer(one, other, task(n)));
      expect(
        (await proposer.hears(({ type }) => type === "PROPOSAL" || type === "ERROR"))["id"],
        "what was told is kept",
      ).toBe(id);
    }
    for (const wire of [proposer, proposee]) wire.close();
    course.note({
      "proposals kept before the disk was full": keptBefore,
      "refused, and told so": refused,
      "logins until the audit log was full": logins,
      "tokens until their file was full": issued,
      "proposals kept after the kill": told.size,
    });
  },
});
