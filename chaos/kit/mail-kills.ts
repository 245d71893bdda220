import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { keyFor } from "../../test/kit/agentchat-keys.js";
import { eventually } from "../../test/kit/broker.js";
import { PlainAgent } from "../../test/kit/plain-agent.js";
import { issueToken } from "../../test/kit/tokens.js";
import { expectBoxExact, Operator } from "./accounts.js";
import { BrokerProcess } from "./broker-process.js";
import { MailJournal } from "./mail-journal.js";
import { MailPython } from "./mail-python.js";
import { MailSdk } from "./mail-sdk.js";
import { MailSender } from "./mail-sender.js";
import { MailTaker } from "./mail-taker.js";
import { MailTally } from "./mail-tally.js";
import { MailWire } from "./mail-wires.js";
import type { Course, Numbers } from "./scenario.js";

/** No client of these tests is slowed down by its dialect. */
export const unlimited = { panRatePerSecond: 100_000, panRateBurst: 100_000, agentchatRatePerSecond: 0 };

const everyMs = 40;
/** It is killed so long after it is ready, at most, milliseconds. */
const lifeMs = 500;
/** With every so many-th kill of the broker an agent of an SDK is killed, too: the one, then the other. */
const bothEvery = 5;

/** What was killed, and how exactly all of it was kept. */
export interface BrokerKills {
  readonly broker: BrokerProcess;
  readonly numbers: Numbers;
}

/**
 * Kills the broker again and again, while agents of three dialects fill each other's mailboxes: owners in push mode
 * (pyzmq, zeromq.js, PAN, AgentChat) and in take mode (plain, both SDKs), all of which come back by themselves; those of
 * the SDKs are killed together with it now and then. At the end everything that was told to be stored has come, in order,
 * and every box counts exactly (protocols §9).
 */
export async function killTheBroker(course: Course, kills: number): Promise<BrokerKills> {
  const broker = await BrokerProcess.start(course, { limits: unlimited });
  const tally = new MailTally();
  const journal = MailJournal.in(course);
  const key = keyFor("box");
  const token = await issueToken(broker.dataDir, "bot", "ws");
  const operator = await Operator.of(course, broker);
  const taker = await MailTaker.start("taker", broker, tally);
  course.finally(() => taker.close());
  const sdks = [new MailSdk(course, broker, journal, "typescript"), new MailSdk(course, broker, journal, "python")];
  const wires = [MailWire.pan(broker, "bot", token, tally), MailWire.chat(broker, key, tally)];
  course.finally(() => {
    for (const wire of wires) wire.close();
  });
  const js = await new PlainAgent("js", broker, { declare: true }).meet();
  course.finally(() => {
    js.close();
  });
  await js.asks("mailbox.open");
  const owners = ["py", "js", "bot", key.id, "taker", ...sdks.map(({ name }) => name)];
  await eventually(() => wires.every(({ isIn }) => isIn), "both are logged in");
  const python = await MailPython.start(course, broker, tally, {
    name: "py",
    intervalMs: everyMs,
    to: owners.filter((owner) => owner !== "py"),
  });
  await Promise.all(sdks.map((sdk) => sdk.ready()));
  const hear = (): void => {
    for (const { message } of js.heard.splice(0)) tally.hears("js", message.content.message, 0);
  };
  const beat = (): void => {
    hear();
    for (const owner of owners) for (const wire of wires) if (wire.name !== owner) wire.says(owner);
  };
  const sender = await MailSender.start(course, broker, tally, { owners, everyMs, beat });

  const startsMs: number[] = [];
  let killedWithIt = 0;
  for (let kill = 1; kill <= kills; kill += 1) {
    await pause(course.dice.below(lifeMs));
    const sdk = kill % bothEvery === 0 ? sdks[killedWithIt % sdks.length] : undefined;
    await Promise.all([
      broker.kill(),
      // A moment before the broker or after it.
      pause(course.dice.below(10)).then(() => sdk?.kill()),
    ]);
    if (sdk !== undefined) {
      killedWithIt += 1;
      sdk.again();
    }
    const killedAt = performance.now();
    await broker.again();
    startsMs.push(Math.round(performance.now() - killedAt));
    await operator.back();
    for (const box of await operator.mailboxes()) expectBoxExact(box);
  }
  await pause(lifeMs);
  python.hush();
  await sender.hush();
  const isTold = (): boolean => wires.every(({ open }) => open.length === 0);
  await eventually(isTold, "every receipt is told at last", 20_000).catch(() => undefined);
  for (const { open, problems } of wires) {
    const states = open.map((text) => `${text} ${tally.has(text) ? "heard" : "not heard"}`);
    expect(states, `a receipt for each; errors: ${problems.slice(-5).join("; ")}`).toEqual([]);
  }
  await Promise.all(sdks.map((sdk) => sdk.ready()));
  const boxes = await operator.emptied(30_000);
  sender.read();
  await js.settled();
  hear();
  journal.tell(tally);
  expect(tally.lost(), "what was told to be stored has come").toEqual([]);
  for (const { name } of wires) expect(tally.missing(name), "what is said until it is stored comes").toEqual([]);
  for (const { name } of wires) expect(tally.problems(name)).toEqual([]);
  for (const name of ["py", "js"]) expect(tally.problems(name, kills + 1)).toEqual([]);
  expect(taker.undone, "what is done does not come again").toEqual([]);
  for (const { name } of sdks) expect(journal.twice(name), "handled once by who knows the ids").toEqual([]);
  const settledUnheard = [...tally.states].filter(([text, state]) => state !== "stored" && !tally.has(text));
  expect(settledUnheard, "nothing is told to be done that nobody heard").toEqual([]);
  for (const box of boxes) expectBoxExact(box);
  await operator.look();
  const numbers = {
    "kills of the broker": kills,
    "of them with an agent of an SDK": killedWithIt,
    "start after the first kill, and after the last, ms": `${String(startsMs[0])}, ${String(startsMs.at(-1))}`,
    "messages said": tally.said + python.said,
    "told to be stored": tally.stored.size,
    "refused as full, and told so": tally.refused.size,
    "heard by owners": tally.heard,
    "of them again, on a later connection": tally.repeats,
    "stored and lost": tally.lost().length,
    "handled by the SDKs": sdks.reduce((sum, { name }) => sum + tally.of(name), 0),
    "taken again by them, and known by their ids": sdks.reduce((sum, { name }) => sum + journal.again(name), 0),
    "taken again by the plain taker": taker.again,
    "faults told to it": taker.faults,
    "leases of answers that died with the broker, given back": taker.givenBack,
  };
  return { broker, numbers };
}
