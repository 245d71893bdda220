import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { keyFor } from "../../test/kit/agentchat-keys.js";
import { startProgram, type Program } from "../../test/kit/cli.js";
import { issueToken } from "../../test/kit/tokens.js";
import { expectBoxExact, Operator } from "./accounts.js";
import { BrokerProcess } from "./broker-process.js";
import { MailJournal } from "./mail-journal.js";
import { MailPython } from "./mail-python.js";
import { MailSdk } from "./mail-sdk.js";
import { MailSender } from "./mail-sender.js";
import { MailTally } from "./mail-tally.js";
import type { Course } from "./scenario.js";

const everyMs = 12;
/** What a pyzmq agent does with each message: its library has read more by then, milliseconds. */
const workMs = 2;
/** Every tenth time the owners stay away for so long, milliseconds: much waits for them then. */
const awayMs = 2_200;
/** Messages that are handed over before a proof, at most (mailWindowMax). */
const windowMax = 256;
/** A sender may fill a quarter of a mailbox: with more than is said while its owner is away. */
const limits = { mailMax: 4_000 };
/** They are killed within so many milliseconds of each other. */
const apartMs = 50;

/** Processes that are killed in each round: a pyzmq agent, four owners in one, one of each SDK. */
export const ownersPerRound = 4;

/**
 * Kills owners of mailboxes again and again while a sender goes on: a pyzmq agent in push mode; a process with a PAN bot,
 * an AgentChat client and a ZeroMQ agent in push mode and a plain one in take mode; agents of both SDKs in take mode
 * (protocols §9).
 */
export async function killTheOwners(course: Course, rounds: number): Promise<BrokerProcess> {
  const broker = await BrokerProcess.start(course, { limits });
  const operator = await Operator.of(course, broker);
  const journal = MailJournal.in(course);
  const tally = new MailTally();
  const key = keyFor("owner");
  const { zmqIn, zmqOut, pan, agentchat } = broker;
  const chat = { id: key.id, spki: key.spki, key: key.privateKey.export({ format: "pem", type: "pkcs8" }) };
  const settings = { zmqIn, zmqOut, pan, agentchat, token: await issueToken(broker.dataDir, "bot", "ws"), chat };
  const startOwners = async (life: number): Promise<Program> => {
    const args = ["chaos/kit/mail-owners.mjs", journal.path, String(life), JSON.stringify(settings)];
    const program = startProgram(process.execPath, args);
    course.finally(async () => {
      await program.stop("SIGKILL");
    });
    await program.prints(/ready/);
    return program;
  };
  const startPython = (line: number): Promise<MailPython> =>
    MailPython.start(course, broker, tally, { name: "py", intervalMs: 0, workMs, to: [], line });

  const sdks = [new MailSdk(course, broker, journal, "typescript"), new MailSdk(course, broker, journal, "python")];
  let [python, others] = await Promise.all([startPython(0), startOwners(0), ...sdks.map((sdk) => sdk.ready())]);
  const takers = ["taker", ...sdks.map(({ name }) => name)];
  const owners = ["py", "js", "bot", key.id, ...takers];
  const token = await issueToken(broker.dataDir, "zed", "zmq");
  const sender = await MailSender.start(course, broker, tally, { owners, everyMs, token });
  for (let life = 1; life <= rounds; life += 1) {
    await pause(course.dice.below(400));
    const kills = [python, others, ...sdks].map(async (one) => {
      await pause(course.dice.below(apartMs));
      await ("kill" in one ? one.kill() : one.stop("SIGKILL"));
    });
    await Promise.all(kills);
    if (life % 10 === 0) await pause(awayMs);
    for (const sdk of sdks) sdk.again();
    [python, others] = await Promise.all([startPython(life), startOwners(life), ...sdks.map((sdk) => sdk.ready())]);
  }
  await sender.hush();
  const boxes = await operator.emptied(30_000);
  for (const box of boxes) expectBoxExact(box);
  await pause(200); // receipts are gathered for a moment
  sender.read();
  await others.stop("SIGKILL");
  await python.kill();
  journal.tell(tally);
  const lost = tally.lost();
  course.note({
    "processes killed": rounds * ownersPerRound,
    "mailboxes whose owner was killed": rounds * owners.length,
    "messages said": tally.said,
    "told to be stored": tally.stored.size,
    handled: tally.heard,
    "of them again, by who knows no ids": tally.repeats,
    "lost by pyzmq: read by its library, and told to be done": tally.lost("py").length,
    "lost by zeromq.js, in the same way": tally.lost("js").length,
    "lost by PAN and AgentChat over Node's ws": tally.lost("bot").length + tally.lost(key.id).length,
    "lost in take mode": takers.reduce((sum, name) => sum + tally.lost(name).length, 0),
    "handled by the SDKs": sdks.reduce((sum, { name }) => sum + tally.of(name), 0),
    "taken again by them, and known by their ids": sdks.reduce((sum, { name }) => sum + journal.again(name), 0),
  });
  expect(sender.problems, "nothing is refused").toEqual([]);
  expect(tally.stored.size, "all was stored").toBe(tally.said);
  for (const name of takers) expect(tally.lost(name), "take mode loses nothing").toEqual([]);
  const unexplained = lost.filter((text) => tally.states.get(text) !== "done");
  expect(unexplained, "what is lost was handed over").toEqual([]);
  expect([...tally.lost("bot"), ...tally.lost(key.id)], "Node's ws answers behind every handler").toEqual([]);
  expect(lost.length).toBeLessThanOrEqual(2 * rounds * windowMax);
  for (const owner of ["py", "js", "bot", key.id]) expect(tally.problems(owner)).toEqual([]);
  for (const name of takers) expect(journal.twice(name), "handled once").toEqual([]);
  return broker;
}
