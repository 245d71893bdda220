import { setTimeout as pause } from "node:timers/promises";
import type { Broker } from "../../broker.js";
import { room, type Cast } from "./cast.js";
import { letters, proposals, questions, remarks } from "./lines.js";

/** How long the sleeper is awake, and asleep, milliseconds. */
const awakeMs = 6_000;
const asleepMs = 14_000;
/** How long somebody waits for an answer, milliseconds. */
const patience = { timeoutMs: 10_000 };

/** What happens, one after the other, from the first again. What is refused is part of it. */
export function scenes({
  planner,
  meter,
  scout,
  poet,
  clerk,
  names,
}: Cast): readonly ((signal: AbortSignal) => Promise<unknown>)[] {
  const ask = (to: string, text: string) => () => planner.request(to.replace(/^@/, ""), text, patience);
  return [
    () => ask(names.scout, questions.next())(),
    () => planner.inform(room, remarks.next()),
    () => report(meter),
    () => vote(planner, names),
    () => ask(names.poet, "a line about messages, please")(),
    () => clerk.query(names.meter, "CUSTOM", { text: "how warm is it?" }, { plain: true }),
    () => poet.send(room, remarks.next()),
    () => report(meter),
    () => ask(names.clerk, "when are you free?")(),
    () => {
      scout.say(names.sleeper, letters.next(), { intent: "inform" });
      return Promise.resolve();
    },
    () => report(meter),
    // Nobody is called so: that is refused, and shows as such.
    () => ask("demo-nobody", "are you there?")(),
  ];
}

function vote(planner: Cast["planner"], names: Cast["names"]): Promise<unknown> {
  const voters = [names.scout, names.poet.replace(/^@/, ""), names.clerk, names.meter];
  return planner.request(
    "$broker",
    {
      message: "let us decide",
      kind: "coordination.start",
      data: {
        pattern: "CONSENSUS",
        participants: voters.map((id) => ({ id, role: "voter" })),
        parameters: {
          consensusThreshold: 0.66,
          timeout: 15_000,
          proposal: { type: "plan", details: { text: proposals.next() } },
        },
      },
    },
    patience,
  );
}

/** The meter tells what nobody could count for it. */
async function report(meter: Cast["meter"]): Promise<void> {
  const { rss } = process.memoryUsage();
  await meter.inform("$telemetry", {
    message: "how I am",
    kind: "telemetry.metrics",
    data: { metrics: { memoryUsage: rss, resourceUtilization: Math.round(Math.random() * 100) / 100 } },
  });
  await meter.inform("$telemetry", {
    message: "what I can do",
    kind: "telemetry.capability",
    data: {
      action: "add",
      capability: { name: "thermometer", category: "measuring", level: 3, description: "Tells how warm it is" },
    },
  });
}

/** Somebody with a mailbox, who is away most of the time: letters wait. At the end the box is closed. */
export async function sleeperScene(broker: Broker, name: string, signal: AbortSignal): Promise<void> {
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    const sleeper = await broker.agent(name, { mailbox: true });
    sleeper.onRequest(() => "I have only just woken up");
    try {
      await pause(awakeMs, undefined, { signal }).catch(() => undefined);
      if (isOver()) await sleeper.closeMailbox({ discard: true });
    } finally {
      await sleeper.close();
    }
    await pause(asleepMs, undefined, { signal }).catch(() => undefined);
    if (isOver() && broker.isRunning) await closeBox(broker, name);
  }
}

async function closeBox(broker: Broker, name: string): Promise<void> {
  const owner = broker.agent(name);
  try {
    await owner.closeMailbox({ discard: true });
  } finally {
    await owner.close();
  }
}
