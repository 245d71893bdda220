import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { keyFor } from "../../test/kit/agentchat-keys.js";
import { eventually } from "../../test/kit/broker.js";
import { PlainAgent } from "../../test/kit/plain-agent.js";
import { issueToken } from "../../test/kit/tokens.js";
import { expectBoxExact, Operator } from "./accounts.js";
import { BrokerProcess } from "./broker-process.js";
import { MailPython } from "./mail-python.js";
import { MailTaker } from "./mail-taker.js";
import { MailTally } from "./mail-tally.js";
import { MailWire } from "./mail-wires.js";
import type { Course } from "./scenario.js";

/** No client of these tests is slowed down by its dialect. */
export const unlimited = { panRatePerSecond: 100_000, panRateBurst: 100_000, agentchatRatePerSecond: 0 };

const everyMs = 20;
/** It is killed so long after it is ready, at most, milliseconds. */
const lifeMs = 600;

/**
 * Kills the broker again and again, while agents of three dialects fill each other's mailboxes: owners in push mode
 * (pyzmq, PAN, AgentChat) and in take mode, all of which come back by themselves. At the end everything that was told to
 * be stored has come, in order, and every box counts exactly (protocols §9).
 */
export async function killTheBroker(course: Course, kills: number): Promise<BrokerProcess> {
  const broker = await BrokerProcess.start(course, { limits: unlimited });
  const tally = new MailTally();
  const key = keyFor("box");
  const token = await issueToken(broker.dataDir, "bot", "ws");
  const operator = await Operator.of(course, broker);
  const owners = ["py", "bot", key.id, "taker"];
  const taker = await MailTaker.start("taker", broker, tally);
  course.finally(() => taker.close());
  const wires = [MailWire.pan(broker, "bot", token, tally), MailWire.chat(broker, key, tally)];
  course.finally(() => {
    for (const wire of wires) wire.close();
  });
  await eventually(() => wires.every(({ isIn }) => isIn), "both are logged in");
  const python = await MailPython.start(course, broker, tally, {
    name: "py",
    intervalMs: everyMs,
    to: owners.filter((owner) => owner !== "py"),
  });
  const zed = await new PlainAgent("zed", broker).meet();
  course.finally(() => {
    zed.close();
  });
  const read = (): void => {
    for (const { message } of zed.heard.splice(0)) {
      const { kind, data } = message.content;
      const { ids, state } = (data ?? {}) as { readonly ids: readonly string[]; readonly state: string };
      if (kind === "receipt") tally.told(ids, state);
    }
  };
  let writing: Promise<unknown> = Promise.resolve();
  const pump = setInterval(() => {
    read();
    for (const owner of owners) {
      for (const wire of wires) if (wire.name !== owner) wire.says(owner);
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

  const startsMs: number[] = [];
  const backMs: number[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    await pause(course.dice.below(lifeMs));
    await broker.kill();
    const killedAt = performance.now();
    await broker.again();
    startsMs.push(Math.round(performance.now() - killedAt));
    await operator.back();
    for (const box of await operator.mailboxes()) expectBoxExact(box);
    backMs.push(Math.round(performance.now() - killedAt));
  }
  await pause(lifeMs);
  clearInterval(pump);
  python.hush();
  await writing;
  const isTold = (): boolean => wires.every(({ open }) => open.length === 0);
  await eventually(isTold, "every receipt is told at last", 20_000).catch(() => undefined);
  for (const { open, problems } of wires) {
    const states = open.map((text) => `${text} ${tally.has(text) ? "heard" : "not heard"}`);
    expect(states, `a receipt for each; errors: ${problems.slice(-5).join("; ")}`).toEqual([]);
  }
  const boxes = await operator.emptied(30_000);
  read();
  expect(tally.lost(), "what was told to be stored has come").toEqual([]);
  for (const { name } of wires) expect(tally.missing(name), "what is said until it is stored comes").toEqual([]);
  for (const { name } of wires) expect(tally.problems(name)).toEqual([]);
  expect(tally.problems("py", kills + 1)).toEqual([]);
  expect(taker.undone, "what is done does not come again").toEqual([]);
  const settledUnheard = [...tally.states].filter(([text, state]) => state !== "stored" && !tally.has(text));
  expect(settledUnheard, "nothing is told to be done that nobody heard").toEqual([]);
  for (const box of boxes) expectBoxExact(box);
  await operator.look();
  course.note({
    kills,
    "start after the first kill, and after the last, ms": `${String(startsMs[0])}, ${String(startsMs.at(-1))}`,
    "until the operator had looked, ms": `${String(backMs[0])}, ${String(backMs.at(-1))}`,
    "messages said": tally.said + python.said,
    "told to be stored": tally.stored.size,
    "refused as full, and told so": tally.refused.size,
    "heard by owners": tally.heard,
    "of them again, on a later connection": tally.repeats,
    "stored and lost": 0,
    "taken again, and known by their ids": taker.again,
    "faults told to the taker": taker.faults,
    "leases of answers that died with the broker, given back": taker.givenBack,
  });
  return broker;
}
