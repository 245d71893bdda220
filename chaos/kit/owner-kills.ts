import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { keyFor } from "../../test/kit/agentchat-keys.js";
import { startProgram, type Program } from "../../test/kit/cli.js";
import { PlainAgent } from "../../test/kit/plain-agent.js";
import { issueToken } from "../../test/kit/tokens.js";
import { expectBoxExact, Operator } from "./accounts.js";
import { BrokerProcess } from "./broker-process.js";
import { MailPython } from "./mail-python.js";
import { MailTally } from "./mail-tally.js";
import type { Course } from "./scenario.js";

const everyMs = 12;
/** Every tenth time the owners stay away for longer than a lease, milliseconds. */
const awayMs = 2_200;
/** Messages that are handed over before a proof, at most (mailWindowMax). */
const windowMax = 256;

/**
 * Kills owners of mailboxes again and again while a sender goes on: a pyzmq agent in push mode, and a process with a PAN
 * bot and an AgentChat client in push mode and a ZeroMQ agent in take mode (protocols §9).
 */
export async function killTheOwners(course: Course, rounds: number): Promise<BrokerProcess> {
  const broker = await BrokerProcess.start(course);
  const operator = await Operator.of(course, broker);
  const folder = mkdtempSync(join(tmpdir(), "synaptic-owners-"));
  course.finally(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const journal = join(folder, "journal");
  writeFileSync(journal, "");
  const tally = new MailTally();
  const key = keyFor("owner");
  const { zmqIn, zmqOut, pan, agentchat } = broker;
  const chat = { id: key.id, spki: key.spki, key: key.privateKey.export({ format: "pem", type: "pkcs8" }) };
  const token = await issueToken(broker.dataDir, "bot", "ws");
  const settings = JSON.stringify({ zmqIn, zmqOut, pan, agentchat, token, chat });
  const startOwners = async (life: number): Promise<Program> => {
    const program = startProgram(process.execPath, ["chaos/kit/mail-owners.mjs", journal, String(life), settings]);
    course.finally(async () => {
      await program.stop("SIGKILL");
    });
    await program.prints(/ready/);
    return program;
  };
  const startPython = (life: number): Promise<MailPython> =>
    MailPython.start(course, broker, tally, { name: "py", intervalMs: 0, to: [], line: life });

  const zedToken = await issueToken(broker.dataDir, "zed", "zmq");
  const zed = await new PlainAgent("zed", broker, { token: zedToken }).meet();
  course.finally(() => {
    zed.close();
  });
  const owners = ["py", "bot", key.id, "taker"];
  let [python, others] = [await startPython(0), await startOwners(0)];
  let writing: Promise<unknown> = Promise.resolve();
  const problems: string[] = [];
  const read = (): void => {
    for (const { message } of zed.heard.splice(0)) {
      const { kind, data } = message.content;
      const { ids, state } = (data ?? {}) as { readonly ids: readonly string[]; readonly state: string };
      if (kind === "receipt") tally.told(ids, state);
      else problems.push(message.content.message);
    }
  };
  const pump = setInterval(() => {
    read();
    for (const owner of owners) {
      const text = tally.says("zed", owner);
      // one after the other: a socket takes one send at a time
      writing = writing.then(() =>
        zed.send(owner, "inform", text, { message_id: text, receipt: ["stored", "settled"] }),
      );
    }
  }, everyMs);
  course.finally(() => {
    clearInterval(pump);
  });
  for (let life = 1; life <= rounds; life += 1) {
    await pause(course.dice.below(400));
    await Promise.all([python.kill(), pause(course.dice.below(50)).then(() => others.stop("SIGKILL"))]);
    if (life % 10 === 0) await pause(awayMs);
    [python, others] = await Promise.all([startPython(life), startOwners(life)]);
  }
  clearInterval(pump);
  await writing;
  const boxes = await operator.emptied(30_000);
  for (const box of boxes) expectBoxExact(box);
  await zed.settled();
  await pause(200); // receipts are gathered for a moment
  read();
  await others.stop("SIGKILL");
  await python.kill();
  for (const line of readFileSync(journal, "utf8").trim().split("\n")) {
    const [owner = "", life, text = ""] = line.split(" ");
    tally.hears(owner, text, Number(life));
  }
  const lost = tally.lost();
  course.note({
    "processes killed": rounds * 2,
    "mailboxes whose owner was killed": rounds * owners.length,
    "messages said": tally.said,
    "told to be stored": tally.stored.size,
    handled: tally.heard,
    "of them again, by who knows no ids": tally.repeats,
    "lost by pyzmq: read by its library, and told to be done": tally.lost("py").length,
    "lost by PAN and AgentChat over Node's ws": tally.lost("bot").length + tally.lost(key.id).length,
    "lost in take mode": tally.lost("taker").length,
  });
  expect(problems, "nothing is refused").toEqual([]);
  expect(tally.stored.size, "all was stored").toBe(tally.said);
  expect(tally.lost("taker"), "take mode loses nothing").toEqual([]);
  const unexplained = lost.filter((text) => tally.states.get(text) !== "done");
  expect(unexplained, "what is lost was handed over").toEqual([]);
  expect([...tally.lost("bot"), ...tally.lost(key.id)], "Node's ws answers behind every handler").toEqual([]);
  expect(lost.length).toBeLessThanOrEqual(rounds * windowMax);
  for (const owner of ["py", "bot", key.id]) expect(tally.problems(owner)).toEqual([]);
  const taken = readFileSync(journal, "utf8").match(/^taker \S+ (\S+)$/gm) ?? [];
  expect(new Set(taken.map((line) => line.split(" ")[2])).size, "handled once").toBe(taken.length);
  return broker;
}
