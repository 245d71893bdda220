import { settle } from "./kit/accounts.js";
import { killTheBroker } from "./kit/mail-kills.js";
import { scenario } from "./kit/scenario.js";

const kills = 100;

scenario({
  number: 14,
  title: "the broker killed under full mailboxes",
  done: `Killed ${String(kills)} times at random points and started again on the same folder and doors, while agents of three dialects fill each other's mailboxes; owners in push mode (pyzmq, PAN, AgentChat) and in take mode come back by themselves. After each start every box counts exactly; at the end all that was told to be stored has come, in order`,
  limitMs: 300_000,
  async run(course) {
    const broker = await killTheBroker(course, kills);
    await settle(course, broker);
  },
});
