import { settle } from "./kit/accounts.js";
import { killTheBroker } from "./kit/mail-kills.js";
import { scenario } from "./kit/scenario.js";

/** Two brokers at once: most of the time of a start is waited for. */
const brokers = 2;
const kills = 50;

scenario({
  number: 14,
  title: "the broker killed under full mailboxes",
  done: `${String(brokers)} brokers killed ${String(kills)} times each at random points and started again on the same folder and doors, while agents of three dialects fill each other's mailboxes; owners in push mode (pyzmq, zeromq.js, PAN, AgentChat) and in take mode (plain, both SDKs) come back by themselves, and an SDK's agent is killed with every fifth kill. After each start every box counts exactly; at the end all that was told to be stored has come, in order, and what is known by its id is handled once`,
  limitMs: 400_000,
  async run(course) {
    const all = await Promise.all(Array.from({ length: brokers }, () => killTheBroker(course, kills)));
    for (const [at, { broker, numbers }] of all.entries()) {
      course.note(Object.fromEntries(Object.entries(numbers).map(([n, v]) => [`${String(at + 1)}: ${n}`, v])));
      await settle(course, broker);
    }
  },
});
